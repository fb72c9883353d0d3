import { electionKey } from '../metastore/election.ts'
import type { Change } from '../metastore/metastore.ts'
import type { TopicId } from '../storage/types.ts'
import { isCordoned } from './cordon.ts'
import {
  type BrokerValue,
  controllerElection,
  keys,
  type NodeValue,
  parse,
  partitionOf,
  type TopicValue
} from './keys.ts'
import { type Load, loadIn, weigh } from './placement.ts'
import { isReassigning } from './reassignment.ts'
import type {
  AbsentBroker,
  BrokerImage,
  ImageChange,
  MetadataImage,
  PartitionImage,
  PartitionPlace,
  TopicImage
} from './types.ts'

const noConfigs: Readonly<Record<string, string>> = {}
/** Stands for a partition whose key is missing, which only happens while pages of a first reading overtake changes. */
const leaderless: PartitionImage = { leader: -1, leaderEpoch: -1, leaderBrokerEpoch: -1, replicas: [], isr: [] }
const controllerKey = electionKey(controllerElection)

/** What one batch of changes touched, until the images are made anew. */
interface Touched {
  /** Topics whose own key changed. */
  readonly topics: Set<TopicId>
  /** Indexes of changed partitions, by topic. */
  readonly partitions: Map<TopicId, Set<number>>
  brokerConfigs: boolean
  brokers: boolean
}

/** The last life of a node, whether it is registered or not. */
interface NodeLife extends NodeValue {
  readonly epoch: number
}

/** The metadata image: fed with the metastore's changes, whole revisions at a time. Topic images are never changed, only replaced. */
export class Image implements MetadataImage {
  clusterId = ''
  controllerId = -1
  revision = 0
  private readonly revisions = new Map<string, number>()
  private readonly values = new Map<TopicId, TopicValue>()
  private readonly partitionsOf = new Map<TopicId, Map<number, PartitionImage>>()
  private readonly byId = new Map<TopicId, TopicImage>()
  private readonly byName = new Map<string, TopicImage>()
  private readonly brokerValues = new Map<number, BrokerValue>()
  private readonly lives = new Map<number, NodeLife>()
  /** What brokers last said of themselves, here or gone. */
  private readonly lastValues = new Map<number, BrokerValue>()
  private readonly registrations = new Map<number, number>()
  private readonly configs = new Map<string, Readonly<Record<string, string>>>()
  /** Topics in order of their names; undefined after a topic came or went, until somebody asks. */
  private sorted: string[] | undefined
  private readonly brokersById = new Map<number, BrokerImage>()
  private brokerList: BrokerImage[] | undefined
  /** What brokers have, by node id, kept with every partition that changes. */
  private readonly loads = new Map<number, Load>()
  /** Partitions that are being reassigned, by key. */
  private readonly moving = new Map<string, PartitionPlace>()

  topic(name: string): TopicImage | undefined {
    return this.byName.get(name)
  }

  topicById(topicId: TopicId): TopicImage | undefined {
    return this.byId.get(topicId)
  }

  *topics(): IterableIterator<TopicImage> {
    this.sorted ??= [...this.byName.keys()].sort()
    for (const name of this.sorted) {
      const topic = this.byName.get(name)
      if (topic) yield topic
    }
  }

  reassigning(): Iterable<PartitionPlace> {
    return this.moving.values()
  }

  get controllerEpoch(): number {
    return this.modRevision(controllerKey)
  }

  brokers(): readonly BrokerImage[] {
    this.brokerList ??= [...this.brokersById.values()].sort((a, b) => a.nodeId - b.nodeId)
    return this.brokerList
  }

  absentees(): AbsentBroker[] {
    return [...this.lives.keys()]
      .filter(nodeId => !this.brokersById.has(nodeId))
      .sort((a, b) => a - b)
      .map(nodeId => ({ nodeId, ...this.lastValues.get(nodeId), cordoned: this.isCordoned(nodeId) }))
  }

  /** A topic as the metastore has it, with what newer brokers may have written there. */
  topicValue(topicId: TopicId): TopicValue | undefined {
    return this.values.get(topicId)
  }

  broker(nodeId: number): BrokerImage | undefined {
    return this.brokersById.get(nodeId)
  }

  load(nodeId: number): Load {
    return loadIn(this.loads, nodeId)
  }

  /** The last life of a node that there was, registered or not. */
  lifeOf(nodeId: number): NodeLife | undefined {
    return this.lives.get(nodeId)
  }

  /** The epoch that a node is registered with, whether it has said more or not. */
  registrationOf(nodeId: number): number | undefined {
    return this.registrations.get(nodeId)
  }

  /** Which life of a node is registered; undefined when none is. */
  incarnationOf(nodeId: number): string | undefined {
    const life = this.lives.get(nodeId)
    return life?.epoch === this.registrations.get(nodeId) ? life?.incarnation : undefined
  }

  brokerConfigs(nodeId: number | undefined): Readonly<Record<string, string>> {
    return this.configs.get(keys.brokerConfigs(nodeId)) ?? noConfigs
  }

  /** The revision that last wrote a key; 0 when it isn't there. What compare-and-set goes by. */
  modRevision(key: string): number {
    return this.revisions.get(key) ?? 0
  }

  knownKeys(): IterableIterator<string> {
    return this.revisions.keys()
  }

  /** Topics whose partitions have keys but that are not there themselves: what a creation or deletion left half done. */
  orphans(): TopicId[] {
    return [...this.partitionsOf.keys()].filter(topicId => !this.values.has(topicId))
  }

  /** The indexes of a topic's partition keys, whether it is there or not. */
  partitionIndexes(topicId: TopicId): number[] {
    return [...(this.partitionsOf.get(topicId)?.keys() ?? [])]
  }

  /** Carries out the changes of one revision (or of a first reading) and says what they mean. */
  apply(revision: number, changes: readonly Change[]): ImageChange {
    this.revision = revision
    const touched: Touched = { topics: new Set(), partitions: new Map(), brokerConfigs: false, brokers: false }
    for (const change of changes) this.take(change, touched)
    const created: TopicImage[] = []
    const deleted: TopicImage[] = []
    const reconfigured: TopicImage[] = []
    const repartitioned: TopicImage[] = []
    const moved: PartitionPlace[] = []
    for (const topicId of new Set([...touched.topics, ...touched.partitions.keys()])) {
      const old = this.byId.get(topicId)
      const indexes = touched.partitions.get(topicId)
      const now = this.rebuild(topicId, touched.topics.has(topicId) ? undefined : indexes)
      if (!now) {
        if (old) deleted.push(old)
      } else if (!old) created.push(now)
      else {
        if (now.configs !== old.configs) reconfigured.push(now)
        const before = moved.length
        for (const index of changedIndexes(old, now, indexes)) moved.push({ topicId, index })
        if (moved.length > before) repartitioned.push(now)
      }
    }
    const { brokerConfigs, brokers } = touched
    return { created, deleted, reconfigured, repartitioned, partitions: moved, brokerConfigs, brokers }
  }

  private take(change: Change, touched: Touched): void {
    const { key, modRevision } = change.type === 'put' ? change.item : change
    // Later pages of a reading had it already, or something newer: nothing goes back, and nothing is told twice.
    if (modRevision <= this.modRevision(key)) return
    const text = change.type === 'put' ? change.item.value : undefined
    if (change.type === 'put') this.revisions.set(key, modRevision)
    else this.revisions.delete(key)
    if (key === keys.clusterId) this.clusterId = text ?? ''
    else if (key === controllerKey) this.controllerId = text === undefined ? -1 : Number(text)
    else if (key.startsWith('topics/')) this.takeTopic(key.slice('topics/'.length), text, touched)
    else if (key.startsWith('partitions/')) this.takePartition(key, text, touched)
    else if (key.startsWith('brokers/')) {
      const nodeId = Number(key.slice('brokers/'.length))
      if (text === undefined) this.brokerValues.delete(nodeId)
      else {
        const value = parse<BrokerValue>(text)
        this.brokerValues.set(nodeId, value)
        this.lastValues.set(nodeId, value)
      }
      this.rebuildBroker(nodeId)
      touched.brokers = true
    } else if (key.startsWith('registrations/')) {
      const nodeId = Number(key.slice('registrations/'.length))
      if (text === undefined) this.registrations.delete(nodeId)
      else this.registrations.set(nodeId, Number(text))
      this.rebuildBroker(nodeId)
      touched.brokers = true
    } else if (key.startsWith('nodes/')) {
      const nodeId = Number(key.slice('nodes/'.length))
      if (change.type === 'delete') this.lives.delete(nodeId)
      else this.lives.set(nodeId, { ...parse<NodeValue>(change.item.value), epoch: change.item.modRevision })
      touched.brokers = true
    } else if (key.startsWith('configs/brokers/')) {
      if (text === undefined) this.configs.delete(key)
      else this.configs.set(key, parse(text))
      for (const nodeId of this.registrations.keys()) this.rebuildBroker(nodeId)
      touched.brokerConfigs = true
    }
  }

  private rebuildBroker(nodeId: number): void {
    this.brokerList = undefined
    const epoch = this.registrations.get(nodeId)
    const value = this.brokerValues.get(nodeId)
    if (epoch === undefined || !value) this.brokersById.delete(nodeId)
    else {
      const { endpoint, rack, host } = value
      const draining = value.draining === true || value.full === true
      const cordoned = this.isCordoned(nodeId)
      this.brokersById.set(nodeId, { nodeId, epoch, endpoint, rack, host, draining, cordoned })
    }
  }

  private isCordoned(nodeId: number): boolean {
    const said = this.lastValues.get(nodeId)?.cordoned
    return isCordoned(this.brokerConfigs(nodeId), said)
  }

  private takeTopic(topicId: TopicId, text: string | undefined, touched: Touched): void {
    touched.topics.add(topicId)
    if (text === undefined) this.values.delete(topicId)
    else {
      const value: TopicValue = parse(text)
      const old = this.values.get(topicId)
      const sameConfigs = old && JSON.stringify(old.configs) === JSON.stringify(value.configs)
      this.values.set(topicId, sameConfigs ? { ...value, configs: old.configs } : value)
    }
  }

  private takePartition(key: string, text: string | undefined, touched: Touched): void {
    const { topicId, index } = partitionOf(key)
    const indexes = touched.partitions.get(topicId)
    if (indexes) indexes.add(index)
    else touched.partitions.set(topicId, new Set([index]))
    this.moving.delete(key)
    let partitions = this.partitionsOf.get(topicId)
    const old = partitions?.get(index)
    if (old) weigh(this.loads, old.replicas, -1)
    if (text !== undefined) {
      if (!partitions) {
        partitions = new Map()
        this.partitionsOf.set(topicId, partitions)
      }
      const partition: PartitionImage = parse(text)
      partitions.set(index, partition)
      weigh(this.loads, partition.replicas, 1)
      if (isReassigning(partition)) this.moving.set(key, { topicId, index })
    } else if (partitions) {
      partitions.delete(index)
      if (partitions.size === 0) this.partitionsOf.delete(topicId)
    }
  }

  /** `indexes`: the partitions that changed where nothing else did. */
  private rebuild(topicId: TopicId, indexes?: ReadonlySet<number>): TopicImage | undefined {
    const value = this.values.get(topicId)
    const old = this.byId.get(topicId)
    if (!value) {
      if (!old) return undefined
      this.byId.delete(topicId)
      // A topic of the same name may have come in the same breath.
      if (this.byName.get(old.name) === old) this.byName.delete(old.name)
      this.sorted = undefined
      return undefined
    }
    const known = this.partitionsOf.get(topicId)
    const at = (index: number) => known?.get(index) ?? leaderless
    const partitions =
      old && indexes ? old.partitions.slice() : Array.from({ length: value.partitions }, (_, i) => at(i))
    for (const index of indexes ?? []) if (index < partitions.length) partitions[index] = at(index)
    const topic: TopicImage = { name: value.name, topicId, configs: value.configs, partitions }
    this.byId.set(topicId, topic)
    this.byName.set(topic.name, topic)
    if (!old) this.sorted = undefined
    return topic
  }
}

/** Which of the partitions that `touched` names differ; those that were added, too. */
function* changedIndexes(old: TopicImage, now: TopicImage, touched: Iterable<number> = []): IterableIterator<number> {
  const before = old.partitions.length
  for (const index of touched) if (index < before && old.partitions[index] !== now.partitions[index]) yield index
  for (let index = before; index < now.partitions.length; index++) yield index
}
