import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import { blockBytes, DiskError } from '../../src/disk/disk.ts'
import { nodeDisk } from '../../src/disk/node/disk.ts'
import { diskConformance } from './conformance.ts'

const folders: string[] = []

async function folder(): Promise<string> {
  const made = await mkdtemp(join(tmpdir(), 'naru-disk-'))
  folders.push(made)
  return made
}

after(async () => {
  for (const made of folders) await rm(made, { recursive: true, force: true })
})

diskConformance('the real disk', async () => ({ disk: nodeDisk(), folder: await folder() }))

describe('the real disk', () => {
  it('goes through the page cache when a direct file does not take the memory it is given', async () => {
    const disk = nodeDisk()
    const file = await disk.open(`${await folder()}/a`, { mode: 'write', direct: true, durable: true })
    const odd = Buffer.allocUnsafeSlow(2 * blockBytes).subarray(1, blockBytes + 1)
    odd.fill(9)
    await Promise.all([file.write(odd, 0, blockBytes, 0), file.write(odd, 0, blockBytes, blockBytes)])
    file.writeSync(odd, 0, blockBytes, 2 * blockBytes)
    const target = disk.allocate(4 * blockBytes)
    assert.equal(await file.read(target, 0, 4 * blockBytes, 0), 3 * blockBytes)
    assert.ok(target.subarray(0, 3 * blockBytes).every(byte => byte === 9))
    await file.close()
  })

  it('stays with its file when it leaves O_DIRECT after a rename', async () => {
    const disk = nodeDisk()
    const at = await folder()
    const file = await disk.open(`${at}/a`, { mode: 'write', direct: true })
    await disk.rename(`${at}/a`, `${at}/b`)
    const other = await disk.open(`${at}/a`, { mode: 'write' })
    await file.write(Buffer.allocUnsafeSlow(blockBytes + 1).subarray(1), 0, blockBytes, 0)
    assert.equal(await other.size(), 0)
    assert.equal(await file.size(), blockBytes)
    await file.close()
    await other.close()
  })

  it('takes the lock over from a killed process, not from a living one', async () => {
    const at = await folder()
    const source = `
      import { nodeDisk } from ${JSON.stringify(new URL('../../src/disk/node/disk.ts', import.meta.url).href)}
      await nodeDisk().lock(${JSON.stringify(at)})
      console.log('locked')
      setInterval(() => {}, 1000)`
    const child = spawn(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', source], {
      stdio: ['ignore', 'pipe', 'inherit']
    })
    await once(child.stdout, 'data')
    await assert.rejects(
      nodeDisk().lock(at),
      error => error instanceof DiskError && error.kind === 'locked' && error.message.includes(String(child.pid))
    )
    child.kill('SIGKILL')
    await once(child, 'exit')
    const lock = await nodeDisk().lock(at)
    assert.deepEqual(await readdir(at), ['lock'])
    await lock.release()
    assert.deepEqual(await readdir(at), [])
  })

  it('is not fooled by a process id that was given to another, nor by garbage', async () => {
    for (const content of [`${process.pid} 1`, '1 1', 'garbage', '']) {
      const at = await folder()
      await writeFile(join(at, 'lock'), content)
      await (await nodeDisk().lock(at)).release()
    }
  })
})
