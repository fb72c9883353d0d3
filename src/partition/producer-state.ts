import * as header from '../record/header.ts'
import { NaruError } from '../std/errors.ts'
import { partitionBrokerOptions } from './options.ts'

/** Batches remembered per producer: as many as a client may have in flight and so repeat (max.in.flight = 5). */
const batchesKept = 5
const sequenceMax = 0x7fff_ffff
/** Versions of the saved state. */
const version = 1
const inDoubtVersion = 2
/** Of so many producers one is chosen where there are too many. */
const lookedAtMax = 16

/** Sequence numbers of batches of which nothing is known but that they may have been there. */
const unknownSequence = -1

interface KeptBatch {
  readonly firstSequence: number
  readonly lastSequence: number
  readonly firstOffset: number
  readonly lastOffset: number
  readonly timestamp: number
}

/** Batches that may have been there. */
const unknownBatch: KeptBatch = {
  firstSequence: unknownSequence,
  lastSequence: unknownSequence,
  firstOffset: -1,
  lastOffset: -1,
  timestamp: -1
}

interface Producer {
  epoch: number
  /** Oldest first; never empty. */
  batches: KeptBatch[]
  /** Wall clock of the last append, for expiry. */
  lastAppendMs: number
  /** The newest epoch in which it was refused since its newest batches may be among what is damaged. */
  refusedEpoch?: number
}

/** A producer whose sequence numbers are remembered. */
export interface ActiveProducer {
  readonly producerId: number
  readonly producerEpoch: number
  /** -1 where it may be among what is damaged. */
  readonly lastSequence: number
  /** When it last appended: the broker's time; after a restart that of its newest record. */
  readonly lastAppendMs: number
}

/** What a repeated batch had been answered with. */
export interface DuplicateOf {
  readonly firstOffset: number
  readonly lastOffset: number
  readonly timestamp: number
}

/**
 * Sequence numbers of the idempotent producers of one partition (KIP-98, KIP-360): `check` before an append, `record`
 * after it. The state is a function of the log, so it is rebuilt from a snapshot and the batches behind it.
 */
export class ProducerState {
  private readonly producersMax: number
  private readonly producers = new Map<number, Producer>()
  /** There are damaged batches of which nobody knows who wrote them. */
  isInDoubt = false

  /** Remembers so many producers at most; beyond, one of those that have been silent longest is forgotten. */
  constructor(producersMax = partitionBrokerOptions.producersMax.default) {
    this.producersMax = producersMax
  }

  get size(): number {
    return this.producers.size
  }

  /**
   * Checks a batch from an idempotent producer against what came before.
   * Returns the original when the batch repeats one that is remembered; throws INVALID_PRODUCER_EPOCH or
   * OUT_OF_ORDER_SEQUENCE_NUMBER. A producer that isn't known may begin with any sequence (its state may have expired),
   * but for one that may be known by what is damaged only: it must begin anew.
   */
  check(batch: Buffer, at = 0): DuplicateOf | undefined {
    const id = header.producerId(batch, at)
    const producer = this.producers.get(id)
    const epoch = header.producerEpoch(batch, at)
    const first = header.baseSequence(batch, at)
    if (!producer) {
      if (this.isInDoubt && first !== 0) throw outOfOrder(id, epoch, first, perhapsDamaged)
      return undefined
    }
    if (epoch < producer.epoch)
      throw new NaruError(
        'INVALID_PRODUCER_EPOCH',
        `Producer ${id} wrote with epoch ${epoch}, but epoch ${producer.epoch} has taken over.`
      )
    const isDoubtful = lastOf(producer).lastSequence === unknownSequence
    if (epoch > producer.epoch) {
      // The first batch of an epoch may be there as well; who begins another one because it was refused repeats nothing.
      if (isDoubtful && epoch <= (producer.refusedEpoch ?? epoch)) throw inDoubt(producer, batch, at)
      if (first !== 0) throw outOfOrder(id, epoch, first, 'a new epoch begins at sequence 0')
      return undefined
    }
    const last = sequenceAfter(first, header.lastOffsetDelta(batch, at))
    const duplicate = producer.batches.find(kept => kept.firstSequence === first && kept.lastSequence === last)
    if (duplicate) return duplicate
    const previous = lastOf(producer).lastSequence
    if (!isDoubtful && first === sequenceAfter(previous, 1)) return undefined
    if (producer.batches.some(({ lastSequence }) => lastSequence === unknownSequence))
      throw inDoubt(producer, batch, at)
    throw outOfOrder(id, epoch, first, `the last one was ${previous}`)
  }

  /** Takes up a batch that is in the log, with its final offsets. Batches without a producer id are passed over. */
  record(batch: Buffer, at: number, nowMs: number): void {
    const id = header.producerId(batch, at)
    if (id < 0 || header.isControl(batch, at)) return
    const epoch = header.producerEpoch(batch, at)
    const firstSequence = header.baseSequence(batch, at)
    const firstOffset = header.baseOffset(batch, at)
    const delta = header.lastOffsetDelta(batch, at)
    const kept: KeptBatch = {
      firstSequence,
      lastSequence: sequenceAfter(firstSequence, delta),
      firstOffset,
      lastOffset: firstOffset + delta,
      timestamp: header.isLogAppendTime(batch, at) ? header.maxTimestamp(batch, at) : -1
    }
    const producer = this.producers.get(id)
    if (!producer || producer.epoch !== epoch) {
      this.producers.delete(id)
      if (this.producers.size >= this.producersMax) this.forgetOldest()
      const batches = this.isInDoubt && firstSequence > 0 ? [unknownBatch, kept] : [kept]
      this.producers.set(id, { epoch, batches, lastAppendMs: nowMs })
      return
    }
    keep(producer, kept)
    producer.lastAppendMs = nowMs
  }

  /**
   * Takes up batches that are in the log and damaged, by their headers: as sound ones where these go on with what was
   * known of their producers. Where they don't, or there are none, any producer may have written there: until a later
   * batch of it is found it is told OUT_OF_ORDER_SEQUENCE_NUMBER, and goes on with a new epoch (KIP-360).
   * `nowMs`: the time of the batch before.
   */
  recordDamaged(headers: readonly Buffer[] | undefined, nowMs: number | undefined): void {
    if (!headers) this.doubtAll()
    for (const batch of headers ?? []) {
      const found = this.claimOf(batch)
      // It may be another producer's that only looks new.
      if (found !== 'follows') this.doubtAll()
      if (found !== 'contradicts') this.record(batch, 0, nowMs ?? header.maxTimestamp(batch))
    }
  }

  private doubtAll(): void {
    this.isInDoubt = true
    for (const producer of this.producers.values())
      if (lastOf(producer).lastSequence !== unknownSequence) keep(producer, unknownBatch)
  }

  /** What a header of a damaged batch says, held against what came before: its bytes may be the damaged ones. */
  private claimOf(batch: Buffer): 'follows' | 'begins' | 'contradicts' {
    const id = header.producerId(batch)
    const epoch = header.producerEpoch(batch)
    const first = header.baseSequence(batch)
    if (id === -1) return epoch === -1 && first === -1 ? 'follows' : 'contradicts'
    if (id < 0 || epoch < 0 || first < 0 || header.isControl(batch)) return 'contradicts'
    const producer = this.producers.get(id)
    if (!producer || (epoch > producer.epoch && first === 0)) return 'begins'
    const { lastSequence } = lastOf(producer)
    if (epoch !== producer.epoch || lastSequence === unknownSequence) return 'contradicts'
    return first === sequenceAfter(lastSequence, 1) ? 'follows' : 'contradicts'
  }

  /** Makes room: the longest silent of the oldest few, so that one which goes on writing stays. */
  private forgetOldest(): void {
    let oldest: [number, Producer] | undefined
    let looked = 0
    for (const entry of this.producers) {
      if (!oldest || entry[1].lastAppendMs < oldest[1].lastAppendMs) oldest = entry
      if (++looked === lookedAtMax) break
    }
    if (oldest) this.producers.delete(oldest[0])
  }

  /** Where the newest batch of each producer that lies below `offset` ends; undefined where newer ones have taken its place here. */
  lastBelow(offset: number): Map<number, number | undefined> {
    const last = new Map<number, number | undefined>()
    for (const [id, { batches }] of this.producers)
      last.set(id, batches.findLast(batch => batch.lastSequence >= 0 && batch.lastOffset < offset)?.lastOffset)
    return last
  }

  /** Forgets producers whose last append is older than `expirationMs`. */
  expire(nowMs: number, expirationMs: number): void {
    for (const [id, producer] of this.producers)
      if (nowMs - producer.lastAppendMs > expirationMs) this.producers.delete(id)
  }

  *active(): IterableIterator<ActiveProducer> {
    for (const [producerId, producer] of this.producers) {
      const { epoch, lastAppendMs } = producer
      yield { producerId, producerEpoch: epoch, lastSequence: lastOf(producer).lastSequence, lastAppendMs }
    }
  }

  clear(): void {
    this.producers.clear()
    this.isInDoubt = false
  }

  /**
   * The state as bytes. Format: version u8 (1; 2 where there are damaged batches of unknown producers), then per producer id f64, epoch i16, last append f64, batch count u8, and
   * per batch first and last sequence i32, first and last offset f64, timestamp f64. A change of this format takes a
   * new version; unknown versions are ignored by `load`, and the state is then rebuilt from the log.
   */
  save(): Buffer {
    let bytes = 1
    for (const producer of this.producers.values()) bytes += 19 + producer.batches.length * 32
    const out = Buffer.allocUnsafe(bytes)
    let at = out.writeUInt8(this.isInDoubt ? inDoubtVersion : version, 0)
    for (const [id, producer] of this.producers) {
      at = out.writeDoubleBE(id, at)
      at = out.writeInt16BE(producer.epoch, at)
      at = out.writeDoubleBE(producer.lastAppendMs, at)
      at = out.writeUInt8(producer.batches.length, at)
      for (const kept of producer.batches) {
        at = out.writeInt32BE(kept.firstSequence, at)
        at = out.writeInt32BE(kept.lastSequence, at)
        at = out.writeDoubleBE(kept.firstOffset, at)
        at = out.writeDoubleBE(kept.lastOffset, at)
        at = out.writeDoubleBE(kept.timestamp, at)
      }
    }
    return out
  }

  /** Replaces the state by saved bytes. False when they are of a format that this version doesn't know. */
  load(bytes: Buffer): boolean {
    this.clear()
    const found = bytes.length === 0 ? undefined : bytes.readUInt8(0)
    if (found !== version && found !== inDoubtVersion) return false
    this.isInDoubt = found === inDoubtVersion
    let at = 1
    while (at < bytes.length) {
      const id = bytes.readDoubleBE(at)
      const epoch = bytes.readInt16BE(at + 8)
      const lastAppendMs = bytes.readDoubleBE(at + 10)
      const count = bytes.readUInt8(at + 18)
      at += 19
      const batches: KeptBatch[] = []
      for (let i = 0; i < count; i++, at += 32)
        batches.push({
          firstSequence: bytes.readInt32BE(at),
          lastSequence: bytes.readInt32BE(at + 4),
          firstOffset: bytes.readDoubleBE(at + 8),
          lastOffset: bytes.readDoubleBE(at + 16),
          timestamp: bytes.readDoubleBE(at + 24)
        })
      this.producers.set(id, { epoch, batches, lastAppendMs })
    }
    return true
  }
}

const lastOf = ({ batches }: Producer): KeptBatch => batches[batches.length - 1]

function keep({ batches }: Producer, batch: KeptBatch): void {
  if (batches.length === batchesKept) batches.shift()
  batches.push(batch)
}

/** `sequence` moved on by `delta`: after 2^31 - 1 comes 0. */
function sequenceAfter(sequence: number, delta: number): number {
  const next = sequence + delta
  return next > sequenceMax ? next - sequenceMax - 1 : next
}

const perhapsDamaged = 'it, or batches before it, may be among those that are damaged on disk here'

/** Nobody can tell whether the batch is new or repeats one that is damaged. */
function inDoubt(producer: Producer, batch: Buffer, at: number): NaruError {
  const epoch = header.producerEpoch(batch, at)
  producer.refusedEpoch = Math.max(epoch, producer.refusedEpoch ?? epoch)
  return outOfOrder(header.producerId(batch, at), epoch, header.baseSequence(batch, at), perhapsDamaged)
}

function outOfOrder(id: number, epoch: number, first: number, why: string): NaruError {
  return new NaruError(
    'OUT_OF_ORDER_SEQUENCE_NUMBER',
    `Producer ${id} (epoch ${epoch}) sent a batch that begins at sequence ${first}; ${why}.`
  )
}
