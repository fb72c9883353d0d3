import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { SimulatedDisk } from '../../../src/disk/simulated.ts'
import { crc32c } from '../../../src/std/crc32c.ts'
import type { NaruError } from '../../../src/std/errors.ts'
import { SeededRandom } from '../../../src/std/random.ts'
import { readFileRounds } from '../../../src/storage/journal/journal-reader.ts'
import { entryHeaderBytes, roundHeaderBytes } from '../../../src/storage/journal/rounds.ts'
import type { Log } from '../../../src/storage/types.ts'
import { batchAt, durable, folder, logId, openStore, readAll, setting, syncConfig } from '../support.ts'

describe('the rounds of a journal', () => {
  it('of format version 1 are read, and the folder is taken to today’s version', async () => {
    let disk = new SimulatedDisk({ random: new SeededRandom(1) })
    const store = await openStore(setting(disk))
    const log = await store.open(logId(0), syncConfig)
    const appended: Buffer[] = []
    for (let at = 0; at < 5; at++) {
      const batch = batchAt(at, 1, 700)
      log.append(batch)
      appended.push(batch)
      await durable(log)
    }
    disk = disk.afterKill()
    toVersion1(disk)
    const again = await openStore(setting(disk))
    assert.deepEqual(await readAll(await again.open(logId(0), syncConfig)), Buffer.concat(appended))
    assert.equal(disk.contents(`${folder}/naru.json`).toString(), '{"version":3}\n')
    await again.close()
  })

  it('lose only the batch that is damaged, and say which offsets it had', async () => {
    let disk = new SimulatedDisk({ random: new SeededRandom(1) })
    const store = await openStore(setting(disk))
    const logs = [await store.open(logId(0), syncConfig), await store.open(logId(1), syncConfig)]
    const marked = Buffer.concat([batchAt(0, 2, 500), batchAt(2, 3, 900), batchAt(5, 2, 500)])
    logs[0].append(marked)
    logs[1].append(batchAt(0, 4, 100))
    await durable(logs[0])
    logs[1].append(batchAt(4, 1, 100))
    await durable(logs[1])
    disk = disk.afterKill()
    const path = `${folder}/journal/sync-1`
    // In a value of the second batch.
    disk.flipBit(path, disk.contents(path).indexOf(marked) + batchAt(0, 2, 500).length + 1000)
    const world = setting(disk)
    const again = await openStore(world)
    const damaged = await again.open(logId(0), syncConfig)
    assert.equal(damaged.endOffset, 7)
    assert.deepEqual(
      await readAll(await again.open(logId(1), syncConfig)),
      Buffer.concat([batchAt(0, 4, 100), batchAt(4, 1, 100)])
    )
    for (const offset of [2, 3, 4])
      await assert.rejects(async () => damaged.read(offset, { maxBytes: 1e6, atLeastOne: true, below: 7 }), {
        code: 'CORRUPT_MESSAGE'
      })
    const seen: number[] = []
    await damaged.scan(0, (batch, at) => seen.push(Number(batch.readBigInt64BE(at))))
    assert.deepEqual(seen, [0, 5])
    assert.equal(world.metrics.snapshot()['naru_corrupt_batches_total'], 1)
    await again.close()
  })

  it('that are damaged lead no log astray, whichever byte it is, and leave nothing sure until somebody has dealt with it', async () => {
    const entry = roundHeaderBytes
    for (let byte = 0; byte < roundHeaderBytes + entryHeaderBytes; byte++) {
      let disk = new SimulatedDisk({ random: new SeededRandom(1) })
      const store = await openStore(setting(disk))
      await store.survival.vouch()
      const log = await store.open(logId(0), syncConfig)
      for (let at = 0; at < 10; at += 2) {
        log.append(batchAt(at, 2, 100))
        await durable(log)
      }
      // The last round may be a torn one.
      const other = await store.open(logId(1), syncConfig)
      other.append(batchAt(0))
      await durable(other)
      disk = disk.afterKill()
      const path = `${folder}/journal/sync-1`
      const rounds = readFileRounds(disk.contents(path), path, 'sync', () => {})
      // Zeros at the end of the header, of which nothing depends.
      if (byte >= 36 && byte < entry) continue
      disk.flipBit(path, rounds[rounds.length - 2].position + byte, byte % 8)
      const again = await openStore(setting(disk))
      const back = await again.open(logId(0), syncConfig)
      // Where its kind, its length or its log is damaged, an entry may not be known for one.
      const isKnown = byte < entry || (byte >= entry + 8 && byte < entry + 16)
      assert.ok(
        back.endOffset === 10 || (back.endOffset === 8 && !isKnown),
        `byte ${byte} ends it at ${back.endOffset}`
      )
      assert.equal((await readAll(back)).length, (back.endOffset / 2) * batchAt(0, 2, 100).length)
      assert.equal(again.survival.survived, 'nothing', `byte ${byte}`)
      const third = await openStore(setting(disk.afterKill()))
      assert.equal(third.survival.survived, 'nothing', `byte ${byte}, at the next start`)
      await third.survival.vouch()
    }
  })

  for (const isFollowed of [false, true])
    it(`that have one changed byte lose no more than it is in, and put nothing where it was not, ${isFollowed ? 'with' : 'without'} more of their logs behind them`, async () => {
      // Partitions of one topic, that end alike: one changed bit of an entry makes it the other's.
      const ids = [0, 1].map(partition => ({ ...logId(0), partition }))
      const written = (partition: number, offset: number) => batchAt(offset, 2, 10 + partition)
      const disk = new SimulatedDisk({ random: new SeededRandom(1) })
      const store = await openStore(setting(disk))
      const logs = await Promise.all([...ids, logId(1)].map(id => store.open(id, syncConfig)))
      const append = async (...offsets: number[]) => {
        for (const offset of offsets) for (const at of [0, 1]) logs[at].append(written(at, offset))
        await Promise.all(logs.map(log => durable(log)))
      }
      await append(0)
      await append(2, 4)
      // The last round may be a torn one.
      logs[2].append(batchAt(0))
      await append(...(isFollowed ? [6] : []))
      const offsets = isFollowed ? [0, 2, 4, 6] : [0, 2, 4]
      const killed = disk.afterKill()
      const path = `${folder}/journal/sync-1`
      const rounds = readFileRounds(killed.contents(path), path, 'sync', () => {})
      const { position, entries } = rounds[rounds.length - 2]
      const pieces = entries.map(({ name, piece }) => ({ ...piece, partition: Number(name.slice(-1)) }))
      assert.deepEqual(
        pieces.map(({ partition, offset, length }) => [partition, offset, length]),
        [0, 1].map(at => [at, 2, written(at, 2).length + written(at, 4).length])
      )
      /** What may be lost by a changed byte, each batch as `partition:offset`. */
      const mayLose = (byte: number): string[] => {
        const [first, second] = pieces
        const at = byte >= second.position - entryHeaderBytes ? 1 : 0
        const inEntry = byte - pieces[at].position
        if (byte < first.position - entryHeaderBytes) return []
        const entry = [`${at}:2`, `${at}:4`]
        // Its kind or its length: what follows can't be found any more.
        if (inEntry < 8 - entryHeaderBytes) return at === 0 ? [...entry, '1:2', '1:4'] : entry
        // Its offset: the batches have it too.
        if (inEntry < 16 - entryHeaderBytes) return []
        if (inEntry < 0) return entry
        return [inEntry < written(at, 2).length ? entry[0] : entry[1]]
      }
      const end = offsets.length * 2
      for (let byte = position; byte < pieces[1].position + pieces[1].length; byte++) {
        const where = `byte ${byte - position}`
        const damaged = killed.afterKill()
        damaged.flipBit(path, byte, byte === pieces[0].position - 1 ? 0 : byte % 8)
        const again = await openStore(setting(damaged))
        const lost: string[] = []
        for (const id of ids) {
          const log = await again.open(id, syncConfig)
          assert.ok(log.endOffset <= end, `${where} ends ${id.partition} at ${log.endOffset}`)
          for (const offset of offsets) {
            const read = await batchOf(log, offset, where)
            if (!read) lost.push(`${id.partition}:${offset}`)
            else assert.ok(read.equals(written(id.partition, offset)), `${where} at ${offset}`)
          }
          // What the entry is and how long it is, and whose, must be known for the end to be.
          const isEntrys = pieces.some(({ position: content }) => byte >= content - entryHeaderBytes && byte < content)
          if (isFollowed || !isEntrys) assert.equal(log.endOffset, end, `${where} of ${id.partition}`)
        }
        const may = mayLose(byte)
        assert.deepEqual(
          lost.filter(batch => !may.includes(batch)),
          [],
          where
        )
      }
    })

  it('that are missing leave a hole, in which a log can be cut', async () => {
    let disk = new SimulatedDisk({ random: new SeededRandom(1) })
    const store = await openStore(setting(disk))
    const log = await store.open(logId(0), syncConfig)
    for (let at = 0; at < 20; at += 4) {
      log.append(batchAt(at, 4, 100))
      await durable(log)
    }
    disk = disk.afterKill()
    const path = `${folder}/journal/sync-1`
    const rounds = readFileRounds(disk.contents(path), path, 'sync', () => {})
    // The kind of its entry.
    disk.flipBit(path, rounds[rounds.length - 2].position + roundHeaderBytes, 4)
    const again = await openStore(setting(disk))
    const back = await again.open(logId(0), syncConfig)
    assert.equal(back.endOffset, 20)
    await back.truncate(14)
    assert.equal(back.endOffset, 14)
    back.append(batchAt(14, 1, 100, 1))
    await durable(back)
    const third = await openStore(setting(disk.afterKill()))
    const cut = await third.open(logId(0), syncConfig)
    assert.equal(cut.endOffset, 15)
    const whole = { maxBytes: 1e6, atLeastOne: true, below: 15 }
    for (const offset of [12, 13])
      await assert.rejects(async () => cut.read(offset, whole), { code: 'CORRUPT_MESSAGE' })
    assert.ok((await readAll(cut, 14)).equals(batchAt(14, 1, 100, 1)))
    await third.close()
  })
})

/** The batch at an offset; undefined where it is behind the log's end or damaged. */
async function batchOf(log: Log, offset: number, where: string): Promise<Buffer | undefined> {
  if (offset >= log.endOffset) return undefined
  try {
    const read = await log.read(offset, { maxBytes: 1, atLeastOne: true, below: log.endOffset })
    const batch = Buffer.concat(read.chunks)
    read.release()
    return batch
  } catch (error) {
    assert.equal((error as NaruError).code, 'CORRUPT_MESSAGE', where)
    return undefined
  }
}

/** Rewrites a folder as format version 1 had it: the CRC of a round covers all of its payload. */
function toVersion1(disk: SimulatedDisk): void {
  disk.replace(`${folder}/naru.json`, Buffer.from('{"version":1}\n'))
  for (const path of disk.paths().filter(name => name.includes('/journal/sync-'))) {
    const bytes = disk.contents(path)
    for (let at = bytes.indexOf('NARURND2'); at >= 0; at = bytes.indexOf('NARURND2', at)) {
      bytes.write('NARUROND', at, 'latin1')
      bytes.writeUInt32BE(crc32c(bytes, at + 40, at + 40 + bytes.readUInt32BE(at + 24)), at + 28)
      bytes.writeUInt32BE(crc32c(bytes, at, at + 32), at + 32)
    }
    disk.replace(path, bytes)
  }
}
