import type { TopicId } from '../storage/types.ts'
import type { Load } from './placement.ts'

/** A partition as the cluster knows it. */
export interface PartitionImage {
  /** Node id of the leader. It leads only while it is registered with `leaderBrokerEpoch`: see `leadOf`. */
  readonly leader: number
  readonly leaderEpoch: number
  /** The life of the leader that was elected: a restarted broker leads nothing until it is elected again. */
  readonly leaderBrokerEpoch: number
  /** Node ids, the preferred leader first. */
  readonly replicas: readonly number[]
  /** Never empty: the last member stays, dead or alive. */
  readonly isr: readonly number[]
  /**
   * Eligible leader replicas (KIP-966), absent where there are none: they left the ISR while it was under min ISR, and have
   * all that is committed. The high watermark doesn't move while there are any: see `withIsr`.
   */
  readonly elr?: readonly number[]
  /** Those of the replicas that a reassignment has added; absent where there are none. See `reassignment.ts`. */
  readonly adding?: readonly number[]
  /** Those of the replicas that go when the reassignment is done. */
  readonly removing?: readonly number[]
}

/** Names a partition. */
export interface PartitionPlace {
  readonly topicId: TopicId
  readonly index: number
}

/** A change of one partition: gives what it becomes, or undefined for no change; called again when somebody else came first. */
export interface PartitionUpdate extends PartitionPlace {
  readonly change: (partition: PartitionImage) => PartitionImage | undefined
}

export interface TopicImage {
  readonly name: string
  readonly topicId: TopicId
  /** Texts that were set for the topic, by config name. */
  readonly configs: Readonly<Record<string, string>>
  /** By partition index. */
  readonly partitions: readonly PartitionImage[]
}

export interface BrokerImage {
  readonly nodeId: number
  /** Grows with every life of this node: a restart gives a new one, the end of a lease while it lives does not. */
  readonly epoch: number
  /** Where clients reach it; undefined until it listens. */
  readonly endpoint: { readonly host: string; readonly port: number } | undefined
  readonly rack: string | undefined
  /** The machine that it runs on, which brokers that fail together share; undefined where it doesn't say. */
  readonly host: string | undefined
  /** It is about to stop, or its disk is full: others shall lead, and nobody waits for it. */
  readonly draining: boolean
  /** It takes no new replicas. */
  readonly cordoned: boolean
}

/** A broker that is away. */
export interface AbsentBroker {
  readonly nodeId: number
  /** Where it was and what it said of itself, as far as this broker has seen it. */
  readonly endpoint?: { readonly host: string; readonly port: number }
  readonly rack?: string
  readonly host?: string
  readonly cordoned: boolean
}

/** The cluster as this broker knows it: read synchronously, kept up to date by watching the metastore. */
export interface MetadataImage {
  readonly clusterId: string
  readonly controllerId: number
  /** Grows with every change of the controller. */
  readonly controllerEpoch: number
  /** The metastore's revision that this is. */
  readonly revision: number
  topic(name: string): TopicImage | undefined
  topicById(topicId: TopicId): TopicImage | undefined
  /** All topics, in order of their names. */
  topics(): Iterable<TopicImage>
  /** The partitions whose replicas are being moved. */
  reassigning(): Iterable<PartitionPlace>
  /** Those that are registered now. */
  brokers(): readonly BrokerImage[]
  /** Those that were and are not now; they are expected back until somebody forgets them. Fenced, in Kafka's words. */
  absentees(): readonly AbsentBroker[]
  broker(nodeId: number): BrokerImage | undefined
  /** What a broker has, here or away. */
  load(nodeId: number): Load
  /** Dynamic configs of one broker; of all of them (the cluster default) for undefined. */
  brokerConfigs(nodeId: number | undefined): Readonly<Record<string, string>>
}

/** What changed in the image, told after it did. A created topic's partitions are not told again as repartitioned. */
export interface ImageChange {
  readonly created: readonly TopicImage[]
  readonly deleted: readonly TopicImage[]
  /** Topics with changed configs. */
  readonly reconfigured: readonly TopicImage[]
  /** Topics that gained partitions, or whose partitions changed their leader, epoch, replicas or ISR. */
  readonly repartitioned: readonly TopicImage[]
  /** Which partitions of those it was. */
  readonly partitions: readonly PartitionPlace[]
  /** Whether dynamic broker configs changed. */
  readonly brokerConfigs: boolean
  /** Whether a broker came, went or changed. */
  readonly brokers: boolean
}

/** The broker that leads a partition now; undefined while nobody does. */
export function leaderOf(image: MetadataImage, partition: PartitionImage): BrokerImage | undefined {
  const broker = image.broker(partition.leader)
  return broker?.epoch === partition.leaderBrokerEpoch ? broker : undefined
}

/** `preferred`: the first replica shall lead. `unclean`: anyone shall, where nobody does, whatever it has missed. */
export type ElectionType = 'preferred' | 'unclean'

/** Another ISR that a leader wants. */
export interface IsrChange {
  readonly isr: readonly number[]
  /** Registrations that its new members must still have. */
  readonly joining: readonly { readonly nodeId: number; readonly epoch: number }[]
  /** How many in-sync replicas the leader takes for enough. */
  readonly minIsr: number
}

/** What came of an election. */
export type Election = 'elected' | 'not needed' | 'no candidate' | 'unknown partition'

/**
 * The cluster's state: changes to it go through the metastore as compare-and-set, and are in this broker's image when
 * a promise here resolves. For changes of topics, their replicas and configs whatever `onChange` listeners gave back is
 * settled too, so that a topic that was made can be written to at once; others wait for no log that has to be opened.
 */
export interface Control {
  readonly nodeId: number
  readonly image: MetadataImage
  /** The epoch of this life of the broker; undefined before it is known and once another process has the node id: it leads nothing then. */
  readonly brokerEpoch: number | undefined
  /** Whether brokers that aren't registered may live all the same: the metastore was silent so long that it may have ended leases by itself. */
  readonly inDoubt: boolean
  /** `assignments`: the replicas of each partition. TOPIC_ALREADY_EXISTS. */
  createTopic(topic: {
    name: string
    assignments: readonly (readonly number[])[]
    configs: Readonly<Record<string, string>>
  }): Promise<TopicImage>
  /** UNKNOWN_TOPIC_ID. */
  deleteTopic(topicId: TopicId): Promise<void>
  /** Adds partitions to the `expected` that there are, else INVALID_PARTITIONS. UNKNOWN_TOPIC_ID. */
  addPartitions(topicId: TopicId, expected: number, assignments: readonly (readonly number[])[]): Promise<void>
  /** Changes a topic's configs by a function of what they are, called again when somebody else came first. */
  updateTopicConfigs(
    topicId: TopicId,
    change: (configs: Readonly<Record<string, string>>) => Readonly<Record<string, string>>
  ): Promise<void>
  /** The same for a broker, or for all of them (undefined). */
  updateBrokerConfigs(
    nodeId: number | undefined,
    change: (configs: Readonly<Record<string, string>>) => Readonly<Record<string, string>>
  ): Promise<void>
  /** Producer ids that nobody was given before: `count` of them from `first` on. */
  allocateProducerIds(): Promise<{ readonly first: number; readonly count: number }>
  /**
   * Gives a partition that this broker leads another ISR, and the eligible replicas that follow from it (`withIsr`).
   * `expected` is the image that the leader goes by. False when that, or any of the registrations, is no longer so: the
   * image tells how it is.
   */
  changeIsr(topicId: TopicId, index: number, expected: PartitionImage, change: IsrChange): Promise<boolean>
  /** Changes partitions, many at a time, each on its own; resolves when that is done. Those that are no more are left out. */
  updatePartitions(updates: readonly PartitionUpdate[]): Promise<void>
  /** A partition as the metastore has it now, whatever the image says; undefined when it is no more. */
  partitionNow(topicId: TopicId, index: number): Promise<PartitionImage | undefined>
  /** Elects a leader on somebody's wish. */
  elect(topicId: TopicId, index: number, type: ElectionType): Promise<Election>
  /**
   * Says that this broker can't serve its replica of a partition: it is neither in sync nor eligible any more, and leads
   * no longer, unless nobody else can.
   */
  giveAway(topicId: TopicId, index: number): Promise<void>
  /** Says that a broker's process is gone (its port refuses connections): no one waits for the end of its lease. */
  reportGone(nodeId: number, epoch: number): Promise<void>
  /**
   * Ends a broker for good, dead or alive: its replicas are neither in sync nor eligible any more, as far as others are; a
   * process of it that lives stays away until it is started again. False when no such broker is known.
   */
  unregister(nodeId: number): Promise<boolean>
  /** Tells where clients reach this broker. */
  advertise(endpoint: { host: string; port: number }): Promise<void>
  /** Says whether this broker's disk is full: as long as it is, others lead what they can. */
  reportFull(isFull: boolean): Promise<void>
  /** Announces this broker's end; resolves when no partition is left that it leads and another could, or after `timeoutMs`. */
  drain(timeoutMs: number): Promise<void>
  onChange(listener: (change: ImageChange) => void | Promise<void>): () => void
  /** Signs off. */
  close(): Promise<void>
  /** Ends as a process that dies does: nothing is signed off, the lease runs out. */
  abandon(): Promise<void>
}
