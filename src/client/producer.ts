import type { RecordInput } from '../record/build.ts'
import type { Codec } from '../record/header.ts'
import { partitionOf } from '../record/partitioner.ts'
import type { Timer } from '../std/clock.ts'
import { codeOf, NaruError } from '../std/errors.ts'
import { below } from '../std/random.ts'
import { errorOfNumber, isRetriable } from '../wire/kafka/errors.ts'
import { InitProducerId } from '../wire/kafka/messages/init-producer-id.ts'
import { Produce } from '../wire/kafka/messages/produce.ts'
import { type Cluster, ensureOk } from './cluster.ts'
import { type Delivery, type Entry, noIdentity, PartitionQueue, type ProducerIdentity } from './producer-queue.ts'

export type { Delivery } from './producer-queue.ts'

export interface ProducerOptions {
  /** 0: don't wait; 1: the leader has it; -1 (default): all in-sync replicas have it. */
  readonly acks?: 0 | 1 | -1
  /** Each record once, however often it is sent again. Default with acks -1. */
  readonly idempotent?: boolean
  readonly codec?: Codec
  /** How long a record waits for company. Default 5. */
  readonly lingerMs?: number
  /** A batch is sent when it has this many bytes. Default 64 KiB. */
  readonly batchBytes?: number
  /** When to give a record up. Default 120,000. */
  readonly deliveryTimeoutMs?: number
  /** `ready` waits while more than this is under way. Default 32 MiB. */
  readonly bufferedBytesMax?: number
  /** Ask the broker to create topics that are missing. Default true. */
  readonly createTopics?: boolean
}

export interface ProducerRecord {
  readonly topic: string
  /** By the key (as Java does), or any, when absent. */
  readonly partition?: number
  readonly key?: Uint8Array | null
  readonly value?: Uint8Array | null
  readonly headers?: RecordInput['headers']
  /** Epoch ms; now when absent. */
  readonly timestamp?: number
}

interface Topic {
  readonly name: string
  /** 0 until known. */
  partitions: number
  readonly queues: Map<number, PartitionQueue>
  /** Records that came before the number of partitions was known. */
  waiting: { record: ProducerRecord; entry: Entry }[] | undefined
  sticky: number
}

/** A topic that is missing so long after it was asked for will not be made. */
const topicTimeoutMs = 10_000
/** What a record takes beyond key and value, roughly. */
const overheadBytes = 32

/** Sends records in batches. Records of one partition keep their order, with retries too. */
export class Producer {
  private readonly cluster: Cluster
  private readonly acks: 0 | 1 | -1
  private readonly idempotent: boolean
  private readonly options: Required<Omit<ProducerOptions, 'acks' | 'idempotent'>>
  private readonly topics = new Map<string, Topic>()
  private readonly active = new Set<PartitionQueue>()
  private identity: Promise<ProducerIdentity> | undefined
  private timer: Timer | undefined
  private scheduled = false
  private flushing = 0
  private outstanding = 0
  private bufferedBytes = 0
  private idle: (() => void)[] = []
  private roomy: (() => void)[] = []
  private closed = false

  constructor(cluster: Cluster, options: ProducerOptions = {}) {
    this.cluster = cluster
    this.acks = options.acks ?? -1
    this.idempotent = options.idempotent ?? this.acks === -1
    if (this.idempotent && this.acks !== -1) throw new Error('An idempotent producer needs acks=all.')
    this.options = {
      codec: options.codec ?? 'none',
      lingerMs: options.lingerMs ?? 5,
      batchBytes: options.batchBytes ?? 65_536,
      deliveryTimeoutMs: options.deliveryTimeoutMs ?? 120_000,
      bufferedBytesMax: options.bufferedBytesMax ?? 32 * 1024 * 1024,
      createTopics: options.createTopics ?? true
    }
  }

  /** Resolves when the record is as safe as `acks` asks, and rejects with the NaruError that made the producer give up. */
  send(record: ProducerRecord): Promise<Delivery> {
    return new Promise((resolve, reject) => {
      if (this.closed) throw new NaruError('INVALID_REQUEST', 'This producer is closed.')
      const bytes = (record.key?.length ?? 0) + (record.value?.length ?? 0) + overheadBytes
      const entry = {
        record: { ...record, timestamp: record.timestamp ?? this.cluster.clock.now() },
        bytes,
        resolve,
        reject
      }
      this.outstanding++
      this.bufferedBytes += bytes
      const topic = this.topic(record.topic)
      if (topic.waiting) topic.waiting.push({ record, entry })
      else this.enqueue(topic, record, entry)
    })
  }

  /** Undefined while there is room for more records; else a promise for when there is again. */
  ready(): Promise<void> | undefined {
    if (this.bufferedBytes <= this.options.bufferedBytesMax) return undefined
    return new Promise(resolve => this.roomy.push(resolve))
  }

  /** Sends everything at once and resolves when each record's fate is known. */
  async flush(): Promise<void> {
    if (this.outstanding === 0) return
    this.flushing++
    this.schedule()
    await new Promise<void>(resolve => this.idle.push(resolve))
    this.flushing--
  }

  /** Flushes and takes no more records. The cluster stays open. */
  async close(): Promise<void> {
    this.closed = true
    await this.flush()
    this.timer?.cancel()
  }

  private topic(name: string): Topic {
    let topic = this.topics.get(name)
    if (!topic) {
      topic = { name, partitions: 0, queues: new Map(), waiting: [], sticky: -1 }
      this.topics.set(name, topic)
      void this.learn(topic)
    }
    topic.partitions = this.cluster.cachedTopic(name)?.partitions.length ?? topic.partitions
    return topic
  }

  private async learn(topic: Topic): Promise<void> {
    try {
      const find = () => this.cluster.topic(topic.name, this.options.createTopics)
      const found = await this.cluster.retrying(find, Math.min(this.options.deliveryTimeoutMs, topicTimeoutMs))
      topic.partitions = found.partitions.length
      const { waiting } = topic
      topic.waiting = undefined
      for (const { record, entry } of waiting!) this.enqueue(topic, record, entry)
    } catch (error) {
      this.topics.delete(topic.name)
      for (const { entry } of topic.waiting!) this.finish(entry, () => entry.reject(error as Error))
    }
  }

  private enqueue(topic: Topic, record: ProducerRecord, entry: Entry): void {
    const partition = record.partition ?? this.choose(topic, record.key)
    if (partition < 0 || partition >= topic.partitions) {
      const message = `Topic ${topic.name} has ${topic.partitions} partition(s); there is no partition ${partition}.`
      this.finish(entry, () => entry.reject(new NaruError('UNKNOWN_TOPIC_OR_PARTITION', message)))
      return
    }
    let queue = topic.queues.get(partition)
    if (!queue) {
      queue = new PartitionQueue(topic.name, partition, this.options.batchBytes)
      topic.queues.set(partition, queue)
    }
    this.active.add(queue)
    if (queue.append(entry, this.cluster.clock.monotonic())) this.schedule()
  }

  /** Records without a key fill one partition's batch, then another's. */
  private choose(topic: Topic, key: Uint8Array | null | undefined): number {
    if (key) return partitionOf(key, topic.partitions)
    if (topic.sticky < 0 || !topic.queues.get(topic.sticky)?.gathering)
      topic.sticky = below(this.cluster.random, topic.partitions)
    return topic.sticky
  }

  private schedule(): void {
    if (this.scheduled) return
    this.scheduled = true
    queueMicrotask(() => {
      this.scheduled = false
      this.pump()
    })
  }

  /** Sends what is due and wakes up for what will be. */
  private pump(): void {
    this.timer?.cancel()
    this.timer = undefined
    const nowMs = this.cluster.clock.monotonic()
    const lingerMs = this.flushing > 0 ? 0 : this.options.lingerMs
    const due: PartitionQueue[] = []
    let nextMs = Number.POSITIVE_INFINITY
    for (const queue of this.active) {
      const dueMs = queue.dueMs(lingerMs)
      if (dueMs === undefined) {
        if (queue.empty) this.active.delete(queue)
      } else if (dueMs <= nowMs) {
        queue.claim()
        due.push(queue)
      } else nextMs = Math.min(nextMs, dueMs)
    }
    if (due.length > 0) void this.dispatch(due)
    if (nextMs < Number.POSITIVE_INFINITY) this.timer = this.cluster.clock.after(nextMs - nowMs, () => this.pump())
  }

  private async dispatch(queues: PartitionQueue[]): Promise<void> {
    const byLeader = new Map<number, PartitionQueue[]>()
    let identity = noIdentity
    try {
      identity = await this.identify()
    } catch (error) {
      for (const queue of queues) this.failed(queue, error)
      return
    }
    for (const queue of queues) {
      try {
        const leader = await this.cluster.leaderOf(queue.topic, queue.partition)
        const together = byLeader.get(leader)
        if (together) together.push(queue)
        else byLeader.set(leader, [queue])
      } catch (error) {
        this.failed(queue, error)
      }
    }
    for (const [leader, together] of byLeader) void this.produce(leader, together, identity)
  }

  private async produce(leader: number, queues: PartitionQueue[], identity: ProducerIdentity): Promise<void> {
    const byTopic = new Map<string, { index: number; records: Buffer }[]>()
    for (const queue of queues) {
      const item = { index: queue.partition, records: queue.encode(this.options.codec, identity) }
      const together = byTopic.get(queue.topic)
      if (together) together.push(item)
      else byTopic.set(queue.topic, [item])
    }
    const timeoutMs = this.cluster.requestTimeoutMs
    const topicData = [...byTopic].map(([name, partitionData]) => ({ name, partitionData }))
    const body = { transactionalId: null, acks: this.acks, timeoutMs, topicData }
    try {
      const connection = await this.cluster.broker(leader)
      if (this.acks === 0) {
        connection.send(Produce, body)
        for (const queue of queues) this.succeeded(queue, -1, -1)
        return
      }
      const response = await connection.request(Produce, body, timeoutMs)
      for (const queue of queues) {
        const answer = response.responses
          .find(({ name }) => name === queue.topic)
          ?.partitionResponses.find(({ index }) => index === queue.partition)
        const code = answer ? errorOfNumber(answer.errorCode) : 'UNKNOWN_SERVER_ERROR'
        if (code === undefined || code === 'DUPLICATE_SEQUENCE_NUMBER')
          this.succeeded(queue, answer!.baseOffset, answer!.logAppendTimeMs)
        else {
          const detail = answer?.recordErrors[0]?.batchIndexErrorMessage ?? answer?.errorMessage ?? code
          this.failed(queue, new NaruError(code, `${queue.topic}-${queue.partition}: ${detail}`))
        }
      }
    } catch (error) {
      for (const queue of queues) this.failed(queue, error)
    }
  }

  private succeeded(queue: PartitionQueue, baseOffset: number, appendTimeMs: number): void {
    const { entries } = queue.settle()
    for (let i = 0; i < entries.length; i++) {
      const entry = entries[i]
      const offset = baseOffset < 0 ? -1 : baseOffset + i
      const timestamp = appendTimeMs < 0 ? entry.record.timestamp : appendTimeMs
      this.finish(entry, () => entry.resolve({ topic: queue.topic, partition: queue.partition, offset, timestamp }))
    }
    this.schedule()
  }

  /** Sends the batch again later or gives it up. */
  private failed(queue: PartitionQueue, error: unknown): void {
    const code = codeOf(error)
    this.cluster.doubt(code)
    const nowMs = this.cluster.clock.monotonic()
    const batch = queue.current!
    const backoffMs = this.cluster.backoffMs(batch.tries)
    if (isRetriable(code) && nowMs + backoffMs - batch.openedMs < this.options.deliveryTimeoutMs)
      queue.postpone(nowMs + backoffMs)
    else {
      // The broker would miss this batch's sequence numbers: the next ones begin anew, under another producer id.
      if (this.idempotent) this.identity = undefined
      for (const entry of queue.settle().entries) this.finish(entry, () => entry.reject(error as Error))
    }
    this.schedule()
  }

  private finish(entry: Entry, tell: () => void): void {
    this.outstanding--
    this.bufferedBytes -= entry.bytes
    tell()
    if (this.outstanding === 0) for (const resolve of this.idle.splice(0)) resolve()
    if (this.bufferedBytes <= this.options.bufferedBytesMax) for (const resolve of this.roomy.splice(0)) resolve()
  }

  private identify(): Promise<ProducerIdentity> {
    if (!this.idempotent) return Promise.resolve(noIdentity)
    if (!this.identity) {
      const asked = this.askIdentity()
      this.identity = asked
      asked.catch(() => {
        if (this.identity === asked) this.identity = undefined
      })
    }
    return this.identity
  }

  private async askIdentity(): Promise<ProducerIdentity> {
    const { errorCode, producerId, producerEpoch } = await this.cluster.ask(InitProducerId, {
      transactionalId: null,
      transactionTimeoutMs: 60_000
    })
    ensureOk(errorCode, 'Producer id')
    return { producerId, producerEpoch }
  }
}
