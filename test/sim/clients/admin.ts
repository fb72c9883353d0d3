import { createPartitions, createTopic, deleteRecords, deleteTopic } from '../../../src/client/admin.ts'
import { type Cluster, ensureOk } from '../../../src/client/cluster.ts'
import { buildBatch } from '../../../src/record/build.ts'
import { sleep } from '../../../src/std/clock.ts'
import { codeOf, type ErrorCode } from '../../../src/std/errors.ts'
import { below, chance, type Random } from '../../../src/std/random.ts'
import { AlterPartitionReassignments } from '../../../src/wire/kafka/messages/alter-partition-reassignments.ts'
import { ElectLeaders } from '../../../src/wire/kafka/messages/elect-leaders.ts'
import { Fetch } from '../../../src/wire/kafka/messages/fetch.ts'
import { Produce } from '../../../src/wire/kafka/messages/produce.ts'
import { Anomalies } from '../anomaly.ts'
import { type Plan, pick } from '../plan.ts'
import type { PartitionHistory } from './history.ts'
import { valuesOf } from './reader.ts'

interface AdminWorld {
  readonly cluster: Cluster
  readonly random: Random
  readonly stopped: () => boolean
}

/** Names under which topics come and go; few, so that each is used again. */
const names = ['passing-0', 'passing-1']

/** What a broker that was behind said of a topic, such as how many partitions it has, is not believed for ever. */
const triesMax = 50

/** Makes, fills, grows and deletes topics: what a topic of the same name held before must never come back. */
export class TopicMaker {
  readonly anomalies = new Anomalies()
  /** Rounds that went from the making to the deletion. */
  rounds = 0
  private readonly plan: Plan
  private readonly world: AdminWorld
  /** The id that a name stands for, as the metastore has it: brokers may be behind. */
  private readonly idOf: (name: string) => Promise<string | undefined>
  private count = 0

  constructor(plan: Plan, idOf: (name: string) => Promise<string | undefined>, world: AdminWorld) {
    this.plan = plan
    this.idOf = idOf
    this.world = world
  }

  async run(): Promise<void> {
    const { random, cluster, stopped } = this.world
    while (!stopped()) {
      const name = pick(random, names)
      await this.until(() => this.make(name))
      const id = await this.idOf(name)
      if (stopped() || !id) continue
      const partitions = await this.until(() => this.grow(name))
      for (let record = 0; record < 3 && !stopped(); record++) {
        const index = below(random, partitions ?? 1)
        const sent = await this.until(() => this.write(name, index, id), triesMax)
        if (sent !== undefined) await this.until(() => this.read(name, index, id, sent), triesMax)
      }
      if (chance(random, 0.2)) await sleep(cluster.clock, below(random, 1000))
      while (!stopped() && (await this.idOf(name)) === id)
        await deleteTopic(cluster, name).catch(error => {
          cluster.doubt(codeOf(error))
          return sleep(cluster.clock, 50)
        })
      if (!stopped()) this.rounds++
    }
  }

  /** Tries until it succeeds, so often at most, or the clients are stopped. */
  private async until<T>(attempt: () => Promise<T>, tries = Number.POSITIVE_INFINITY): Promise<T | undefined> {
    const { cluster, stopped } = this.world
    for (let left = tries; left > 0 && !stopped(); left--)
      try {
        return await attempt()
      } catch (error) {
        cluster.doubt(codeOf(error))
        await sleep(cluster.clock, 50)
      }
    return undefined
  }

  private async make(name: string): Promise<void> {
    const { random, cluster } = this.world
    const replicationFactor = 1 + below(random, Math.min(3, this.plan.brokers))
    await unless('TOPIC_ALREADY_EXISTS', createTopic(cluster, { name, partitions: 1, replicationFactor }))
  }

  private async grow(name: string): Promise<number> {
    const { random, cluster } = this.world
    if (chance(random, 0.5)) await unless('INVALID_PARTITIONS', createPartitions(cluster, name, 2))
    const [topic] = await cluster.fetchTopics([name])
    return topic.partitions.length
  }

  /** By its id: a broker that is behind must not take it for the topic that had the name before. */
  private async write(name: string, index: number, topicId: string): Promise<number> {
    const { cluster } = this.world
    const connection = await cluster.broker(await cluster.leaderOf(name, index))
    const value = Buffer.from(`${topicId}:${this.count++}`)
    const records = buildBatch([{ timestamp: cluster.clock.now(), value }], {})
    const { responses } = await connection.requestWithin(Produce, [13, 13], {
      transactionalId: null,
      acks: -1,
      timeoutMs: 1000,
      topicData: [{ topicId, partitionData: [{ index, records }] }]
    })
    const [{ errorCode, baseOffset }] = responses[0].partitionResponses
    ensureOk(errorCode, 'produce')
    return baseOffset
  }

  /** What was acknowledged can be read, and nothing from a former life of the topic. */
  private async read(name: string, index: number, id: string, upTo: number): Promise<void> {
    const { cluster } = this.world
    const connection = await cluster.broker(await cluster.leaderOf(name, index))
    const partitions = [{ partition: index, fetchOffset: 0, partitionMaxBytes: 100_000 }]
    const { responses } = await connection.requestWithin(Fetch, [13, 17], {
      maxWaitMs: 100,
      minBytes: 1,
      topics: [{ topicId: id, partitions }]
    })
    const [{ errorCode, records }] = responses[0].partitions
    ensureOk(errorCode, 'fetch')
    const values = valuesOf(records ?? Buffer.alloc(0))
    const other = values.find(([, value]) => !value.startsWith(`${id}:`))
    if (other)
      this.anomalies.add('foreign', `${other[1]} was read at ${other[0]} of ${name}-${index}, whose id is ${id}`)
    if (!values.some(([offset]) => offset === upTo)) ensureOk(notYet, 'what was acknowledged')
  }
}

/** LEADER_NOT_AVAILABLE: something to be tried again. */
const notYet = 5

/** An earlier attempt may have succeeded, though nobody said so. */
async function unless(code: ErrorCode, work: Promise<void>): Promise<void> {
  try {
    await work
  } catch (error) {
    if (codeOf(error) !== code) throw error
  }
}

/** Deletes records, moves replicas and calls elections, now and then. */
export async function administer(
  plan: Plan,
  partitions: readonly PartitionHistory[],
  { cluster, random, stopped }: AdminWorld
): Promise<void> {
  while (!stopped()) {
    await sleep(cluster.clock, 100 + below(random, 900))
    const partition = pick(random, partitions)
    const { topic, index } = partition
    try {
      if (plan.deleteRecords && !topic.compacted && chance(random, 0.5)) {
        const upTo = below(random, Math.max(1, ...partition.read.keys()))
        // It may happen without an answer.
        partition.deletedBelow = Math.max(partition.deletedBelow, upTo)
        await deleteRecords(cluster, topic.name, index, upTo)
      }
      if (plan.moves && chance(random, 0.5)) {
        const all = Array.from({ length: plan.brokers }, (_, at) => at + 1)
        while (all.length > topic.replicas) all.splice(below(random, all.length), 1)
        // The first is the preferred leader.
        const replicas = [...all.splice(below(random, all.length), 1), ...all]
        await cluster.askController(AlterPartitionReassignments, {
          timeoutMs: 1000,
          topics: [{ name: topic.name, partitions: [{ partitionIndex: index, replicas }] }]
        })
      }
      if (plan.elections)
        await cluster.askController(ElectLeaders, {
          electionType: 0,
          topicPartitions: [{ topic: topic.name, partitions: [index] }],
          timeoutMs: 1000
        })
    } catch (error) {
      cluster.doubt(codeOf(error))
    }
  }
}
