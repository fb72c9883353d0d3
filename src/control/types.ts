import type { TopicId } from '../storage/types.ts'

/** A partition as the cluster knows it. */
export interface PartitionImage {
  /** Node id; -1 while nobody leads. */
  readonly leader: number
  readonly leaderEpoch: number
  /** Node ids, the preferred leader first. */
  readonly replicas: readonly number[]
  readonly isr: readonly number[]
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
  /** Where clients reach it; undefined until it listens. */
  readonly endpoint: { readonly host: string; readonly port: number } | undefined
  readonly rack: string | undefined
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
  brokers(): readonly BrokerImage[]
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
  /** Whether dynamic broker configs changed. */
  readonly brokerConfigs: boolean
}

/**
 * The cluster's state: changes to it go through the metastore as compare-and-set, and are in this broker's image when
 * a promise here resolves - and whatever `onChange` listeners gave back is settled too, so that a topic that was made
 * can be written to at once.
 */
export interface Control {
  readonly nodeId: number
  readonly image: MetadataImage
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
  /** Tells where clients reach this broker. */
  advertise(endpoint: { host: string; port: number }): Promise<void>
  onChange(listener: (change: ImageChange) => void | Promise<void>): () => void
  close(): Promise<void>
}
