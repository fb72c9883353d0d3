import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { SimulatedDisk } from '../../../src/disk/simulated.ts'
import { crc32c } from '../../../src/std/crc32c.ts'
import { SeededRandom } from '../../../src/std/random.ts'
import { readFileRounds } from '../../../src/storage/journal/journal-reader.ts'
import { entryHeaderBytes, roundHeaderBytes } from '../../../src/storage/journal/rounds.ts'
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
