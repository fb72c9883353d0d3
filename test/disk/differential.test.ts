import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { it } from 'node:test'
import type { Disk, DiskFile } from '../../src/disk/disk.ts'
import { DiskError } from '../../src/disk/disk.ts'
import { memoryDisk } from '../../src/disk/memory.ts'
import { nodeDisk } from '../../src/disk/node/disk.ts'
import { SimulatedDisk } from '../../src/disk/simulated.ts'
import { below, SeededRandom } from '../../src/std/random.ts'

const runs = 12
const steps = 250

it('all disks give the same answers to the same calls', async () => {
  for (let seed = 0; seed < runs; seed++) {
    const folder = await mkdtemp(join(tmpdir(), 'naru-disks-'))
    try {
      const real = await story(nodeDisk(), folder, seed)
      const memory = await story(memoryDisk(), '/d', seed)
      const simulated = await story(new SimulatedDisk({ random: new SeededRandom(seed) }), '/d', seed)
      for (let step = 0; step < real.length; step++) {
        assert.equal(memory[step], real[step], `memory disk, seed ${seed}`)
        assert.equal(simulated[step], real[step], `simulated disk, seed ${seed}`)
      }
    } finally {
      await rm(folder, { recursive: true, force: true })
    }
  }
})

const digest = (bytes: Buffer) => createHash('sha1').update(bytes).digest('hex')

/** Random calls, the same for the same seed; tells what each answered. */
async function story(disk: Disk, folder: string, seed: number): Promise<string[]> {
  const random = new SeededRandom(seed)
  const answers: string[] = []
  await disk.mkdir(folder)
  const files: DiskFile[] = []
  const place = () => {
    const parents = ['', '/x', '/x/y', '/z']
    return `${folder}${parents[below(random, parents.length)]}/f${below(random, 3)}`
  }
  const fileAt = () => files[below(random, files.length)]
  const calls: (() => Promise<unknown>)[] = [
    async () => {
      const path = place()
      const file = await disk.open(path, { mode: below(random, 2) === 0 ? 'read' : 'write' })
      await file.close()
      return 'opened'
    },
    async () => {
      const path = place()
      files.push(await disk.open(path, { mode: 'write' }))
      return 'kept'
    },
    async () => disk.mkdir(`${folder}${['/x', '/x/y', '/z'][below(random, 3)]}`),
    async () => disk.list(`${folder}${['', '/x', '/x/y', '/z'][below(random, 4)]}`),
    async () => disk.exists(place()),
    async () => {
      const from = place()
      return disk.rename(from, place())
    },
    async () => (below(random, 4) === 0 ? disk.rename(`${folder}/x`, `${folder}/w${below(random, 100)}`) : 'stayed'),
    async () => (below(random, 3) === 0 ? disk.remove(place()) : 'spared'),
    async () => disk.syncDir(`${folder}${['', '/x', '/z'][below(random, 3)]}`),
    async () => fileAt()?.size(),
    async () => fileAt()?.truncate(below(random, 200_000)),
    async () => fileAt()?.preallocate(below(random, 200_000)),
    async () => {
      const source = Buffer.alloc(1 + below(random, 3000), 1 + below(random, 255))
      const offset = below(random, source.length)
      const position = below(random, 150_000)
      const file = fileAt()
      if (below(random, 2) === 0) return file?.write(source, offset, source.length - offset, position)
      return file?.writeSync(source, offset, source.length - offset, position)
    },
    async () => {
      const target = Buffer.alloc(5000)
      const position = below(random, 160_000)
      const count = await fileAt()?.read(target, 100, 4000, position)
      return `${count} ${digest(target)}`
    }
  ]
  for (let step = 0; step < steps; step++) {
    const call = below(random, calls.length)
    try {
      answers.push(`${step}: ${call} ${JSON.stringify(await calls[call]())}`)
    } catch (error) {
      assert.ok(error instanceof DiskError, String(error))
      answers.push(`${step}: ${call} ${error.kind}`)
    }
  }
  for (const file of files) {
    const bytes = Buffer.alloc(await file.size())
    await file.read(bytes, 0, bytes.length, 0)
    answers.push(digest(bytes))
    await file.close()
  }
  return answers
}
