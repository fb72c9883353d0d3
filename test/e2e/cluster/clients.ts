import { setTimeout as sleep } from 'node:timers/promises'
import { ProduceAcks, Producer } from '@platformatic/kafka'
import { type Consumer, Kafka, logLevel, Partitioners } from 'kafkajs'
import { RawConnection, recordBatch } from '../../support/raw.ts'
import * as ask from '../protocol/requests.ts'
import { findCoordinator, offsetsFrom, view } from './ask.ts'
import { History, type Log, type ProducerHistory } from './history.ts'
import { JavaClients } from './java.ts'

const now = () => performance.now()
/** Of the group. */
const members = 2
/** A client's pause between two sends. */
const pauseMs = 10
/** The probe asks again at once, so that its silence is the cluster's and not a client's. */
const probePauseMs = 5
const probeTimeoutMs = 400

export interface ClientsOptions {
  readonly bootstraps: readonly string[]
  readonly topic: string
  readonly partitions: number
  readonly group: string
  /** The command of Kafka's Java client, where that takes part: see `buildJavaClients`. */
  readonly java?: readonly string[]
  /** `Clients.paddingBytes`, at first. */
  readonly paddingBytes?: number
}

/** What a client gave up for: @platformatic/kafka has an error for each try, within one for all. */
function reasonsOf(error: unknown): string {
  const leaves = (one: unknown): string[] =>
    one instanceof AggregateError ? one.errors.flatMap(leaves) : [one instanceof Error ? one.message : String(one)]
  const counts = new Map<string, number>()
  for (const reason of leaves(error)) counts.set(reason, (counts.get(reason) ?? 0) + 1)
  return Array.from(counts, ([reason, count]) => (count > 1 ? `${reason} (${count} times)` : reason)).join('; ')
}

/** Clients under load: producers that wait for each acknowledgement, and a group of consumers that commit. */
export class Clients {
  readonly history = new History()
  /** So much stands in each record of one client's besides its value. */
  paddingBytes: number
  private readonly options: ClientsOptions
  private readonly kafka: Kafka
  private readonly running: Promise<void>[] = []
  private readonly closers: (() => Promise<unknown>)[] = []
  java: JavaClients | undefined
  /** How many times members have joined the group. */
  joins = 0
  private stopped = false
  private closing = false

  constructor(options: ClientsOptions) {
    this.options = options
    this.paddingBytes = options.paddingBytes ?? 0
    // With kafkajs's own settings of what is tried again, and how often.
    this.kafka = new Kafka({ clientId: 'faults', brokers: [...options.bootstraps], logLevel: logLevel.NOTHING })
  }

  async start(): Promise<void> {
    for (let partition = 0; partition < this.options.partitions; partition++) {
      await this.produceWithKafkajs(partition)
      await this.produceWithPlatformatic(partition)
      this.probe(partition)
    }
    for (let member = 0; member < members; member++) this.keepMember()
    const { java, bootstraps, topic, group, partitions } = this.options
    if (java) this.java = new JavaClients(java, bootstraps, topic, `${group}-java`, partitions, this.history)
    this.watchCommits()
  }

  /** Ends the producers; the group goes on until it has read what there is. */
  async stop(): Promise<void> {
    this.stopped = true
    await Promise.all([...this.running, this.java?.stopProducers()])
    await this.caughtUp()
    await this.java?.close(this.lastAcknowledged())
    this.closing = true
    await Promise.allSettled(this.closers.map(close => close()))
  }

  private async produceWithKafkajs(partition: number): Promise<void> {
    const producer = this.kafka.producer({
      idempotent: true,
      maxInFlightRequests: 1,
      createPartitioner: Partitioners.DefaultPartitioner
    })
    await producer.connect()
    this.closers.push(() => producer.disconnect())
    const history = this.history.producer(`kafkajs-${partition}`, 'kafkajs', partition, true)
    const { topic } = this.options
    this.loop(history, pauseMs, async value => {
      const key = Buffer.alloc(this.paddingBytes, 'padding')
      const [{ baseOffset }] = await producer.send({ topic, acks: -1, messages: [{ key, value, partition }] })
      return Number(baseOffset)
    })
  }

  private async produceWithPlatformatic(partition: number): Promise<void> {
    const producer = new Producer({
      clientId: 'faults',
      bootstrapBrokers: [...this.options.bootstraps],
      idempotent: true,
      // With its own three tries, a second apart, it gives up before anything has failed over on most brokers.
      retries: 30,
      retryDelay: 100,
      acks: ProduceAcks.ALL
    })
    producer.on('error', () => {})
    this.closers.push(async () => producer.close(true))
    const history = this.history.producer(`platformatic-${partition}`, '@platformatic/kafka', partition, true)
    const { topic } = this.options
    this.loop(history, pauseMs, async value => {
      const { offsets } = await producer.send({ messages: [{ topic, partition, value: Buffer.from(value) }] })
      return Number(offsets![0].offset)
    })
  }

  /** A record again and again until it is acknowledged: a client that gives up has sent it or not, nobody knows. */
  private loop(history: ProducerHistory, waitMs: number, send: (value: string) => Promise<number>): void {
    const run = async () => {
      for (let sequence = 0; !this.stopped; sequence++) {
        const value = `${history.name}:${sequence}`
        for (;;) {
          try {
            const offset = await send(value)
            history.acknowledged.push({ value, partition: history.partition, offset, atMs: now() })
            break
          } catch (error) {
            history.errors.push({ atMs: now(), message: reasonsOf(error) })
            await sleep(waitMs)
            if (this.stopped) return
          }
        }
        await sleep(waitMs)
      }
    }
    this.running.push(run())
  }

  /**
   * Sends with nothing between it and the brokers, a new record each time, and asks for the leader whenever it is refused:
   * its silence is how long the cluster takes none.
   */
  private probe(partition: number): void {
    const history = this.history.producer(`probe-${partition}`, 'probe', partition, false)
    const { topic, bootstraps } = this.options
    const run = async () => {
      let connection: RawConnection | undefined
      for (let sequence = 0; !this.stopped; sequence++) {
        const value = `${history.name}:${sequence}`
        try {
          connection ??= await this.connectToLeader(partition, rotated(bootstraps, sequence))
          const batch = recordBatch({ records: [{ value }] })
          const answer =
            connection && (await ask.produce(connection, topic, partition, batch, -1, 30_000, probeTimeoutMs))
          if (typeof answer === 'object' && answer.error === 0)
            history.acknowledged.push({ value, partition, offset: answer.baseOffset, atMs: now() })
          else {
            connection?.close()
            connection = undefined
          }
        } catch {
          connection?.close()
          connection = undefined
        }
        await sleep(probePauseMs)
      }
      connection?.close()
    }
    this.running.push(run())
  }

  private async connectToLeader(partition: number, bootstraps: readonly string[]): Promise<RawConnection | undefined> {
    const seen = await view(bootstraps, this.options.topic)
    const leader = seen?.partitions[partition]?.leader
    const address = leader === undefined ? undefined : seen?.brokers.get(leader)
    return address && RawConnection.open(address.host, address.port)
  }

  /** A member of the group, and another one in its place whenever kafkajs gives it up: as an application would. */
  private keepMember(): void {
    const run = async () => {
      while (!this.closing)
        await this.consume().catch((error: Error) => {
          this.history.crashes.push(error.message)
          return sleep(pauseMs)
        })
    }
    void run()
  }

  /** Reads as one member; rejects when kafkajs gives it up. */
  private async consume(): Promise<never> {
    const { topic, group } = this.options
    const consumer: Consumer = this.kafka.consumer({
      groupId: group,
      sessionTimeout: 10_000,
      heartbeatInterval: 500,
      maxWaitTimeInMs: 200,
      retry: { restartOnFailure: async () => true }
    })
    /** The last offset read of each partition since the member joined. */
    let last = new Map<number, number>()
    consumer.on(consumer.events.GROUP_JOIN, () => {
      last = new Map()
      this.joins++
    })
    const crashed = new Promise<never>((_, reject) => {
      consumer.on(consumer.events.CRASH, ({ payload: { error, restart } }) => {
        if (!restart) reject(error)
      })
    })
    await consumer.connect()
    await consumer.subscribe({ topic, fromBeginning: true })
    this.closers.push(() => consumer.disconnect())
    await consumer.run({
      autoCommit: false,
      eachBatch: async ({ batch: { partition, messages }, resolveOffset, isStale, isRunning }) => {
        if (isStale() || !isRunning()) return
        const records = messages.map(({ offset, value }) => [Number(offset), String(value)] as const)
        this.history.reads(partition, records, last.get(partition), now())
        const end = records[records.length - 1][0]
        last.set(partition, end)
        resolveOffset(String(end))
        await consumer.commitOffsets([{ topic, partition, offset: String(end + 1) }])
        this.history.committed(partition, end + 1)
      }
    })
    return crashed
  }

  /** Asks what is committed with nothing between it and the coordinator, and for the coordinator whenever it is refused. */
  private watchCommits(): void {
    const { topic, group, partitions, bootstraps } = this.options
    const run = async () => {
      let connection: RawConnection | undefined
      for (let round = 0; !this.stopped; round++) {
        try {
          const floors = Array.from({ length: partitions }, (_, index) => this.history.committedFloor(index))
          connection ??= await this.connectToCoordinator(rotated(bootstraps, round))
          const offsets = connection && (await offsetsFrom(connection, group, topic, partitions, probeTimeoutMs))
          if (!offsets) throw new Error('refused')
          this.history.coordinatedAtMs.push(now())
          for (const [partition, offset] of offsets) this.history.fetchedCommit(partition, offset, floors[partition])
        } catch {
          connection?.close()
          connection = undefined
        }
        await sleep(20)
      }
      connection?.close()
    }
    this.running.push(run())
  }

  private async connectToCoordinator(bootstraps: readonly string[]): Promise<RawConnection | undefined> {
    const address = await findCoordinator(bootstraps, this.options.group)
    return address && RawConnection.open(address.host, address.port)
  }

  /** What the partitions hold, read from the first to the last record by a client of its own. */
  async readAll(): Promise<Map<number, Log>> {
    const { topic, bootstraps } = this.options
    const kafka = new Kafka({ brokers: [...bootstraps], logLevel: logLevel.NOTHING, retry: { retries: 30 } })
    const admin = kafka.admin()
    await admin.connect()
    const ends = await admin.fetchTopicOffsets(topic)
    await admin.disconnect()
    const logs = new Map(ends.map(({ partition }) => [partition, new Map<number, string>()]))
    const left = new Map(ends.flatMap(({ partition, high }) => (Number(high) > 0 ? [[partition, Number(high)]] : [])))
    const consumer = kafka.consumer({ groupId: `reader-${now()}`, maxWaitTimeInMs: 100 })
    await consumer.connect()
    await consumer.subscribe({ topic, fromBeginning: true })
    await new Promise<void>(resolve => {
      if (left.size === 0) return resolve()
      void consumer.run({
        autoCommit: false,
        eachBatch: async ({ batch: { partition, messages } }) => {
          const log = logs.get(partition)!
          for (const { offset, value } of messages) log.set(Number(offset), String(value))
          const end = left.get(partition)
          if (end !== undefined && log.has(end - 1)) left.delete(partition)
          if (left.size === 0) resolve()
        }
      })
    })
    await consumer.disconnect()
    return logs
  }

  private lastAcknowledged(): Map<number, number> {
    const last = new Map<number, number>()
    for (const { acknowledged } of this.history.producers)
      for (const { partition, offset } of acknowledged.slice(-1))
        last.set(partition, Math.max(offset, last.get(partition) ?? -1))
    return last
  }

  /** Waits until the group has read all that was acknowledged. */
  private async caughtUp(): Promise<void> {
    const deadline = now() + 60_000
    const behind = () =>
      this.history.producers.find(({ partition, acknowledged }) => {
        const last = acknowledged[acknowledged.length - 1]
        return last !== undefined && !this.history.read.get(partition)?.has(last.offset)
      })
    while (behind()) {
      if (now() > deadline) {
        this.history.note('skipped', `the group never read what ${behind()?.name} sent last`)
        return
      }
      await sleep(50)
    }
  }
}

function rotated<T>(items: readonly T[], by: number): T[] {
  const at = by % items.length
  return [...items.slice(at), ...items.slice(0, at)]
}
