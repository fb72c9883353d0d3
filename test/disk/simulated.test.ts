import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { blockBytes, DiskError } from '../../src/disk/disk.ts'
import { SimulatedDisk } from '../../src/disk/simulated.ts'
import { SeededRandom } from '../../src/std/random.ts'
import { diskConformance } from './conformance.ts'

const runs = 300

diskConformance('the simulated disk', async () => {
  const disk = new SimulatedDisk({ random: new SeededRandom(1) })
  await disk.mkdir('/data')
  return { disk, folder: '/data' }
})

/** A disk with the empty, durable folder /d. */
async function fresh(seed: number, options: { capacityBytes?: number } = {}): Promise<SimulatedDisk> {
  const disk = new SimulatedDisk({ random: new SeededRandom(seed), ...options })
  await disk.mkdir('/d')
  await disk.syncDir('/')
  return disk
}

/** How often each outcome occurred over many seeds. */
async function outcomes(act: (disk: SimulatedDisk) => Promise<string>): Promise<Map<string, number>> {
  const seen = new Map<string, number>()
  for (let seed = 0; seed < runs; seed++) {
    const outcome = await act(await fresh(seed))
    seen.set(outcome, (seen.get(outcome) ?? 0) + 1)
  }
  return seen
}

describe('a crash of the simulated disk', () => {
  it('may keep, lose or tear what was not synced, in sectors', async () => {
    const seen = await outcomes(async disk => {
      const file = await disk.open('/d/a', { mode: 'write' })
      await file.write(Buffer.alloc(2048, 1), 0, 2048, 0)
      await file.sync()
      await disk.syncDir('/d')
      await file.write(Buffer.alloc(1536, 2), 0, 1536, 256)
      const bytes = disk.afterCrash().contents('/d/a')
      assert.equal(bytes.length, 2048)
      assert.ok(bytes.subarray(0, 256).every(byte => byte === 1))
      assert.ok(bytes.subarray(1792).every(byte => byte === 1))
      return [256, 512, 1024, 1536].map(at => bytes[at]).join('')
    })
    assert.ok(seen.has('1111') && seen.has('2222') && seen.has('1212') && seen.has('2111'))
  })

  it('never loses what was synced', async () => {
    await outcomes(async disk => {
      const file = await disk.open('/d/a', { mode: 'write' })
      for (let i = 1; i <= 5; i++) await file.write(Buffer.alloc(1000, i), 0, 1000, i * 700)
      await file.sync()
      await disk.syncDir('/d')
      const before = disk.contents('/d/a')
      assert.deepEqual(disk.afterCrash().contents('/d/a'), before)
      return ''
    })
  })

  it('does not count a write that was still in flight when the sync began', async () => {
    const seen = await outcomes(async disk => {
      const file = await disk.open('/d/a', { mode: 'write' })
      await disk.syncDir('/d')
      await Promise.all([file.write(Buffer.alloc(512, 1), 0, 512, 0), file.sync()])
      return String(disk.afterCrash().contents('/d/a').length)
    })
    assert.ok(seen.has('0') && seen.has('512'))
  })

  it('keeps a durable write that came back, and tears the one in flight', async () => {
    const seen = await outcomes(async disk => {
      const file = await disk.open('/d/a', { mode: 'write', durable: true, direct: true })
      const block = disk.allocate(2 * blockBytes)
      await disk.syncDir('/d')
      await file.write(block.fill(1), 0, 2 * blockBytes, 0)
      disk.crashAt(disk.operations + 1)
      await assert.rejects(file.write(block.fill(2), 0, blockBytes, blockBytes), { kind: 'crashed' })
      const bytes = disk.afterCrash().contents('/d/a')
      assert.ok(bytes.subarray(0, blockBytes).every(byte => byte === 1))
      const sectors = new Set(bytes.subarray(blockBytes))
      return [...sectors].sort().join('')
    })
    assert.ok(seen.has('1') && seen.has('2') && seen.has('12'))
  })

  it('keeps names only after the sync of their folder', async () => {
    const seen = await outcomes(async disk => {
      const file = await disk.open('/d/a', { mode: 'write' })
      await file.write(Buffer.from('x'), 0, 1, 0)
      await file.sync()
      return disk.afterCrash().paths().join()
    })
    assert.deepEqual([...seen.keys()].sort(), ['', '/d/a'])
  })

  it('shows a rename whole: the old file or the new one under the name, never none', async () => {
    const seen = await outcomes(async disk => {
      const old = await disk.open('/d/a', { mode: 'write' })
      await old.write(Buffer.from('old'), 0, 3, 0)
      await old.sync()
      await disk.syncDir('/d')
      const draft = await disk.open('/d/a.new', { mode: 'write' })
      await draft.write(Buffer.from('new'), 0, 3, 0)
      await draft.sync()
      await disk.rename('/d/a.new', '/d/a')
      return disk.afterCrash().contents('/d/a').toString()
    })
    assert.deepEqual([...seen.keys()].sort(), ['new', 'old'])
  })

  it('keeps a removal only after the sync of the folder, and then for good', async () => {
    const seen = await outcomes(async disk => {
      await disk.open('/d/a', { mode: 'write' })
      await disk.syncDir('/d')
      await disk.remove('/d/a')
      return String(disk.afterCrash().paths().length)
    })
    assert.deepEqual([...seen.keys()].sort(), ['0', '1'])
    await outcomes(async disk => {
      await disk.open('/d/a', { mode: 'write' })
      await disk.syncDir('/d')
      await disk.remove('/d/a')
      await disk.syncDir('/d')
      assert.deepEqual(disk.afterCrash().paths(), [])
      return ''
    })
  })

  it('leaves all bytes and names when only the process was killed, and they stay as unsafe as they were', async () => {
    const seen = await outcomes(async disk => {
      const file = await disk.open('/d/a', { mode: 'write' })
      await file.write(Buffer.from('cached'), 0, 6, 0)
      const next = disk.afterKill()
      assert.equal(next.contents('/d/a').toString(), 'cached')
      return next.afterCrash().paths().join()
    })
    assert.deepEqual([...seen.keys()].sort(), ['', '/d/a'])
  })

  it('can come at every operation; each later one rejects', async () => {
    const work = async (disk: SimulatedDisk) => {
      await disk.mkdir('/d/x')
      const file = await disk.open('/d/x/a', { mode: 'write' })
      await Promise.all([file.write(Buffer.alloc(600), 0, 600, 0), file.write(Buffer.alloc(600), 0, 600, 600)])
      file.writeSync(Buffer.alloc(1), 0, 1, 1200)
      await file.sync()
      await file.truncate(100)
      await disk.rename('/d/x/a', '/d/x/b')
      await disk.syncDir('/d/x')
      await disk.remove('/d/x')
      await file.close()
    }
    const calm = await fresh(0)
    const before = calm.operations
    await work(calm)
    for (let at = before + 1; at <= calm.operations; at++) {
      const disk = await fresh(at)
      disk.crashAt(at)
      await assert.rejects(work(disk), { kind: 'crashed' })
      assert.ok(disk.crashed)
      await assert.rejects(disk.list('/d'), { kind: 'crashed' })
      await disk.afterCrash().list('/d')
    }
  })

  it('replays from its seed', async () => {
    const run = async (seed: number) => {
      const disk = await fresh(seed)
      const file = await disk.open('/d/a', { mode: 'write' })
      const order: number[] = []
      await Promise.all(
        [0, 1, 2, 3, 4, 5].map(i => file.write(Buffer.alloc(900, i), 0, 900, i * 800).then(() => order.push(i)))
      )
      const after = disk.afterCrash()
      return `${order} ${after.paths()} ${after.paths().map(path => after.contents(path).toString('hex'))}`
    }
    const results = new Set<string>()
    for (let seed = 0; seed < 20; seed++) {
      const first = await run(seed)
      assert.equal(await run(seed), first)
      results.add(first)
    }
    assert.ok(results.size > 10)
  })
})

describe('faults of the simulated disk', () => {
  it('fills up: what fits is written, the rest is refused as full', async () => {
    const disk = await fresh(3, { capacityBytes: 1000 })
    const file = await disk.open('/d/a', { mode: 'write' })
    await file.write(Buffer.alloc(900), 0, 900, 0)
    await assert.rejects(file.write(Buffer.alloc(900), 0, 900, 900), { kind: 'full' })
    assert.ok((await file.size()) <= 1000)
    await file.write(Buffer.alloc(900), 0, 900, 0)
    await disk.remove('/d/a')
    const other = await disk.open('/d/b', { mode: 'write' })
    await other.write(Buffer.alloc(1000), 0, 1000, 0)
  })

  it('forgets the pages of a failed sync: a second sync that succeeds proves nothing', async () => {
    const seen = await outcomes(async disk => {
      const file = await disk.open('/d/a', { mode: 'write' })
      await file.preallocate(512)
      await disk.syncDir('/d')
      await file.write(Buffer.alloc(512, 1), 0, 512, 0)
      disk.failNext('sync')
      await assert.rejects(file.sync(), { kind: 'io' })
      await file.sync()
      const target = Buffer.alloc(1)
      await file.read(target, 0, 1, 0)
      assert.equal(target[0], 1, 'the page cache still has it')
      return String(disk.afterCrash().contents('/d/a')[0])
    })
    assert.deepEqual([...seen.keys()].sort(), ['0', '1'])
  })

  it('fails on demand, by path and kind, and by probability', async () => {
    const disk = await fresh(5)
    const a = await disk.open('/d/a', { mode: 'write' })
    const b = await disk.open('/d/b', { mode: 'write' })
    disk.failNext('write', '/b', 'full')
    await a.write(Buffer.alloc(10), 0, 10, 0)
    await assert.rejects(b.write(Buffer.alloc(10), 0, 10, 0), { kind: 'full' })
    await b.write(Buffer.alloc(10), 0, 10, 0)
    disk.faults.read = 1
    await assert.rejects(a.read(Buffer.alloc(1), 0, 1, 0), DiskError)
  })

  it('flips bits, and they stay flipped', async () => {
    const disk = await fresh(6)
    const file = await disk.open('/d/a', { mode: 'write' })
    await file.write(Buffer.from([0, 0, 0]), 0, 3, 0)
    await disk.syncDir('/d')
    disk.flipBit('/d/a', 1, 3)
    assert.deepEqual([...disk.contents('/d/a')], [0, 8, 0])
    await file.sync()
    assert.deepEqual([...disk.afterCrash().contents('/d/a')], [0, 8, 0])
  })

  it('accepts only memory of its own for direct files', async () => {
    const disk = await fresh(7)
    const file = await disk.open('/d/a', { mode: 'write', direct: true })
    await assert.rejects(async () => file.write(Buffer.alloc(blockBytes), 0, blockBytes, 0), /allocate/)
    const memory = disk.allocate(2 * blockBytes)
    await assert.rejects(async () => file.write(memory.subarray(16), 0, blockBytes, 0), /allocate/)
    await file.write(memory.subarray(blockBytes), 0, blockBytes, 0)
  })
})
