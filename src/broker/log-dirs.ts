import type { Control } from '../control/types.ts'
import type { DiskSpace } from '../disk/disk.ts'
import { type ErrorCode, messageOf } from '../std/errors.ts'
import type { Logger } from '../std/log.ts'
import type { Partitions } from './partitions.ts'

/** The folder of a broker's logs. Kafka's brokers may have several (JBOD); here there is this one. */
export interface LogDir {
  /** Absolute. */
  readonly path: string
  space(): Promise<DiskSpace>
}

/** Partitions of one topic, as requests name them. */
export interface TopicPartitions {
  readonly topic: string
  readonly indexes: readonly number[]
}

export interface LogDirDescription extends DiskSpace {
  readonly error: ErrorCode | undefined
  readonly path: string
  /** It takes no new replicas. */
  readonly cordoned: boolean
  readonly topics: readonly {
    readonly topic: string
    readonly partitions: readonly { readonly index: number; readonly sizeBytes: number }[]
  }[]
}

/** What clients are told of where logs lie, and of how large they are. */
export class LogDirs {
  private readonly logDir: LogDir
  private readonly partitions: Partitions
  private readonly logger: Logger
  private readonly control: Control

  constructor(parts: { logDir: LogDir; partitions: Partitions; control: Control; logger: Logger }) {
    this.control = parts.control
    this.logDir = parts.logDir
    this.partitions = parts.partitions
    this.logger = parts.logger
  }

  /**
   * The folder with those of the partitions asked for (all of them by default) that have a log in it; others are left out without
   * a word. KAFKA_STORAGE_ERROR, and no partitions, when the disk doesn't answer.
   */
  async describe(asked?: readonly TopicPartitions[]): Promise<LogDirDescription> {
    const { path } = this.logDir
    const { image, nodeId } = this.control
    const cordoned = image.broker(nodeId)?.cordoned ?? false
    try {
      return { error: undefined, path, cordoned, topics: this.sizes(asked), ...(await this.logDir.space()) }
    } catch (error) {
      this.logger.error({ folder: path, error: messageOf(error) }, 'the disk does not tell how much room it has')
      return { error: 'KAFKA_STORAGE_ERROR', path, cordoned, topics: [], totalBytes: undefined, usableBytes: undefined }
    }
  }

  /**
   * Why a replica can't be moved to a folder; undefined when it lies there already. LOG_DIR_NOT_FOUND for any other
   * folder, UNKNOWN_TOPIC_OR_PARTITION, KAFKA_STORAGE_ERROR while its log is offline.
   */
  whyNotTo(path: string, topic: string, index: number): ErrorCode | undefined {
    if (path !== this.logDir.path) return 'LOG_DIR_NOT_FOUND'
    const partition = this.partitions.lookUpHosted({ topic, index })
    return typeof partition === 'string' ? partition : partition.failure?.code
  }

  private sizes(asked: readonly TopicPartitions[] | undefined): LogDirDescription['topics'] {
    const found = new Map<string, Map<number, number>>()
    const add = (partition: ReturnType<Partitions['lookUp']>) => {
      if (typeof partition === 'string' || partition.failure) return
      const sizes = found.get(partition.topic) ?? new Map<number, number>()
      found.set(partition.topic, sizes.set(partition.index, partition.log.sizeBytes))
    }
    if (!asked) for (const partition of this.partitions.all()) add(partition)
    else
      for (const { topic, indexes } of asked)
        for (const index of indexes) add(this.partitions.lookUpHosted({ topic, index }))
    return Array.from(found, ([topic, sizes]) => ({
      topic,
      partitions: Array.from(sizes, ([index, sizeBytes]) => ({ index, sizeBytes }))
    }))
  }
}
