import assert from 'node:assert/strict'
import { type Disk, DiskError } from '../../src/disk/disk.ts'
import { SimulatedDisk } from '../../src/disk/simulated.ts'
import { buildBatch } from '../../src/record/build.ts'
import * as header from '../../src/record/header.ts'
import { codeOf, NaruError } from '../../src/std/errors.ts'
import type { Logger } from '../../src/std/log.ts'
import { below, chance, SeededRandom } from '../../src/std/random.ts'
import { Compactor } from '../../src/storage/compaction/compactor.ts'
import type { Log, LogStore } from '../../src/storage/types.ts'
import { LogModel } from './model.ts'
import { batchAt, cachedConfig, durable, logId, openStore, type StoreSetting, setting, syncConfig } from './support.ts'

export interface RunOptions {
  /** How many times the machine or the process dies. */
  readonly lives?: number
  /** Probability of each write and each sync to fail. */
  readonly faults?: number
  /** Logs have few keys and are compacted. */
  readonly compacts?: boolean
  /** The disk fills up, again and again. */
  readonly fills?: boolean
  /** A disk that breaks a rule: the run must find it out. */
  readonly plant?: (disk: Disk, random: SeededRandom) => Disk
  readonly logger?: Logger
}

const turn = () => new Promise<void>(resolve => setImmediate(resolve))

/** Lets time pass until the promise is settled. */
async function passing<T>(world: StoreSetting, promise: Promise<T>): Promise<T> {
  let isSettled = false
  const settle = () => {
    isSettled = true
  }
  promise.then(settle, settle)
  for (let turns = 0; !isSettled; turns++) {
    assert.ok(turns < 10_000, 'something never ends')
    world.clock.advance(100)
    await turn()
  }
  return promise
}

/**
 * One seeded run: a store that is written, read, cut and crashed at any operation, again and again, and checked against
 * what its user was told. Rejects when a promise was broken.
 */
export async function crashRun(seed: number, options: RunOptions = {}): Promise<void> {
  const random = new SeededRandom(seed)
  const run = new CrashRun(random, options)
  const lives = options.lives ?? 1 + below(random, 4)
  for (let life = 0; life < lives; life++) await run.life(chance(random, 0.75))
  await run.life(false)
  await run.life(false, 0)
}

/** With memory for few keys, so that passes end early. */
function newCompactor(world: StoreSetting, random: SeededRandom): Compactor {
  const dedupeBytes = chance(random, 0.3) ? 100 : 100_000
  const limits = { dedupeBytes, loadFactor: 0.9, ioBytes: 8192, bytesPerSecond: Number.POSITIVE_INFINITY }
  return new Compactor(world.clock, random, limits)
}

class CrashRun {
  private readonly random: SeededRandom
  private readonly options: RunOptions
  private disk: SimulatedDisk
  private models: LogModel[] = []
  private made = 0
  private epoch = 0
  private nowMs = 1_700_000_000_000
  private lostPower = false
  private background: Promise<unknown>[] = []
  private readonly busy = new Set<LogModel>()
  private compactor: Compactor | undefined
  private isCompacting = false

  constructor(random: SeededRandom, options: RunOptions) {
    this.random = random
    this.options = options
    this.disk = new SimulatedDisk({ random })
    const logs = 1 + below(random, 5)
    for (let i = 0; i < logs; i++) this.newModel()
  }

  /** Opens, checks everything, works, and dies or closes. */
  async life(dies: boolean, steps = dies ? 1000 : 30): Promise<void> {
    const { random } = this
    const disk = this.options.plant ? this.options.plant(this.disk, random) : this.disk
    const world = setting(disk, this.options.logger)
    if (dies) this.disk.crashAt(1 + below(random, chance(random, 0.3) ? 40 : 200))
    this.disk.faults.write = 0
    this.disk.faults.sync = 0
    this.epoch++
    this.background = []
    this.busy.clear()
    this.compactor = this.options.compacts ? newCompactor(world, random) : undefined
    this.isCompacting = false
    try {
      const store = await openStore(world)
      await this.checkAll(store, world)
      this.lostPower = false
      if (this.options.faults) {
        this.disk.faults.write = this.options.faults
        this.disk.faults.sync = this.options.faults
      }
      // How much is left is a matter of luck.
      if (this.options.fills) this.disk.capacityBytes = this.disk.usedBytes + below(random, 300_000)
      await this.work(store, world, steps)
      this.disk.faults.write = 0
      this.disk.faults.sync = 0
      this.disk.capacityBytes = Number.POSITIVE_INFINITY
      await passing(world, Promise.all(this.background))
      const logs = await this.openAll(store)
      for (const [model, log] of logs)
        if (!log.failure) await passing(world, durable(log)).then(() => model.acknowledged(log.endOffset))
      await passing(world, store.close())
      await this.restart(world, 'clean')
    } catch (error) {
      if (!this.disk.crashed) throw error
      await this.restart(world, 'crash')
    }
  }

  private async restart(world: StoreSetting, how: 'clean' | 'crash'): Promise<void> {
    await passing(world, Promise.all(this.background))
    const power = how === 'crash' && chance(this.random, 0.7)
    this.lostPower ||= power
    this.disk = power ? this.disk.afterCrash() : this.disk.afterKill()
    this.disk.capacityBytes = Number.POSITIVE_INFINITY
    assert.equal(
      world.metrics.snapshot()['naru_corrupt_batches_total'] ?? 0,
      0,
      'damage was reported where there is none'
    )
  }

  private async openAll(store: LogStore): Promise<Map<LogModel, Log>> {
    const logs = new Map<LogModel, Log>()
    for (const model of this.models) if (model.gone === 'no') logs.set(model, await store.open(model.id, model.config))
    return logs
  }

  private async checkAll(store: LogStore, world: StoreSetting): Promise<void> {
    const ids = new Set(store.ids().map(id => id.topicId))
    for (const model of this.models) {
      if (model.gone === 'yes') assert.ok(!ids.has(model.id.topicId), `log ${model.id.partition} is back`)
      if (model.gone === 'maybe') {
        await store.remove(model.id)
        model.gone = 'yes'
      }
      if (model.gone !== 'no') continue
      const log = await store.open(model.id, model.config)
      await model.check(log, this.lostPower)
    }
    assert.equal(
      world.metrics.snapshot()['naru_corrupt_batches_total'] ?? 0,
      0,
      'damage was reported where there is none'
    )
  }

  private async work(store: LogStore, world: StoreSetting, steps: number): Promise<void> {
    const { random } = this
    const logs = await this.openAll(store)
    for (let step = 0; step < steps && !this.disk.crashed; step++) {
      const models = this.models.filter(model => model.gone === 'no' && !this.busy.has(model))
      const model = models[below(random, models.length)]
      const dice = below(random, 1000)
      if (!model || dice < 100) await turn()
      else if (this.compactor && model.mayBeMissing && !this.isCompacting && chance(random, 0.08))
        this.compact(model, logs.get(model)!)
      else if (dice < 850) this.append(model, logs.get(model)!)
      else if (dice < 880) this.start(model, () => this.truncate(model, logs.get(model)!))
      else if (dice < 900) this.start(model, () => this.advance(model, logs.get(model)!))
      else if (dice < 915) this.start(model, () => this.retain(model, logs.get(model)!))
      else if (dice < 930) this.start(model, () => this.snapshot(model, logs.get(model)!))
      else if (dice < 940) this.reconfigure(model, logs.get(model)!)
      else if (dice < 945) this.start(model, () => this.remove(store, model, logs))
      else if (dice < 955 && !model.mayBeMissing) this.start(model, () => this.restartAt(model, logs.get(model)!))
      else if (dice < 975) await this.read(model, logs.get(model)!)
      else world.clock.advance(1000)
      if (chance(random, 0.3)) await turn()
    }
    if (this.disk.crashed) throw new Error('crashed')
  }

  /** Runs beside other work, alone on its log. */
  private start(model: LogModel, work: () => Promise<void>): void {
    this.busy.add(model)
    const running = work().then(
      () => void this.busy.delete(model),
      error => {
        if (!this.disk.crashed && !(error instanceof NaruError)) throw error
      }
    )
    // An error that is none of the disk's is looked at when everything is awaited.
    running.catch(() => {})
    this.background.push(running)
  }

  private append(model: LogModel, log: Log): void {
    const { random } = this
    log.onProgress = () => model.acknowledged(log.durableEndOffset)
    const pieces: Buffer[] = []
    let offset = log.endOffset
    for (let count = 1 + below(random, 3); count > 0; count--) {
      if (chance(random, 0.02)) offset += 1 + below(random, 5)
      const records = 1 + below(random, 3)
      const bytes = chance(random, 0.005) ? 80_000 : below(random, chance(random, 0.1) ? 9000 : 900)
      pieces.push(model.mayBeMissing ? this.keyed(offset, records, bytes) : batchAt(offset, records, bytes, this.epoch))
      offset += records
    }
    const batches = Buffer.concat(pieces)
    try {
      log.append(batches)
      model.appended(batches)
    } catch (error) {
      if (!(error instanceof NaruError)) throw error
    }
    batches.fill(0)
  }

  /** Records of few keys, some of them tombstones. */
  private keyed(offset: number, records: number, bytes: number): Buffer {
    const { random } = this
    const batch = buildBatch(
      Array.from({ length: records }, (_, at) => ({
        timestamp: 1_700_000_000_000 + offset + at,
        key: Buffer.from(`key ${below(random, 7)}`),
        value: chance(random, 0.2) ? null : Buffer.alloc(bytes, (offset + at) % 251)
      })),
      {
        codec: chance(random, 0.2) ? 'lz4' : 'none',
        producerId: below(random, 3) - 1,
        producerEpoch: 0,
        baseSequence: 0
      }
    )
    header.setBaseOffset(batch, offset)
    header.setLeaderEpoch(batch, this.epoch)
    return batch
  }

  /** One pass, beside everything else. */
  private compact(model: LogModel, log: Log): void {
    const { random } = this
    const limit = log.durableEndOffset
    model.compacting(limit)
    this.isCompacting = true
    const lastOf = new Map<number, number>()
    for (const { bytes, end } of model.batches) lastOf.set(header.producerId(bytes), end - 1)
    this.nowMs += below(random, 100)
    const sealed = chance(random, 0.5) ? log.compaction.seal() : Promise.resolve()
    const running = sealed
      .then(() =>
        log.compaction.run(this.compactor!, {
          below: limit,
          nowMs: this.nowMs,
          decompressedBytesMax: 1024 * 1024,
          isLastOfProducer: (id, last) => lastOf.get(id) === last,
          stopped: () => false
        })
      )
      .catch(error => {
        const isExpected = error instanceof NaruError || error instanceof DiskError
        if (!isExpected || codeOf(error) === 'CORRUPT_MESSAGE') throw error
      })
      .finally(() => {
        this.isCompacting = false
      })
    running.catch(() => {})
    this.background.push(running)
  }

  private async truncate(model: LogModel, log: Log): Promise<void> {
    let offset = log.startOffset + below(this.random, log.endOffset - log.startOffset + 1)
    // What lies below the high watermark is hardly ever cut off, but it may be.
    if (model.mayBeMissing && chance(this.random, 0.9))
      offset = Math.max(offset, Math.min(model.compactedBelow, log.endOffset))
    const straddled = model.batches.find(batch => batch.end > offset)
    model.endMayBeCutTo = Math.min(offset, straddled?.base ?? offset)
    // In a gap the end is that of the batch before.
    const previous = model.batches.filter(batch => batch.end <= offset).pop()
    model.endMayBeCutTo = Math.min(model.endMayBeCutTo, previous?.end ?? 0)
    // That batch may have been compacted away, and the one before it.
    for (const missing of model.mayBeMissing ?? [])
      if (missing >= model.endMayBeCutTo - 3) model.endMayBeCutTo = Math.min(model.endMayBeCutTo, log.startOffset)
    // What replaced it may be what is cut off.
    if (offset < model.compactedBelow) model.keysCount = false
    await log.truncate(offset)
    model.truncated(log.endOffset)
  }

  private async advance(model: LogModel, log: Log): Promise<void> {
    const offset = log.startOffset + below(this.random, log.endOffset - log.startOffset + 1)
    model.startMayBe = Math.max(model.startMayBe, offset)
    await log.advanceStart(offset)
    model.started(log.startOffset)
  }

  /** A follower whose leader has nothing that old any more. */
  private async restartAt(model: LogModel, log: Log): Promise<void> {
    const offset = log.endOffset + 1 + below(this.random, 20)
    model.startMayBe = offset
    await log.advanceStart(offset, true)
    model.restarted(offset)
  }

  private async retain(model: LogModel, log: Log): Promise<void> {
    model.startMayBe = log.endOffset
    log.reconfigure({ ...model.config, retentionBytes: below(this.random, 100_000) })
    await log.applyRetention(1_700_000_000_000, log.endOffset)
    model.started(log.startOffset)
    log.reconfigure(model.config)
  }

  private async snapshot(model: LogModel, log: Log): Promise<void> {
    const offset = log.durableEndOffset
    await log.saveSnapshot({ offset, bytes: Buffer.from(model.snapshotAt(offset)) })
  }

  private reconfigure(model: LogModel, log: Log): void {
    const config = chance(this.random, 0.5) ? syncConfig : cachedConfig
    // What was acknowledged so far was acknowledged as it was configured then.
    model.config = { ...config, segmentBytes: 4096 + below(this.random, 60_000) }
    log.reconfigure(model.config)
    model.syncedAbove = log.endOffset
  }

  private async remove(store: LogStore, model: LogModel, logs: Map<LogModel, Log>): Promise<void> {
    model.gone = 'maybe'
    await store.remove(model.id)
    model.gone = 'yes'
    const next = this.newModel()
    logs.set(next, await store.open(next.id, next.config))
  }

  private async read(model: LogModel, log: Log): Promise<void> {
    if (log.endOffset === log.startOffset) return
    const offset = log.startOffset + below(this.random, log.endOffset - log.startOffset)
    const read = await log.read(offset, { maxBytes: 5000, atLeastOne: true, below: log.endOffset })
    const batch = model.batches.find(({ end }) => end > offset)
    assert.ok((batch && read.bytes > 0) || model.mayBeMissing, 'something is read')
    const bytes = Buffer.concat(read.chunks)
    // What a reader holds stays as it is whatever happens to the log.
    await turn()
    assert.ok(bytes.equals(Buffer.concat(read.chunks)), 'bytes that are held change')
    if (batch && !model.mayBeMissing)
      assert.ok(bytes.subarray(0, batch.bytes.length).equals(batch.bytes), 'the batch that was appended is read')
    read.release()
  }

  private newModel(): LogModel {
    const config = chance(this.random, 0.6) ? syncConfig : cachedConfig
    const model = new LogModel(logId(this.made++), { ...config, segmentBytes: 4096 + below(this.random, 60_000) })
    if (this.options.compacts && (this.made === 1 || chance(this.random, 0.7))) model.mayBeMissing = new Set()
    this.models.push(model)
    return model
  }
}
