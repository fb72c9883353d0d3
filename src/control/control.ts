import { campaign, electionKey } from '../metastore/election.ts'
import {
  type Compare,
  type Lease,
  type Metastore,
  MetastoreError,
  type Operation,
  transactionOperationsMax
} from '../metastore/metastore.ts'
import { assert } from '../std/assert.ts'
import type { Clock } from '../std/clock.ts'
import { NaruError } from '../std/errors.ts'
import type { Logger } from '../std/log.ts'
import { type Random, randomUuid } from '../std/random.ts'
import type { TopicId } from '../storage/types.ts'
import { Follower } from './follower.ts'
import type { Image } from './image.ts'
import { type BrokerValue, controllerElection, format, keys, type TopicValue } from './keys.ts'
import type { Control, ImageChange, MetadataImage, PartitionImage, TopicImage } from './types.ts'

export interface ControlOptions {
  readonly metastore: Metastore
  readonly nodeId: number
  readonly rack?: string
  readonly clock: Clock
  readonly random: Random
  readonly logger: Logger
}

/** How many producer ids a broker takes at a time, as Kafka's. */
const producerIdBlock = 1000
/** How long a broker counts as alive after it was last heard of. */
const leaseTtlMs = 10_000

type Configs = Readonly<Record<string, string>>

/**
 * Joins the cluster in the metastore (founding it when there is none): reads the image, clears what a crash left half
 * done, opens a new leader epoch for every partition that this broker leads, durably, and stands for controller.
 */
export async function openControl(options: ControlOptions): Promise<Control> {
  const { metastore, random, logger, nodeId } = options
  await metastore.txn({
    compare: [{ key: keys.clusterId, target: 'version', is: '=', to: 0 }],
    success: [{ type: 'put', key: keys.clusterId, value: newId(random) }]
  })
  const follower = await Follower.open(metastore, logger)
  const lease = await metastore.grantLease(leaseTtlMs)
  const control = new MetastoreControl(options, follower, lease)
  await control.advertise(undefined)
  await control.removeOrphans()
  await control.lead()
  await control.stand()
  lease.onLost(() => {
    if (!control.closed) logger.error({ nodeId }, "this broker's lease has ended: the others take it for dead")
  })
  return control
}

class MetastoreControl implements Control {
  readonly nodeId: number
  readonly image: MetadataImage
  private readonly known: Image
  private readonly follower: Follower
  private readonly metastore: Metastore
  private readonly random: Random
  private readonly logger: Logger
  private readonly rack: string | undefined
  private readonly lease: Lease
  closed = false

  constructor(options: ControlOptions, follower: Follower, lease: Lease) {
    this.nodeId = options.nodeId
    this.follower = follower
    this.known = follower.image
    this.image = follower.image
    this.metastore = options.metastore
    this.random = options.random
    this.logger = options.logger
    this.rack = options.rack
    this.lease = lease
  }

  async createTopic(topic: {
    name: string
    assignments: readonly (readonly number[])[]
    configs: Configs
  }): Promise<TopicImage> {
    const { name, assignments, configs } = topic
    if (this.known.topic(name)) throw alreadyExists(name)
    const topicId = newId(this.random)
    const value: TopicValue = { name, partitions: assignments.length, configs }
    const made = await this.txnInParts(
      newPartitions(topicId, 0, assignments),
      [absent(keys.name(name))],
      [
        { type: 'put', key: keys.topic(topicId), value: format(value) },
        { type: 'put', key: keys.name(name), value: topicId }
      ]
    )
    if (!made) {
      await this.removePartitions(topicId)
      throw alreadyExists(name)
    }
    const image = this.known.topicById(topicId)
    // Somebody may have deleted it again in the meantime.
    return image ?? { name, topicId, configs, partitions: assignments.map(newPartition) }
  }

  async deleteTopic(topicId: TopicId): Promise<void> {
    for (;;) {
      const { name } = this.existing(topicId)
      const deleted = await this.txn(
        [this.unchanged(keys.topic(topicId))],
        [
          { type: 'delete', key: keys.topic(topicId) },
          { type: 'delete', key: keys.name(name) }
        ]
      )
      if (deleted) break
    }
    await this.removePartitions(topicId)
  }

  async addPartitions(topicId: TopicId, expected: number, assignments: readonly (readonly number[])[]): Promise<void> {
    for (;;) {
      const { name, configs, partitions } = this.existing(topicId)
      if (partitions.length !== expected)
        throw new NaruError('INVALID_PARTITIONS', `Topic ${name} has ${partitions.length} partitions, not ${expected}.`)
      const value: TopicValue = { name, partitions: expected + assignments.length, configs }
      const added = await this.txnInParts(
        newPartitions(topicId, expected, assignments),
        [this.unchanged(keys.topic(topicId))],
        [{ type: 'put', key: keys.topic(topicId), value: format(value) }]
      )
      if (added) return
    }
  }

  async updateTopicConfigs(topicId: TopicId, change: (configs: Configs) => Configs): Promise<void> {
    const key = keys.topic(topicId)
    for (;;) {
      const { name, partitions, configs } = this.existing(topicId)
      const value: TopicValue = { name, partitions: partitions.length, configs: change(configs) }
      if (await this.txn([this.unchanged(key)], [{ type: 'put', key, value: format(value) }])) return
    }
  }

  async updateBrokerConfigs(nodeId: number | undefined, change: (configs: Configs) => Configs): Promise<void> {
    const key = keys.brokerConfigs(nodeId)
    for (;;) {
      const value = format({ ...change(this.known.brokerConfigs(nodeId)) })
      if (await this.txn([this.unchanged(key)], [{ type: 'put', key, value }])) return
    }
  }

  async allocateProducerIds(): Promise<{ readonly first: number; readonly count: number }> {
    const key = keys.producerIds
    for (;;) {
      const { item } = await guard(this.metastore.get(key))
      const first = Number(item?.value ?? 0)
      const taken = await this.txn(
        [{ key, target: 'modRevision', is: '=', to: item?.modRevision ?? 0 }],
        [{ type: 'put', key, value: format(first + producerIdBlock) }]
      )
      if (taken) return { first, count: producerIdBlock }
    }
  }

  async advertise(endpoint: { host: string; port: number } | undefined): Promise<void> {
    const value: BrokerValue = { endpoint, rack: this.rack }
    await this.txn([], [{ type: 'put', key: keys.broker(this.nodeId), value: format(value), lease: this.lease.id }])
  }

  onChange(listener: (change: ImageChange) => void | Promise<void>): () => void {
    return this.follower.onChange(listener)
  }

  async close(): Promise<void> {
    if (this.closed) return
    this.closed = true
    await this.lease
      .revoke()
      .catch(error => this.logger.warn({ err: error }, 'the broker could not be signed off; its lease runs out'))
    await this.follower.close()
  }

  /** Opens the next leader epoch of every partition that is this broker's to lead. */
  async lead(): Promise<void> {
    const compares: Compare[] = []
    const puts: Operation[] = []
    for (const { topicId, partitions } of this.known.topics())
      partitions.forEach((partition, index) => {
        if (partition.leader !== this.nodeId) return
        const key = keys.partition(topicId, index)
        compares.push(this.unchanged(key))
        puts.push({ type: 'put', key, value: format({ ...partition, leaderEpoch: partition.leaderEpoch + 1 }) })
      })
    const rounds: Promise<boolean>[] = []
    for (let at = 0; at < puts.length; at += transactionOperationsMax)
      rounds.push(
        this.txn(compares.slice(at, at + transactionOperationsMax), puts.slice(at, at + transactionOperationsMax))
      )
    for (const done of await Promise.all(rounds))
      if (!done) throw new NaruError('STALE_BROKER_EPOCH', 'Another broker took over partitions of this one.')
  }

  /** Becomes the controller as soon as there is none. A former life of this very broker stands back at once. */
  async stand(): Promise<void> {
    const key = electionKey(controllerElection)
    const { item } = await this.metastore.get(key)
    if (item && Number(item.value) === this.nodeId)
      await this.txn([{ key, target: 'createRevision', is: '=', to: item.createRevision }], [{ type: 'delete', key }])
    const won = campaign(this.metastore, controllerElection, this.lease, String(this.nodeId)).catch(error => {
      if (!this.closed) this.logger.warn({ err: error }, 'no longer standing for controller')
    })
    if (!item || Number(item.value) === this.nodeId) {
      const leadership = await won
      if (leadership) await this.follower.applied(leadership.token)
    }
  }

  /** Partitions of topics whose creation did not get to its end, or whose deletion did not get past its beginning. */
  async removeOrphans(): Promise<void> {
    for (const topicId of this.known.orphans()) await this.removePartitions(topicId)
  }

  private async removePartitions(topicId: TopicId): Promise<void> {
    const deletions = this.known
      .partitionIndexes(topicId)
      .map((index): Operation => ({ type: 'delete', key: keys.partition(topicId, index) }))
    const rounds: Promise<boolean>[] = []
    for (let at = 0; at < deletions.length; at += transactionOperationsMax)
      rounds.push(this.txn([], deletions.slice(at, at + transactionOperationsMax)))
    await Promise.all(rounds)
  }

  /**
   * A change that may be too large for one transaction: `first` in parts that nobody sees, then `last`, which shows all of
   * it, with as much of `first` as fits. Each part holds only if `compare` does. False when it did not.
   */
  private async txnInParts(
    first: readonly Operation[],
    compare: readonly Compare[],
    last: readonly Operation[]
  ): Promise<boolean> {
    const fits = transactionOperationsMax - last.length
    let at = 0
    const parts: Promise<boolean>[] = []
    for (; first.length - at > fits; at += transactionOperationsMax)
      parts.push(this.txn(compare, first.slice(at, at + transactionOperationsMax)))
    if ((await Promise.all(parts)).includes(false)) return false
    return this.txn(compare, [...first.slice(at), ...last])
  }

  /** Resolves when the image has the change (or, after false, the one that came first), and listeners are done with it. */
  private async txn(compare: readonly Compare[], success: readonly Operation[]): Promise<boolean> {
    const { succeeded, revision } = await guard(this.metastore.txn({ compare, success }))
    await this.follower.applied(revision)
    return succeeded
  }

  private unchanged(key: string): Compare {
    return { key, target: 'modRevision', is: '=', to: this.known.modRevision(key) }
  }

  private existing(topicId: TopicId): TopicImage {
    const topic = this.known.topicById(topicId)
    if (!topic) throw new NaruError('UNKNOWN_TOPIC_ID', 'This server does not host this topic ID.')
    return topic
  }
}

/** Gives what the metastore refuses a code that doors can translate. */
async function guard<T>(answer: Promise<T>): Promise<T> {
  try {
    return await answer
  } catch (error) {
    if (!(error instanceof MetastoreError)) throw error
    throw new NaruError('KAFKA_STORAGE_ERROR', `The cluster's metadata can't be reached: ${error.message}`, {
      cause: error
    })
  }
}

const absent = (key: string): Compare => ({ key, target: 'version', is: '=', to: 0 })

function alreadyExists(name: string): NaruError {
  return new NaruError('TOPIC_ALREADY_EXISTS', `Topic '${name}' already exists.`)
}

function newPartition(replicas: readonly number[]): PartitionImage {
  assert(replicas.length > 0, 'a partition has replicas')
  return { leader: replicas[0], leaderEpoch: 0, replicas, isr: replicas }
}

function newPartitions(topicId: TopicId, from: number, assignments: readonly (readonly number[])[]): Operation[] {
  return assignments.map((replicas, index) => ({
    type: 'put',
    key: keys.partition(topicId, from + index),
    value: format(newPartition(replicas))
  }))
}

/** A random id as Kafka prints it. One that begins with `-` would be taken for a flag by command lines. */
function newId(random: Random): string {
  for (;;) {
    const id = randomUuid(random).toString('base64url')
    if (!id.startsWith('-')) return id
  }
}
