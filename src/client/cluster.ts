import { setMaxListeners } from 'node:events'
import type { Api, DecodedResponseOf, RequestInputOf } from '../schema/message.ts'
import { type Clock, sleep } from '../std/clock.ts'
import { codeOf, type ErrorCode, messageOf, NaruError } from '../std/errors.ts'
import { below, type Random } from '../std/random.ts'
import { errorOfNumber, isRetriable } from '../wire/kafka/errors.ts'
import { FindCoordinator } from '../wire/kafka/messages/find-coordinator.ts'
import { Metadata } from '../wire/kafka/messages/metadata.ts'
import { Connection } from './connection.ts'
import { type Address, type ClientOptions, formatAddress, parseAddress } from './options.ts'

export interface PartitionInfo {
  readonly index: number
  /** -1 while it has none. */
  readonly leader: number
  readonly leaderEpoch: number
  readonly replicas: readonly number[]
  readonly isr: readonly number[]
}

export interface TopicInfo {
  readonly name: string
  readonly topicId: string
  readonly internal: boolean
  /** By index. */
  readonly partitions: readonly PartitionInfo[]
}

export interface Broker extends Address {
  readonly id: number
  readonly rack: string | null
}

/** Throws a NaruError for an error number of a response; 0 is none. */
export function ensureOk(errorCode: number, context: string, message?: string | null): void {
  const code = errorOfNumber(errorCode)
  if (code) throw new NaruError(code, `${context}: ${message || code}`)
}

/**
 * What this client knows of a cluster: its brokers, a connection to each in use, topics and their leaders. Everything
 * else in client/ asks through here. Close it to let go of all connections.
 */
export class Cluster {
  readonly clock: Clock
  readonly random: Random
  private readonly options: ClientOptions
  private readonly seeds: readonly Address[]
  private readonly connections = new Map<string, Promise<Connection>>()
  private readonly brokers = new Map<number, Broker>()
  private readonly topics = new Map<string, { info: TopicInfo; fetchedMs: number }>()
  private readonly coordinators = new Map<string, Address>()
  private controllerId = -1
  private clusterIdKnown: string | null = null
  /** Aborted when this is closed. */
  private readonly closing = new AbortController()

  constructor(options: ClientOptions) {
    // Each connection is one; Node would take more than ten for a leak, and say so to whoever uses the command line.
    setMaxListeners(0, this.closing.signal)
    this.options = options
    this.clock = options.clock
    this.random = options.random
    this.seeds = options.bootstrap.map(parseAddress)
    if (this.seeds.length === 0) throw new Error('A client needs the address of one broker at least.')
  }

  get requestTimeoutMs(): number {
    return this.options.requestTimeoutMs ?? 30_000
  }

  private get closed(): boolean {
    return this.closing.signal.aborted
  }

  get clusterId(): string | null {
    return this.clusterIdKnown
  }

  get controller(): number {
    return this.controllerId
  }

  /** The brokers that were seen last. */
  brokerList(): Broker[] {
    return [...this.brokers.values()].sort((a, b) => a.id - b.id)
  }

  close(): void {
    this.closing.abort()
    for (const opening of this.connections.values())
      opening.then(
        connection => connection.close(),
        () => {}
      )
    this.connections.clear()
  }

  /**
   * Runs `attempt` until it succeeds, fails for good or `timeoutMs` have passed; waits longer between tries as they add
   * up. `attempt` must be one that may be repeated.
   */
  async retrying<T>(attempt: () => Promise<T>, timeoutMs = this.options.retryTimeoutMs ?? 60_000): Promise<T> {
    const deadlineMs = this.clock.monotonic() + timeoutMs
    for (let tries = 0; ; tries++) {
      try {
        return await attempt()
      } catch (error) {
        const backoffMs = this.backoffMs(tries)
        if (this.closed || !isRetriable(codeOf(error)) || this.clock.monotonic() + backoffMs > deadlineMs) throw error
        this.doubt(codeOf(error))
        await sleep(this.clock, backoffMs)
      }
    }
  }

  /** How long to wait after so many failed tries. */
  backoffMs(tries: number): number {
    const fullMs = (this.options.retryBackoffMs ?? 100) * Math.min(10, 2 ** tries)
    return fullMs * 0.8 + below(this.random, Math.ceil(fullMs * 0.4))
  }

  /** Forgets the leaders and coordinators that an error makes doubtful. */
  doubt(code: ErrorCode): void {
    if (!isRetriable(code)) return
    this.topics.clear()
    this.coordinators.clear()
  }

  /** A topic as metadata has it, from memory while that is fresh. Rejects with UNKNOWN_TOPIC_OR_PARTITION and others. */
  async topic(name: string, create = false): Promise<TopicInfo> {
    const known = this.cachedTopic(name)
    if (known) return known
    const [info] = await this.fetchTopics([name], create)
    return info
  }

  /** The same without asking anyone. */
  cachedTopic(name: string): TopicInfo | undefined {
    const known = this.topics.get(name)
    if (!known || this.clock.monotonic() - known.fetchedMs > (this.options.metadataMaxAgeMs ?? 300_000))
      return undefined
    return known.info
  }

  /** Fetches topics (all of them for null) afresh, with the list of brokers. Rejects when one of the named has an error. */
  async fetchTopics(names: readonly string[] | null, create = false): Promise<TopicInfo[]> {
    const response = await this.ask(Metadata, {
      topics: names?.map(name => ({ name })) ?? null,
      allowAutoTopicCreation: create
    })
    this.brokers.clear()
    for (const { nodeId, host, port, rack } of response.brokers)
      this.brokers.set(nodeId, { id: nodeId, host, port, rack })
    this.controllerId = response.controllerId
    this.clusterIdKnown = response.clusterId
    const found: TopicInfo[] = []
    for (const topic of response.topics) {
      const name = topic.name ?? ''
      this.topics.delete(name)
      if (topic.errorCode !== 0 && names === null) continue
      ensureOk(topic.errorCode, `Topic ${name}`)
      const partitions = topic.partitions
        .map(({ partitionIndex, leaderId, leaderEpoch, replicaNodes, isrNodes }) => ({
          index: partitionIndex,
          leader: leaderId,
          leaderEpoch,
          replicas: replicaNodes,
          isr: isrNodes
        }))
        .sort((a, b) => a.index - b.index)
      const info = { name, topicId: topic.topicId, internal: topic.isInternal, partitions }
      this.topics.set(name, { info, fetchedMs: this.clock.monotonic() })
      found.push(info)
    }
    return found
  }

  /** The id of the broker that leads a partition. Rejects with UNKNOWN_TOPIC_OR_PARTITION or LEADER_NOT_AVAILABLE. */
  async leaderOf(topic: string, partition: number): Promise<number> {
    const info = await this.topic(topic)
    const found = info.partitions.find(({ index }) => index === partition)
    if (!found)
      throw new NaruError(
        'UNKNOWN_TOPIC_OR_PARTITION',
        `Topic ${topic} has ${info.partitions.length} partition(s); there is no partition ${partition}.`
      )
    if (found.leader < 0) {
      this.topics.delete(topic)
      throw new NaruError('LEADER_NOT_AVAILABLE', `Partition ${topic}-${partition} has no leader now.`)
    }
    return found.leader
  }

  /** A connection to that broker, opened when there is none. */
  async broker(id: number): Promise<Connection> {
    let broker = this.brokers.get(id)
    if (!broker) {
      await this.fetchTopics([])
      broker = this.brokers.get(id)
    }
    if (!broker) throw new NaruError('BROKER_NOT_AVAILABLE', `Broker ${id} is not known.`)
    return this.connection(broker)
  }

  /** Asks any broker, the one connected to first. */
  async ask<A extends Api>(api: A, body: RequestInputOf<A>, waitMs = 0): Promise<DecodedResponseOf<A>> {
    const connection = await this.any()
    return connection.request(api, body, waitMs)
  }

  /** Asks the controller, where the cluster names one, else any broker. */
  async askController<A extends Api>(api: A, body: RequestInputOf<A>): Promise<DecodedResponseOf<A>> {
    return (await this.controllerConnection()).request(api, body)
  }

  /** A connection to the controller, where the cluster names one, else to any broker. */
  async controllerConnection(): Promise<Connection> {
    if (!this.brokers.has(this.controllerId)) await this.fetchTopics([])
    if (!this.brokers.has(this.controllerId)) return this.any()
    // Where its address doesn't lead there another broker may: it knows, or passes the request on.
    return this.broker(this.controllerId).catch(() => this.any())
  }

  /**
   * A connection to the broker that coordinates a group, apart from the one that fetches and produces use: a broker
   * serves a connection's requests one after the other, and some of a group's take long. Rejects with
   * COORDINATOR_NOT_AVAILABLE and others.
   */
  async coordinator(groupId: string): Promise<Connection> {
    let address = this.coordinators.get(groupId)
    if (!address) {
      const found = await this.ask(FindCoordinator, { key: groupId })
      ensureOk(found.errorCode, `Coordinator of group ${groupId}`, found.errorMessage)
      address = { host: found.host, port: found.port }
      this.coordinators.set(groupId, address)
    }
    return this.connection(address, 'coordinator ')
  }

  private async any(): Promise<Connection> {
    const candidates = [...this.brokers.values(), ...this.seeds]
    for (const address of candidates) {
      const open = await this.connections.get(formatAddress(address))?.catch(() => undefined)
      if (open && !open.closed) return open
    }
    const failures: unknown[] = []
    const start = below(this.random, candidates.length)
    for (let i = 0; i < candidates.length; i++) {
      try {
        return await this.connection(candidates[(start + i) % candidates.length])
      } catch (error) {
        failures.push(error)
      }
    }
    throw allOf(failures)
  }

  private async connection(address: Address, purpose = ''): Promise<Connection> {
    if (this.closed) throw isClosed()
    const name = formatAddress(address)
    const slot = purpose + name
    const known = this.connections.get(slot)
    if (known) {
      const connection = await known
      if (!connection.closed) return connection
      if (this.connections.get(slot) !== known) return this.connection(address, purpose)
    }
    const opening = this.open(address, name)
    this.connections.set(slot, opening)
    opening.catch(() => {
      if (this.connections.get(slot) === opening) this.connections.delete(slot)
    })
    return opening
  }

  private async open(address: Address, name: string): Promise<Connection> {
    const { connect, clock, clientId = 'naru', frameBytesMax = 256 * 1024 * 1024 } = this.options
    const { signal } = this.closing
    let stream: Awaited<ReturnType<typeof connect>>
    try {
      stream = await connect(address.host, address.port, signal)
    } catch (error) {
      throw new NaruError('NETWORK_EXCEPTION', `No broker answers at ${name}: ${messageOf(error)}.`, { cause: error })
    }
    const giveUp = () => stream.destroy()
    if (this.closed) {
      giveUp()
      throw isClosed()
    }
    signal.addEventListener('abort', giveUp)
    const opening = Connection.open(stream, name, {
      clock,
      clientId,
      requestTimeoutMs: this.requestTimeoutMs,
      setupTimeoutMs: this.options.setupTimeoutMs ?? 10_000,
      frameBytesMax
    })
    const connection = await opening.finally(() => signal.removeEventListener('abort', giveUp))
    if (this.closed) connection.close()
    return connection
  }
}

const isClosed = () => new NaruError('BROKER_NOT_AVAILABLE', 'This client is closed.')

/** What is told when no address leads anywhere: all of it, each thing once. */
function allOf(failures: readonly unknown[]): unknown {
  const messages = [...new Set(failures.map(messageOf))]
  if (messages.length < 2) return failures[0]
  const codes = new Set(failures.map(codeOf))
  const code = codes.size === 1 ? codeOf(failures[0]) : 'NETWORK_EXCEPTION'
  return new NaruError(code, messages.join(' '), { cause: failures[0] })
}
