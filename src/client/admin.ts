import { NaruError } from '../std/errors.ts'
import { CreatePartitions } from '../wire/kafka/messages/create-partitions.ts'
import { CreateTopics } from '../wire/kafka/messages/create-topics.ts'
import { DeleteRecords } from '../wire/kafka/messages/delete-records.ts'
import { DeleteTopics } from '../wire/kafka/messages/delete-topics.ts'
import { DescribeLogDirs } from '../wire/kafka/messages/describe-log-dirs.ts'
import { type Cluster, ensureOk, type TopicInfo } from './cluster.ts'
import { askEveryBroker, type Missing } from './every-broker.ts'

export interface NewTopic {
  readonly name: string
  /** -1 (default): as the broker is configured. */
  readonly partitions?: number
  /** -1 (default): as the broker is configured. */
  readonly replicationFactor?: number
  readonly configs?: Readonly<Record<string, string>>
}

const timeoutMs = 30_000

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

/** Raises the number of partitions to `count`; with `validateOnly` says only whether it could. */
export async function createPartitions(
  cluster: Cluster,
  name: string,
  count: number,
  validateOnly = false
): Promise<void> {
  const response = await cluster.askController(CreatePartitions, {
    topics: [{ name, count, assignments: null }],
    timeoutMs,
    validateOnly
  })
  for (const { errorCode, errorMessage } of response.results) ensureOk(errorCode, `Topic ${name}`, errorMessage)
}

/** What a broker keeps on one of its disks. */
export interface LogDir {
  readonly broker: number
  readonly path: string
  /** Of the filesystem; -1 where the broker doesn't say. */
  readonly totalBytes: number
  readonly usableBytes: number
  /** It takes no new replicas (KIP-1066); false where the broker doesn't say. */
  readonly isCordoned: boolean
  readonly replicas: readonly { readonly topic: string; readonly partition: number; readonly bytes: number }[]
}

/** Partitions of a topic. */
export interface TopicPartitions {
  readonly name: string
  readonly partitions: readonly { readonly index: number }[]
}

/** The data folders of all brokers with what lies in them: all of it, or only these partitions. `missing`: see `askEveryBroker`. */
export async function describeLogDirs(
  cluster: Cluster,
  topics: readonly TopicPartitions[] | null,
  missing?: Missing
): Promise<LogDir[]> {
  const asked = topics?.map(({ name, partitions }) => ({
    topic: name,
    partitions: partitions.map(({ index }) => index)
  }))
  const answers = await askEveryBroker(
    cluster,
    async (connection, { id }) => {
      const response = await connection.request(DescribeLogDirs, { topics: asked ?? null })
      ensureOk(response.errorCode, `Folders of broker ${id}`)
      return response.results.map(({ errorCode, logDir, topics, totalBytes, usableBytes, isCordoned }): LogDir => {
        ensureOk(errorCode, `Folder ${logDir} of broker ${id}`)
        const replicas = topics.flatMap(({ name, partitions }) =>
          partitions
            .filter(({ isFutureKey }) => !isFutureKey)
            .map(({ partitionIndex, partitionSize }) => ({
              topic: name,
              partition: partitionIndex,
              bytes: partitionSize
            }))
        )
        return { broker: id, path: logDir, totalBytes, usableBytes, isCordoned, replicas }
      })
    },
    missing
  )
  return answers.flat()
}

/** Whether a broker takes no new replicas in any of its folders (KIP-1066). */
export async function isCordoned(cluster: Cluster, id: number): Promise<boolean> {
  const connection = await cluster.broker(id)
  const { results } = await connection.request(DescribeLogDirs, { topics: [] })
  return results.length > 0 && results.every(({ isCordoned }) => isCordoned)
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
