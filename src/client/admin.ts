import { NaruError } from '../std/errors.ts'
import { CreatePartitions } from '../wire/kafka/messages/create-partitions.ts'
import { CreateTopics } from '../wire/kafka/messages/create-topics.ts'
import { DeleteRecords } from '../wire/kafka/messages/delete-records.ts'
import { DeleteTopics } from '../wire/kafka/messages/delete-topics.ts'
import { DescribeConfigs } from '../wire/kafka/messages/describe-configs.ts'
import { IncrementalAlterConfigs } from '../wire/kafka/messages/incremental-alter-configs.ts'
import { type Cluster, ensureOk, type TopicInfo } from './cluster.ts'

export interface NewTopic {
  readonly name: string
  /** -1 (default): as the broker is configured. */
  readonly partitions?: number
  /** -1 (default): as the broker is configured. */
  readonly replicationFactor?: number
  readonly configs?: Readonly<Record<string, string>>
}

export interface ConfigEntry {
  readonly name: string
  /** Null when it is secret. */
  readonly value: string | null
  /** Where the value comes from, in Kafka's numbers: 1 is the topic itself, 5 the built-in default. */
  readonly source: number
  readonly readOnly: boolean
}

const timeoutMs = 30_000
const topicResource = 2
/** `source` of a config that was set on the topic. */
export const topicConfigSource = 1

/** Resolves when the topic exists; its leaders may be a moment behind. Rejects with TOPIC_ALREADY_EXISTS and others. */
export async function createTopic(cluster: Cluster, topic: NewTopic): Promise<void> {
  const response = await cluster.askController(CreateTopics, {
    topics: [
      {
        name: topic.name,
        numPartitions: topic.partitions ?? -1,
        replicationFactor: topic.replicationFactor ?? -1,
        assignments: [],
        configs: Object.entries(topic.configs ?? {}).map(([name, value]) => ({ name, value }))
      }
    ],
    timeoutMs
  })
  for (const { errorCode, errorMessage } of response.topics) ensureOk(errorCode, `Topic ${topic.name}`, errorMessage)
}

/** Rejects with UNKNOWN_TOPIC_OR_PARTITION and others. */
export async function deleteTopic(cluster: Cluster, name: string): Promise<void> {
  const response = await cluster.askController(DeleteTopics, { topics: [], topicNames: [name], timeoutMs })
  for (const { errorCode, errorMessage } of response.responses) ensureOk(errorCode, `Topic ${name}`, errorMessage)
}

/** All topics by name; internal ones only when asked for. */
export async function listTopics(cluster: Cluster, internal = false): Promise<TopicInfo[]> {
  const topics = await cluster.fetchTopics(null)
  return topics.filter(topic => internal || !topic.internal).sort((a, b) => (a.name < b.name ? -1 : 1))
}

/** Raises the number of partitions to `count`. */
export async function createPartitions(cluster: Cluster, name: string, count: number): Promise<void> {
  const response = await cluster.askController(CreatePartitions, {
    topics: [{ name, count, assignments: null }],
    timeoutMs,
    validateOnly: false
  })
  for (const { errorCode, errorMessage } of response.results) ensureOk(errorCode, `Topic ${name}`, errorMessage)
}

/** The configs of a topic with their values, defaults too. */
export async function topicConfigs(cluster: Cluster, name: string): Promise<ConfigEntry[]> {
  const response = await cluster.ask(DescribeConfigs, {
    resources: [{ resourceType: topicResource, resourceName: name, configurationKeys: null }]
  })
  const [result] = response.results
  if (!result) throw new NaruError('UNKNOWN_SERVER_ERROR', 'The broker left out the topic asked for.')
  ensureOk(result.errorCode, `Configs of topic ${name}`, result.errorMessage)
  return result.configs.map(({ name, value, configSource, readOnly }) => ({
    name,
    value,
    source: configSource,
    readOnly
  }))
}

/** Sets configs of a topic; null goes back to the default. */
export async function alterTopicConfigs(
  cluster: Cluster,
  name: string,
  changes: Readonly<Record<string, string | null>>
): Promise<void> {
  const response = await cluster.askController(IncrementalAlterConfigs, {
    resources: [
      {
        resourceType: topicResource,
        resourceName: name,
        configs: Object.entries(changes).map(([name, value]) => ({
          name,
          configOperation: value === null ? 1 : 0,
          value
        }))
      }
    ],
    validateOnly: false
  })
  for (const { errorCode, errorMessage } of response.responses)
    ensureOk(errorCode, `Configs of topic ${name}`, errorMessage)
}

/** Deletes a partition's records below `offset` (-1: below its high watermark); gives the new first offset. */
export async function deleteRecords(
  cluster: Cluster,
  topic: string,
  partition: number,
  offset: number
): Promise<number> {
  const connection = await cluster.broker(await cluster.leaderOf(topic, partition))
  const response = await connection.request(DeleteRecords, {
    topics: [{ name: topic, partitions: [{ partitionIndex: partition, offset }] }],
    timeoutMs
  })
  const answer = response.topics[0]?.partitions[0]
  if (!answer) throw new NaruError('UNKNOWN_SERVER_ERROR', 'The broker left out the partition asked for.')
  ensureOk(answer.errorCode, `Records of ${topic}-${partition}`)
  return answer.lowWatermark
}
