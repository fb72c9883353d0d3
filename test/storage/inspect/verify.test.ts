import assert from 'node:assert/strict'
import { test } from 'node:test'
import { SimulatedDisk } from '../../../src/disk/simulated.ts'
import { type Logger, silent } from '../../../src/std/log.ts'
import { SeededRandom } from '../../../src/std/random.ts'
import type { Finding } from '../../../src/storage/inspect/findings.ts'
import { verifyStore } from '../../../src/storage/inspect/verify.ts'
import { flippedFolder } from '../flip-run.ts'
import { batchAt, durable, folder, logId, openStore, readAll, setting, syncConfig } from '../support.ts'

const idName = (index: number) => `${logId(index).topicId}-${index}`

/** Everything on a disk, to see that nothing was changed. */
function contentsOf(disk: SimulatedDisk): Record<string, string> {
  return Object.fromEntries(disk.paths().map(path => [path, disk.contents(path).toString('base64')]))
}

async function verify(disk: SimulatedDisk, live = false) {
  const before = contentsOf(disk)
  const result = await verifyStore({ disk, folder, live, report: () => {} })
  assert.deepEqual(contentsOf(disk), before, 'verifying changes nothing')
  const damages = result.findings.filter(({ severity }) => severity === 'damage')
  return { ...result, damages }
}

/** Two logs with several segments each; the broker stopped cleanly, was killed, or still runs. */
async function filled(end: 'close' | 'kill' | 'run', epochs = 1): Promise<SimulatedDisk> {
  let disk = new SimulatedDisk({ random: new SeededRandom(1) })
  const store = await openStore(setting(disk))
  for (let index = 0; index < 2; index++) {
    const log = await store.open(logId(index), syncConfig)
    for (let i = 0; i < 60; i++) {
      log.append(batchAt(log.endOffset, 2, 1000, Math.floor((i * epochs) / 60)))
      await durable(log)
    }
    await log.saveSnapshot({ offset: log.endOffset, bytes: Buffer.from('snapshot') })
  }
  if (end === 'close') await store.close()
  if (end === 'kill') disk = disk.afterKill()
  return disk
}

const segmentsOf = (disk: SimulatedDisk, index = 0) =>
  disk.paths().filter(path => path.includes(idName(index)) && path.endsWith('.log'))
const where = ({ path, position }: Finding) => [path, position]

test('a folder that is well is read whole and found well, stopped, killed and running', async () => {
  for (const end of ['close', 'kill', 'run'] as const) {
    const { damages, clean, logs, segments, batches } = await verify(await filled(end, 3), end === 'run')
    assert.deepEqual(damages, [], end)
    assert.equal(clean, { close: true, kill: false, run: undefined }[end])
    if (end === 'run') continue
    assert.equal(logs, 2)
    assert.ok(segments >= 6)
    assert.equal(batches, 120)
  }
})

test('a flipped bit in a batch is found at its byte, and other batches are read', async () => {
  const disk = await filled('close')
  const [first] = segmentsOf(disk)
  const size = batchAt(0, 2, 1000).length
  disk.flipBit(first, 3 * size + 100, 0)
  const { damages, batches } = await verify(disk)
  assert.deepEqual(damages.map(where), [[first, 3 * size]])
  assert.match(damages[0].message, /offsets 6 to 7 can't be read/)
  assert.equal(damages[0].log, idName(0))
  assert.equal(batches, 119)
})

test('base offsets and epochs, which no CRC covers, are held to their neighbours', async () => {
  for (const at of [7, 15]) {
    const disk = await filled('close', 3)
    const [first] = segmentsOf(disk)
    const size = batchAt(0, 2, 1000).length
    disk.flipBit(first, 2 * size + at, 3)
    assert.deepEqual((await verify(disk)).damages.map(where), [[first, 2 * size]])
  }
})

test('a segment that is short or gone is missed', async () => {
  const disk = await filled('close')
  const [first, second] = segmentsOf(disk)
  const file = await disk.open(first, { mode: 'write' })
  const size = await file.size()
  await file.truncate(size - 10)
  await file.close()
  await disk.remove(second)
  const { damages } = await verify(disk)
  assert.ok(damages.some(({ path, message }) => path === first && /it ends here/.test(message)))
  assert.ok(damages.some(({ path, message }) => path === second && /can't be read/.test(message)))
})

test('indexes are held against their segments', async () => {
  const disk = await filled('close')
  const index = segmentsOf(disk)[0].replace(/log$/, 'index')
  disk.flipBit(index, 24 + 5, 1)
  const [damage] = (await verify(disk)).damages
  assert.deepEqual(where(damage), [index, 24])
  // An entry of another segment: intact, and wrong.
  const other = await filled('close')
  const [a, b] = segmentsOf(other).map(path => path.replace(/log$/, 'index'))
  const entries = other.contents(b)
  const shifted = await other.open(a, { mode: 'write' })
  await shifted.truncate(0)
  await shifted.write(Buffer.concat([entries.subarray(0, 24), entries.subarray(48)]), 0, entries.length - 24, 0)
  await shifted.close()
  const found = await verify(other)
  assert.ok(found.damages.length > 0)
  assert.ok(found.damages.every(({ path, message }) => path === a && /an entry says/.test(message)))
})

test('snapshots, the checkpoint and the journal', async () => {
  const disk = await filled('kill')
  const snapshot = disk.paths().find(path => path.endsWith('.snapshot'))!
  disk.flipBit(snapshot, 13, 0)
  assert.deepEqual((await verify(disk)).damages.map(where), [[snapshot, 0]])
  const lost = await filled('close')
  lost.flipBit(`${folder}/checkpoint`, 30, 0)
  const { damages, clean } = await verify(lost)
  assert.equal(clean, false)
  assert.match(damages[0].message, /the checkpoint is lost/)
  const torn = await filled('kill')
  const journal = torn.paths().find(path => path.includes('/journal/sync-'))!
  const rounds = [
    ...torn
      .contents(journal)
      .toString('latin1')
      .matchAll(/NARURND2/g)
  ].map(({ index }) => index)
  torn.flipBit(journal, rounds[Math.floor(rounds.length / 2)] + 60, 0)
  const found = await verify(torn)
  assert.ok(found.damages.some(({ path, position }) => path === journal && typeof position === 'number'))
})

test('a folder of a newer version is refused, not misread', async () => {
  const disk = await filled('close')
  const file = await disk.open(`${folder}/naru.json`, { mode: 'write' })
  await file.write(Buffer.from('{"version":99}\n'), 0, 15, 0)
  await file.close()
  const { damages } = await verify(disk)
  assert.match(damages[0].message, /a start would refuse the folder: .*format version 99/)
})

test('verify says damage exactly where a start and its readers do', async () => {
  let damaged = 0
  for (let seed = 1; seed <= 120; seed++) {
    const { disk } = await flippedFolder(new SeededRandom(seed))
    const { damages } = await verify(disk)
    const found = damages.filter(({ path }) => !/\.(index|snapshot)$/.test(path))
    let reported = 0
    const logger: Logger = { ...silent, error: () => void reported++ }
    const store = await openStore(setting(disk, logger))
    let unread = 0
    for (const id of store.ids()) {
      const log = await store.open(id, syncConfig)
      await readAll(log).catch(() => unread++)
    }
    await store.close()
    assert.equal(found.length > 0, reported + unread > 0, `seed ${seed}: ${JSON.stringify(damages)}`)
    if (unread > 0) damaged++
  }
  assert.ok(damaged > 20, `${damaged} of the runs had damaged records`)
})
