import type { GroupOffset } from '../group-describe.ts'

/** What the checks see of a cluster: taken twice, `elapsedMs` apart, so that rates and standstill show. */
export interface View {
  /** Wall clock, epoch ms. */
  readonly nowMs: number
  readonly elapsedMs: number
  readonly brokers: readonly BrokerView[]
  readonly topics: readonly TopicView[]
  readonly groups: readonly GroupView[]
  /** Of the topics that were sampled. */
  readonly samples: readonly SampleView[]
  /** Of the data folder, where one was named. */
  readonly local: LocalView | undefined
}

export interface BrokerView {
  readonly id: number
  /** As the cluster gives it to clients. */
  readonly address: string
  /** Why it can't be reached from here. */
  readonly unreachable: string | undefined
  readonly configs: Values
  readonly logDirs: readonly { readonly path: string; readonly totalBytes: number; readonly usableBytes: number }[]
}

/** Config values by name; null where hidden. */
export type Values = ReadonlyMap<string, string | null>

export interface TopicView {
  readonly name: string
  readonly internal: boolean
  readonly configs: Values
  readonly partitions: readonly PartitionView[]
}

export interface PartitionView {
  readonly index: number
  /** -1 while it has none. */
  readonly leader: number
  readonly replicas: readonly number[]
  readonly isr: readonly number[]
  /** -1 where it isn't known. */
  readonly first: number
  readonly end: number
  /** The end `elapsedMs` later. */
  readonly endLater: number
  /** Of the leader's copy; -1 where it isn't known. */
  readonly bytes: number
}

export interface GroupView {
  readonly groupId: string
  readonly state: string
  readonly stateLater: string
  readonly members: readonly { readonly memberId: string; readonly clientId: string; readonly partitions: number }[]
  readonly offsets: readonly GroupOffset[]
  readonly offsetsLater: readonly GroupOffset[]
}

/** What the newest records of a topic look like. */
export interface SampleView {
  readonly topic: string
  readonly records: number
  readonly keyless: number
  /** The most frequent keys, most frequent first. */
  readonly topKeys: readonly { readonly key: string; readonly records: number; readonly partition: number }[]
  /** Epoch ms of the newest record; -1 when none has a time. */
  readonly newestTimestamp: number
}

/** What the data folder and the machine say. */
export interface LocalView {
  readonly folder: string
  /** Of the broker that has it. */
  readonly process: number | undefined
  /** How many files that process may open, and has open; undefined where the system doesn't say. */
  readonly openFilesMax: number | undefined
  readonly openFiles: number | undefined
  /** Damage that is known, by log. */
  readonly damaged: readonly { readonly log: string; readonly from: number; readonly to: number }[]
  /** Why something in it can't be read. */
  readonly unreadable: readonly string[]
  /** Configs that are set and unknown, or not allowed, in this version. */
  readonly badConfigs: readonly { readonly of: string; readonly name: string; readonly why: string }[]
}
