import assert from 'node:assert/strict'
import { SimulatedDisk } from '../../src/disk/simulated.ts'
import { type Logger, silent } from '../../src/std/log.ts'
import { below, chance, SeededRandom } from '../../src/std/random.ts'
import type { Log } from '../../src/storage/types.ts'
import { LogModel } from './model.ts'
import { batchAt, durable, logId, openStore, setting, syncConfig } from './support.ts'

/**
 * One seeded run in which a bit of what was acknowledged flips: it must be reported, never served, and never be cut off
 * without a word. Rejects otherwise. True when the flip did damage records.
 */
export async function flipRun(seed: number): Promise<boolean> {
  const random = new SeededRandom(seed)
  const { disk, models } = await flippedFolder(random)
  let reported = 0
  const logger: Logger = {
    ...silent,
    error() {
      reported++
    }
  }
  const world = setting(disk, logger)
  const store = await openStore(world)
  let damaged = 0
  for (const model of models) {
    const log = await store.open(model.id, model.config)
    assert.ok(log.endOffset >= model.durable, `log ${model.id.partition} was cut to ${log.endOffset}`)
    model.lost(log.endOffset)
    damaged += await model.checkBytes(log, `log ${model.id.partition}`, true)
    // It goes on working.
    await append(model, log, random, 2)
  }
  if (damaged > 0) {
    assert.ok(reported > 0, 'damage is logged')
    assert.ok(world.metrics.snapshot()['naru_corrupt_batches_total'] > 0, 'damage is counted')
  }
  await store.close()
  const again = await openStore(setting(disk))
  for (const model of models) {
    const log = await again.open(model.id, model.config)
    assert.ok(log.endOffset >= model.durable, `log ${model.id.partition} was cut to ${log.endOffset}, later`)
    model.lost(log.endOffset)
    await model.checkBytes(log, `log ${model.id.partition}`, true)
  }
  await again.close()
  return damaged > 0
}

/** A data folder of a broker that stopped, cleanly or not, in which one bit has flipped since; and what it had. */
export async function flippedFolder(random: SeededRandom): Promise<{ disk: SimulatedDisk; models: LogModel[] }> {
  let disk = new SimulatedDisk({ random })
  const models = Array.from({ length: 1 + below(random, 4) }, (_, at) => new LogModel(logId(at), syncConfig))
  for (let life = 0; life < 2; life++) {
    const store = await openStore(setting(disk))
    for (const model of models) model.lost((await store.open(model.id, model.config)).endOffset)
    for (let step = 0; step < 40; step++) {
      const model = models[below(random, models.length)]
      await append(model, await store.open(model.id, model.config), random, life)
    }
    // The last round of a journal can't be told from a torn one when it is damaged: it has something else.
    const last = await store.open(logId(99), syncConfig)
    last.append(batchAt(last.endOffset, 1, 10, life))
    await durable(last)
    if (chance(random, 0.5)) await store.close()
    disk = chance(random, 0.5) ? disk.afterCrash() : disk.afterKill()
  }
  flip(disk, random)
  return { disk, models }
}

async function append(model: LogModel, log: Log, random: SeededRandom, epoch: number): Promise<void> {
  const records = 1 + below(random, 3)
  const bytes = chance(random, 0.01) ? 70_000 : below(random, 3000)
  const batch = batchAt(log.endOffset, records, bytes, epoch)
  log.append(batch)
  model.appended(batch)
  if (!chance(random, 0.7)) return
  await durable(log)
  model.acknowledged(log.endOffset)
}

function flip(disk: SimulatedDisk, random: SeededRandom): void {
  const paths = disk.paths().filter(path => !/naru\.json|lock|\.new$/.test(path) && disk.contents(path).length > 0)
  // Segments and journals more often than the rest, and where they have something.
  const chosen = paths.filter(path => path.endsWith('.log') || path.includes('/journal/'))
  const path = chance(random, 0.8) ? chosen[below(random, chosen.length)] : paths[below(random, paths.length)]
  const bytes = disk.contents(path)
  let position = below(random, bytes.length)
  for (let tries = 0; bytes[position] === 0 && tries < 20; tries++) position = below(random, bytes.length)
  disk.flipBit(path, position, below(random, 8))
}
