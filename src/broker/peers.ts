import { Connection } from '../client/connection.ts'
import { type Connect, formatAddress } from '../client/options.ts'
import type { MetadataImage } from '../control/types.ts'
import type { Clock } from '../std/clock.ts'
import { NaruError } from '../std/errors.ts'
import type { TopicId } from '../storage/types.ts'
import { DescribeTopicPartitions } from '../wire/kafka/messages/describe-topic-partitions.ts'

/** A peer that takes longer is taken for one that doesn't answer. */
const answerTimeoutMs = 1000
/** Longer than any answer to a page of partitions. */
const frameBytesMax = 16 * 1024 * 1024

/** A partition as peers are asked about it. */
export interface AskedPartition {
  readonly topic: string
  readonly topicId: TopicId
  readonly index: number
}

/** Who leads a partition, by somebody's word; -1 while nobody does. */
export interface ToldLeader {
  readonly leader: number
  readonly leaderEpoch: number
}

export interface PeersWorld {
  readonly nodeId: number
  readonly image: MetadataImage
  readonly clock: Clock
  readonly connect: Connect
}

/** The other brokers, asked what they know of leaders. Connections are made when somebody asks. */
export class Peers {
  private readonly world: PeersWorld
  private readonly byNode = new Map<number, Peer>()

  constructor(world: PeersWorld) {
    this.world = world
  }

  /**
   * The leader of a partition by a peer's image, as it is after this was called. Rejects when the peer doesn't say:
   * NETWORK_EXCEPTION, REQUEST_TIMED_OUT, UNKNOWN_TOPIC_OR_PARTITION.
   */
  leaderOf(nodeId: number, partition: AskedPartition): Promise<ToldLeader> {
    let peer = this.byNode.get(nodeId)
    if (!peer) {
      peer = new Peer(nodeId, this.world)
      this.byNode.set(nodeId, peer)
    }
    return peer.ask(partition)
  }

  close(): void {
    for (const peer of this.byNode.values()) peer.close()
    this.byNode.clear()
  }
}

interface Question extends AskedPartition {
  resolve(told: ToldLeader): void
  reject(error: unknown): void
}

/** One request at a time; what is asked meanwhile goes together in the next: an answer that was under way proves nothing. */
class Peer {
  private readonly nodeId: number
  private readonly world: PeersWorld
  private connection: Connection | undefined
  private waiting: Question[] = []
  private asking = false
  private closed = false

  constructor(nodeId: number, world: PeersWorld) {
    this.nodeId = nodeId
    this.world = world
  }

  ask({ topic, topicId, index }: AskedPartition): Promise<ToldLeader> {
    return new Promise((resolve, reject) => {
      this.waiting.push({ topic, topicId, index, resolve, reject })
      if (!this.asking) void this.run()
    })
  }

  close(): void {
    this.closed = true
    this.connection?.close()
  }

  private async run(): Promise<void> {
    this.asking = true
    // After the turn: what comes together goes together.
    await Promise.resolve()
    while (this.waiting.length > 0) {
      const questions = this.waiting
      this.waiting = []
      try {
        await this.answer(await this.connected(), questions)
      } catch (error) {
        for (const { reject } of questions) reject(error)
      }
    }
    this.asking = false
  }

  private async connected(): Promise<Connection> {
    if (this.connection && !this.connection.closed) return this.connection
    const { nodeId, world } = this
    const endpoint = world.image.broker(nodeId)?.endpoint
    if (!endpoint || this.closed) throw new NaruError('BROKER_NOT_AVAILABLE', `Broker ${nodeId} is not there.`)
    const stream = await world.connect(endpoint.host, endpoint.port)
    const connection = await Connection.open(stream, formatAddress(endpoint), {
      clock: world.clock,
      clientId: `naru-peer-${world.nodeId}`,
      requestTimeoutMs: answerTimeoutMs,
      frameBytesMax
    })
    if (this.closed) connection.close()
    this.connection = connection
    return connection
  }

  private async answer(connection: Connection, questions: readonly Question[]): Promise<void> {
    const byTopic = new Map<string, Question[]>()
    for (const question of questions) {
      const same = byTopic.get(question.topic)
      if (same) same.push(question)
      else byTopic.set(question.topic, [question])
    }
    await Promise.all(
      Array.from(byTopic, async ([topic, same]) => {
        const indexes = same.map(({ index }) => index)
        const first = Math.min(...indexes)
        const { topics } = await connection.request(DescribeTopicPartitions, {
          topics: [{ name: topic }],
          responsePartitionLimit: Math.max(...indexes) - first + 1,
          cursor: { topicName: topic, partitionIndex: first }
        })
        for (const { topicId, index, resolve, reject } of same) {
          const told = topics
            .find(one => one.topicId === topicId)
            ?.partitions.find(({ partitionIndex }) => partitionIndex === index)
          if (told) resolve({ leader: told.leaderId, leaderEpoch: told.leaderEpoch })
          else
            reject(
              new NaruError('UNKNOWN_TOPIC_OR_PARTITION', `Broker ${this.nodeId} says nothing of ${topic}-${index}.`)
            )
        }
      })
    )
  }
}
