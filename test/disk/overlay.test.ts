import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import type { Disk } from '../../src/disk/disk.ts'
import { memoryDisk } from '../../src/disk/memory.ts'
import { nodeDisk } from '../../src/disk/node/disk.ts'
import { OverlayDisk } from '../../src/disk/overlay.ts'
import { diskConformance } from './conformance.ts'

diskConformance('an overlay', async () => {
  const below = memoryDisk()
  await below.mkdir('/data')
  return { disk: new OverlayDisk(below), folder: '/data' }
})

diskConformance('an overlay of the real disk', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'naru-overlay-'))
  folders.push(folder)
  return { disk: new OverlayDisk(nodeDisk()), folder }
})

const folders: string[] = []
after(() => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true })
})

async function write(disk: Disk, path: string, text: string, position = 0): Promise<void> {
  const file = await disk.open(path, { mode: 'write' })
  await file.write(Buffer.from(text), 0, text.length, position)
  await file.close()
}

async function read(disk: Disk, path: string): Promise<string> {
  const file = await disk.open(path, { mode: 'read' })
  const bytes = Buffer.alloc(await file.size())
  await file.read(bytes, 0, bytes.length, 0)
  await file.close()
  return bytes.toString()
}

test('what is changed is seen above, never below, and can be told', async () => {
  const below = memoryDisk()
  await below.mkdir('/d/sub')
  const long = 'x'.repeat(100_000)
  for (const name of ['kept', 'cut', 'gone', 'moved', 'sub/a']) await write(below, `/d/${name}`, long)
  const disk = new OverlayDisk(below)
  assert.equal(await read(disk, '/d/kept'), long)
  await write(disk, '/d/moved', 'YY', 70_000)
  await disk.rename('/d/moved', '/d/there')
  const cut = await disk.open('/d/cut', { mode: 'write' })
  await cut.truncate(10)
  await cut.truncate(12)
  await cut.close()
  await disk.remove('/d/gone')
  await disk.remove('/d/sub')
  await write(disk, '/d/new', 'new')
  assert.deepEqual(await disk.list('/d'), ['cut', 'kept', 'new', 'there'])
  assert.equal(await read(disk, '/d/there'), `${long.slice(0, 70_000)}YY${long.slice(70_002)}`)
  assert.equal(await read(disk, '/d/cut'), `${'x'.repeat(10)}\0\0`)
  assert.equal(await disk.exists('/d/sub/a'), false)
  assert.deepEqual(
    disk.changes().map(({ path, kind, fromBytes, toBytes }) => [path, kind, fromBytes, toBytes]),
    [
      ['/d/cut', 'cut', 100_000, 12],
      ['/d/gone', 'removed', 0, 0],
      ['/d/moved', 'removed', 0, 0],
      ['/d/new', 'written', 0, 3],
      ['/d/sub', 'removed', 0, 0],
      ['/d/there', 'written', 100_000, 100_000]
    ]
  )
  assert.deepEqual(await below.list('/d'), ['cut', 'gone', 'kept', 'moved', 'sub'])
  for (const name of ['kept', 'cut', 'gone', 'moved', 'sub/a']) assert.equal(await read(below, `/d/${name}`), long)
})
