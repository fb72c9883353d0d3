import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { blockBytes, type Disk, DiskError, type DiskErrorKind } from '../../src/disk/disk.ts'

/** What every Disk must do, run on an empty folder of each implementation. */
export function diskConformance(name: string, make: () => Promise<{ disk: Disk; folder: string }>): void {
  describe(`${name} as a Disk`, () => {
    it('creates, writes, reads and keeps a file', async () => {
      const { disk, folder } = await make()
      const file = await disk.open(`${folder}/a`, { mode: 'write' })
      assert.equal(await file.size(), 0)
      await file.write(Buffer.from('xxhello'), 2, 5, 0)
      file.writeSync(Buffer.from(' world'), 0, 6, 5)
      await file.sync()
      assert.equal(await file.size(), 11)
      await file.close()
      await file.close()
      const again = await disk.open(`${folder}/a`, { mode: 'read' })
      const target = Buffer.alloc(20)
      assert.equal(await again.read(target, 1, 11, 0), 11)
      assert.equal(target.toString('latin1', 1, 12), 'hello world')
      await again.close()
    })

    it('reads short only at the end of the file', async () => {
      const { disk, folder } = await make()
      const file = await disk.open(`${folder}/a`, { mode: 'write' })
      await file.write(Buffer.from('0123456789'), 0, 10, 0)
      const target = Buffer.alloc(8)
      assert.equal(await file.read(target, 0, 8, 6), 4)
      assert.equal(target.toString('latin1', 0, 4), '6789')
      assert.equal(await file.read(target, 0, 8, 10), 0)
      assert.equal(await file.read(target, 0, 8, 100), 0)
      await file.close()
    })

    it('fills a gap with zeros and cuts to a length', async () => {
      const { disk, folder } = await make()
      const file = await disk.open(`${folder}/a`, { mode: 'write' })
      await file.write(Buffer.from('end'), 0, 3, 5000)
      await file.truncate(5001)
      assert.equal(await file.size(), 5001)
      await file.truncate(6000)
      const target = Buffer.alloc(6000, 1)
      assert.equal(await file.read(target, 0, 6000, 0), 6000)
      assert.equal(target.toString('latin1', 5000, 5001), 'e')
      assert.ok(target.subarray(0, 5000).every(byte => byte === 0))
      assert.ok(target.subarray(5001).every(byte => byte === 0))
      await file.close()
    })

    it('opening for writing never truncates; opening for reading needs the file', async () => {
      const { disk, folder } = await make()
      const file = await disk.open(`${folder}/a`, { mode: 'write' })
      await file.write(Buffer.from('kept'), 0, 4, 0)
      await file.close()
      const again = await disk.open(`${folder}/a`, { mode: 'write', durable: true })
      assert.equal(await again.size(), 4)
      await again.close()
      await rejects(disk.open(`${folder}/none`, { mode: 'read' }), 'missing')
      await rejects(disk.open(`${folder}/no/folder`, { mode: 'write' }), 'missing')
    })

    it('writes and reads whole blocks of a direct, durable file', async () => {
      const { disk, folder } = await make()
      const file = await disk.open(`${folder}/a`, { mode: 'write', durable: true, direct: true })
      const source = disk.allocate(3 * blockBytes)
      assert.equal(source.length, 3 * blockBytes)
      for (let i = 0; i < source.length; i++) source[i] = i % 251
      await file.write(source, 0, source.length, 0)
      await file.write(source, blockBytes, blockBytes, 5 * blockBytes)
      const target = disk.allocate(8 * blockBytes)
      assert.equal(await file.read(target, 0, 8 * blockBytes, 0), 6 * blockBytes)
      assert.deepEqual(target.subarray(0, 3 * blockBytes), source)
      assert.deepEqual(target.subarray(5 * blockBytes, 6 * blockBytes), source.subarray(blockBytes, 2 * blockBytes))
      await file.truncate(blockBytes + 10)
      assert.equal(await file.read(target, 0, 8 * blockBytes, 0), blockBytes + 10)
      await file.close()
    })

    it('writes pieces one behind the other', async () => {
      for (const direct of [false, true]) {
        const { disk, folder } = await make()
        const file = await disk.open(`${folder}/a`, { mode: 'write', direct })
        const pieces = [1, 3, 2].map((blocks, at) => disk.allocate(blocks * blockBytes).fill(at + 1))
        await file.writeAll(pieces, blockBytes)
        await file.writeAll([pieces[1]], 4 * blockBytes)
        const target = disk.allocate(8 * blockBytes)
        assert.equal(await file.read(target, 0, target.length, 0), 7 * blockBytes)
        const blocks = Array.from({ length: 7 }, (_, at) => target[at * blockBytes + 4095])
        assert.deepEqual(blocks, [0, 1, 2, 2, 2, 2, 2])
        await file.close()
      }
    })

    it('holds direct files to whole blocks', async () => {
      const { disk, folder } = await make()
      const file = await disk.open(`${folder}/a`, { mode: 'write', direct: true })
      const buffer = disk.allocate(2 * blockBytes)
      await assert.rejects(async () => file.write(buffer, 0, 100, 0), /invariant/)
      await assert.rejects(async () => file.write(buffer, 0, blockBytes, 100), /invariant/)
      await assert.rejects(async () => file.read(buffer, 0, blockBytes, 1), /invariant/)
      await assert.rejects(async () => file.writeAll([buffer, buffer.subarray(0, 100)], 0), /invariant/)
      await file.close()
    })

    it('preallocates zeros and leaves what is there', async () => {
      for (const direct of [false, true]) {
        const { disk, folder } = await make()
        const file = await disk.open(`${folder}/a`, { mode: 'write', direct })
        const source = disk.allocate(blockBytes).fill(7)
        await file.write(source, 0, blockBytes, 0)
        await file.preallocate(4 * blockBytes + 100)
        await file.preallocate(blockBytes)
        assert.equal(await file.size(), 4 * blockBytes + 100)
        const target = disk.allocate(8 * blockBytes)
        assert.equal(await file.read(target, 0, 8 * blockBytes, 0), 4 * blockBytes + 100)
        assert.ok(target.subarray(0, blockBytes).every(byte => byte === 7))
        assert.ok(target.subarray(blockBytes, 4 * blockBytes + 100).every(byte => byte === 0))
        await file.close()
      }
    })

    it('lists, finds, renames and removes', async () => {
      const { disk, folder } = await make()
      assert.deepEqual(await disk.list(`${folder}/none`), [])
      await disk.mkdir(`${folder}/x/y`)
      await disk.mkdir(`${folder}/x/y`)
      for (const name of ['b', 'a', 'y/c']) {
        const file = await disk.open(`${folder}/x/${name}`, { mode: 'write' })
        await file.write(Buffer.from(name), 0, name.length, 0)
        await file.close()
      }
      assert.deepEqual(await disk.list(`${folder}/x`), ['a', 'b', 'y'])
      assert.equal(await disk.exists(`${folder}/x/y`), true)
      assert.equal(await disk.exists(`${folder}/x/z`), false)
      await disk.rename(`${folder}/x/a`, `${folder}/x/b`)
      assert.deepEqual(await disk.list(`${folder}/x`), ['b', 'y'])
      const file = await disk.open(`${folder}/x/b`, { mode: 'read' })
      const target = Buffer.alloc(1)
      await file.read(target, 0, 1, 0)
      assert.equal(target.toString(), 'a')
      await file.close()
      await disk.rename(`${folder}/x`, `${folder}/z`)
      assert.deepEqual(await disk.list(`${folder}/z/y`), ['c'])
      await disk.syncDir(folder)
      await rejects(disk.rename(`${folder}/x`, `${folder}/w`), 'missing')
      await disk.remove(`${folder}/z`)
      await disk.remove(`${folder}/z`)
      assert.deepEqual(await disk.list(folder), [])
      await rejects(disk.syncDir(`${folder}/z`), 'missing')
    })

    it('close waits for operations in flight; afterwards the file refuses', async () => {
      const { disk, folder } = await make()
      const file = await disk.open(`${folder}/a`, { mode: 'write' })
      const source = Buffer.alloc(100_000, 3)
      let written = false
      const write = file.write(source, 0, source.length, 0).then(() => {
        written = true
      })
      await file.close()
      await write
      assert.ok(written)
      await assert.rejects(async () => file.size(), DiskError)
      assert.throws(() => file.writeSync(source, 0, 1, 0), DiskError)
    })

    it('keeps a removed file readable for those who have it open', async () => {
      const { disk, folder } = await make()
      const file = await disk.open(`${folder}/a`, { mode: 'write' })
      await file.write(Buffer.from('still here'), 0, 10, 0)
      await disk.remove(`${folder}/a`)
      const target = Buffer.alloc(10)
      assert.equal(await file.read(target, 0, 10, 0), 10)
      assert.equal(target.toString(), 'still here')
      await file.close()
    })

    it('tells how much room there is', async () => {
      const { disk, folder } = await make()
      const { totalBytes, usableBytes } = await disk.space(folder)
      if (totalBytes === undefined) assert.equal(usableBytes, undefined)
      else assert.ok(usableBytes !== undefined && usableBytes > 0 && usableBytes <= totalBytes)
    })

    it('locks a folder once', async () => {
      const { disk, folder } = await make()
      const lock = await disk.lock(`${folder}/lock`)
      await rejects(disk.lock(`${folder}/lock`), 'locked')
      await lock.release()
      await lock.release()
      const again = await disk.lock(`${folder}/lock`)
      await again.release()
    })
  })
}

async function rejects(promise: Promise<unknown>, kind: DiskErrorKind): Promise<void> {
  await assert.rejects(promise, error => error instanceof DiskError && error.kind === kind)
}
