import { StateShard } from '../statelog/shard.ts'
import type { ReplicatedLog } from '../statelog/types.ts'
import { codeOf, type ErrorCode, NaruError } from '../std/errors.ts'
import type { TopicId } from '../storage/types.ts'
import { deleteGroup } from './delete.ts'
import { describe, type GroupDescription } from './describe.ts'
import { ForgottenTopics } from './forgotten-topics.ts'
import { javaHash } from './hash.ts'
import { type HeartbeatRequest, heartbeat } from './heartbeat.ts'
import { type JoiningClient, type JoinRequest, join } from './join.ts'
import { type LeaveRequest, type LeaveResponse, leave } from './leave.ts'
import { type ListedGroup, type ListFilter, list } from './list.ts'
import type { JoinResponse, SyncResponse } from './member.ts'
import { type CommitRequest, commitOffsets } from './offset-commit.ts'
import { deleteOffsets } from './offset-delete.ts'
import { type FetchedTopic, fetchAllOffsets, fetchOffsets } from './offset-fetch.ts'
import { type GroupEnvironment, GroupsState } from './state.ts'
import { type SyncRequest, sync } from './sync.ts'
import { UntoldMembers } from './untold-members.ts'

/** The internal topic that keeps groups and committed offsets. */
export const offsetsTopicName = '__consumer_offsets'

/** What groups need to know of topics. */
export interface TopicDirectory {
  idOf(topic: string): TopicId | undefined
  nameOf(topicId: TopicId): string | undefined
  /** Undefined for a topic that doesn't exist. */
  partitionCount(topic: string): number | undefined
}

/** A broker as its clients reach it. */
export interface CoordinatorNode {
  readonly nodeId: number
  readonly host: string
  readonly port: number
}

export interface GroupCoordinatorOptions extends GroupEnvironment {
  /** See LifeOptions of statelog/. */
  readonly compactedBytesMin?: number
  readonly topics: TopicDirectory
  /** The broker that leads a partition of `__consumer_offsets`; undefined while nobody does. */
  leaderOf(partition: number): CoordinatorNode | undefined
}

/** A topic as a request names it: by id from version 10 of OffsetCommit and OffsetFetch on. */
export interface TopicRef {
  readonly name: string
  readonly topicId: TopicId
}

/** How an offset of a commit came out. */
export type CommitResult = ErrorCode | undefined

/** An offset to commit as a request names it. */
export interface CommitItem extends TopicRef {
  readonly partition: number
  readonly offset: number
  readonly leaderEpoch: number
  readonly metadata: string | null
}

/** A topic of an offset fetch as a request names it. */
export interface FetchItem extends TopicRef {
  readonly partitions: readonly number[]
}

/** Offsets of a topic as they are answered; with an error for a topic that its id doesn't name. */
export interface OffsetsOfTopic extends TopicRef {
  readonly partitions: FetchedTopic['partitions']
  readonly error?: ErrorCode
}

/**
 * All classic groups that this broker coordinates: one shard for each partition of `__consumer_offsets` that it leads.
 * A group lives where its id hashes to.
 *
 * Every verb may reject with NaruError NOT_COORDINATOR, COORDINATOR_LOAD_IN_PROGRESS or COORDINATOR_NOT_AVAILABLE; its
 * own errors stand beside it. All are synchronous up to their place in the log.
 */
export class GroupCoordinator {
  private readonly options: GroupCoordinatorOptions
  private readonly shards = new Map<number, StateShard<GroupsState>>()
  /** By the same partitions. */
  private readonly forgotten = new Map<number, ForgottenTopics>()
  private untold: UntoldMembers | undefined

  constructor(options: GroupCoordinatorOptions) {
    this.options = options
  }

  /** The partition of `__consumer_offsets` that keeps a group: the topic's own count decides, once it exists. */
  coordinatorFor(groupId: string): number {
    const { topics, config } = this.options
    const count = topics.partitionCount(offsetsTopicName) ?? config.offsetsTopicPartitions
    return (javaHash(groupId) & 0x7fff_ffff) % count
  }

  /** FindCoordinator: the broker to ask about a group. Throws COORDINATOR_NOT_AVAILABLE. */
  find(groupId: string): CoordinatorNode {
    const node = this.options.leaderOf(this.coordinatorFor(groupId))
    if (!node) throw new NaruError('COORDINATOR_NOT_AVAILABLE', 'The coordinator is not available.')
    return node
  }

  /** Takes over a partition of `__consumer_offsets`: loads it, then serves. Resolves when it is loaded. */
  becomeLeader(partition: number, log: ReplicatedLog): Promise<void> {
    this.resign(partition)
    const { clock, logger, compactedBytesMin, config } = this.options
    const shard = new StateShard<GroupsState>({
      name: `${offsetsTopicName}-${partition}`,
      log,
      clock,
      logger,
      compactedBytesMin,
      commitTimeoutMs: config.commitTimeoutMs,
      create: timers => new GroupsState(this.options, timers)
    })
    this.shards.set(partition, shard)
    this.forgotten.set(partition, new ForgottenTopics(shard, this.options))
    return shard.whenLoaded()
  }

  /** Lets go of a partition: its groups are another broker's now. */
  resign(partition: number): void {
    this.forgotten.get(partition)?.close()
    this.forgotten.delete(partition)
    const shard = this.shards.get(partition)
    if (this.untold) for (const { members } of shard?.state?.groups.values() ?? []) this.untold.add(members.keys())
    shard?.close()
    this.shards.delete(partition)
  }

  /** The broker stops: from now on it is noted which members of what it resigns from have heard of that. */
  handOver(): void {
    this.untold = new UntoldMembers()
  }

  /** Resolves once all members that were handed over have been told NOT_COORDINATOR, by whatever they asked next. */
  async membersKnow(): Promise<void> {
    await this.untold?.none()
  }

  close(): void {
    for (const partition of [...this.shards.keys()]) this.resign(partition)
  }

  /**
   * JoinGroup; parked until the round is complete. Refusals that carry a member id are answers with `error`
   * (MEMBER_ID_REQUIRED, …), others reject: INVALID_GROUP_ID, INVALID_SESSION_TIMEOUT, UNKNOWN_MEMBER_ID,
   * FENCED_INSTANCE_ID, INCONSISTENT_GROUP_PROTOCOL.
   */
  join(request: JoinRequest, client: JoiningClient): Promise<JoinResponse> {
    return this.telling(request.memberId, async () => {
      const { sessionTimeoutMinMs, sessionTimeoutMaxMs } = this.options.config
      const shard = this.namedShard(request.groupId)
      if (request.sessionTimeoutMs < sessionTimeoutMinMs || request.sessionTimeoutMs > sessionTimeoutMaxMs)
        throw new NaruError(
          'INVALID_SESSION_TIMEOUT',
          `The session time-out must lie between ${sessionTimeoutMinMs} and ${sessionTimeoutMaxMs} ms.`
        )
      return shard.park((state, turn, reply) => join(state, turn, reply, request, client))
    })
  }

  /** SyncGroup; a follower's is parked until the leader's is committed. UNKNOWN_MEMBER_ID, FENCED_INSTANCE_ID, ILLEGAL_GENERATION, INCONSISTENT_GROUP_PROTOCOL, REBALANCE_IN_PROGRESS. */
  sync(request: SyncRequest): Promise<SyncResponse> {
    return this.telling(request.memberId, async () => {
      const shard = this.namedShard(request.groupId)
      return shard.park((state, turn, reply) => sync(state, turn, reply, request))
    })
  }

  /** Heartbeat. UNKNOWN_MEMBER_ID, FENCED_INSTANCE_ID, ILLEGAL_GENERATION, REBALANCE_IN_PROGRESS. */
  async heartbeat(request: HeartbeatRequest): Promise<void> {
    try {
      await this.telling(request.memberId, async () => {
        const shard = this.namedShard(request.groupId)
        await shard.execute(state => heartbeat(state, request))
        shard.glance()
      })
    } catch (error) {
      // Nothing is known about the member yet, and its session has not begun to count: it may stay calm.
      if (codeOf(error) !== 'COORDINATOR_LOAD_IN_PROGRESS') throw error
    }
  }

  /** LeaveGroup of one or several members, each answered for itself. */
  async leave(request: LeaveRequest): Promise<LeaveResponse> {
    const left = await this.namedShard(request.groupId).execute((state, turn) => leave(state, turn, request))
    for (const { memberId } of request.members) this.untold?.told(memberId)
    return left
  }

  /**
   * OffsetCommit: what came of each item, in order. A failure of the whole group counts for all items whose topic and
   * partition exist; the others keep UNKNOWN_TOPIC_OR_PARTITION, or UNKNOWN_TOPIC_ID when they are named by id.
   */
  async commitOffsets(
    request: Omit<CommitRequest, 'offsets'> & { readonly items: readonly CommitItem[] },
    byTopicId: boolean
  ): Promise<CommitResult[]> {
    const { topics } = this.options
    const results: CommitResult[] = []
    const offsets: CommitRequest['offsets'][number][] = []
    const places: number[] = []
    for (const [at, item] of request.items.entries()) {
      const topic = byTopicId ? topics.nameOf(item.topicId) : item.name
      const partitions = topic === undefined ? undefined : topics.partitionCount(topic)
      if (topic === undefined) results[at] = 'UNKNOWN_TOPIC_ID'
      else if (!(item.partition >= 0 && item.partition < (partitions ?? 0))) results[at] = 'UNKNOWN_TOPIC_OR_PARTITION'
      else {
        places.push(at)
        const { partition, offset, leaderEpoch, metadata } = item
        offsets.push({ topic, topicId: topics.idOf(topic), partition, offset, leaderEpoch, metadata })
        results[at] = undefined
      }
    }
    if (offsets.length === 0 && request.items.length > 0) return results
    try {
      const errors = await this.telling(request.memberId, async () =>
        this.shardOf(request.groupId).execute((state, turn) => commitOffsets(state, turn, { ...request, offsets }))
      )
      for (const [at, error] of errors.entries()) results[places[at]] = error
    } catch (error) {
      if (places.length === 0 || !(error instanceof NaruError)) throw error
      for (const place of places) results[place] = error.code
    }
    return results
  }

  /**
   * OffsetFetch of one group; null asks for everything. Nothing is ever answered that could still be lost, so a
   * stable offset (KIP-447) is what everybody gets.
   */
  async fetchOffsets(
    groupId: string,
    items: readonly FetchItem[] | null,
    byTopicId: boolean
  ): Promise<OffsetsOfTopic[]> {
    const { topics } = this.options
    const idOf = (topic: string): TopicId | undefined => topics.idOf(topic)
    const shard = this.shardOf(groupId)
    if (items === null) {
      const found = await shard.read(state => fetchAllOffsets(state, groupId, idOf))
      const named = found.map(({ topic, partitions }) => ({ name: topic, topicId: idOf(topic) ?? '', partitions }))
      return byTopicId ? named.filter(({ topicId }) => topicId !== '') : named
    }
    const asked = items.map(({ name, topicId, partitions }) => ({
      topic: byTopicId ? (topics.nameOf(topicId) ?? '') : name,
      partitions
    }))
    const found = await shard.read(state => fetchOffsets(state, groupId, asked, idOf))
    return found.map(({ topic, partitions }, at) => {
      const unknown = byTopicId && topic === ''
      return { name: topic, topicId: items[at].topicId, partitions, error: unknown ? 'UNKNOWN_TOPIC_ID' : undefined }
    })
  }

  /** DescribeGroups, for one group; state Dead when there is none. */
  async describe(groupId: string): Promise<GroupDescription> {
    return this.shardOf(groupId).read(state => describe(state, groupId))
  }

  /** ListGroups: the groups of all partitions that this broker leads. */
  async list(filter: ListFilter): Promise<ListedGroup[]> {
    const lists = [...this.shards.values()].map(shard =>
      shard
        .read(state => list(state, filter))
        .catch(error => {
          if (codeOf(error) === 'NOT_COORDINATOR') return []
          throw error
        })
    )
    return (await Promise.all(lists)).flat()
  }

  /** DeleteGroups, for one group. GROUP_ID_NOT_FOUND, NON_EMPTY_GROUP. */
  async deleteGroup(groupId: string): Promise<void> {
    return this.shardOf(groupId).execute((state, turn) => deleteGroup(state, turn, groupId))
  }

  /** OffsetDelete: what came of each place, in order. GROUP_ID_NOT_FOUND, NON_EMPTY_GROUP; INVALID_GROUP_ID. */
  async deleteOffsets(
    groupId: string,
    places: readonly { readonly topic: string; readonly partition: number }[]
  ): Promise<CommitResult[]> {
    const { topics } = this.options
    const known = places.map(({ topic, partition }) => {
      const count = topics.partitionCount(topic) ?? 0
      return partition >= 0 && partition < count
    })
    const asked = places.filter((_, at) => known[at])
    const shard = this.namedShard(groupId)
    const errors = await shard.execute((state, turn) => deleteOffsets(state, turn, groupId, asked))
    return known.map(exists => (exists ? errors.shift() : 'UNKNOWN_TOPIC_OR_PARTITION'))
  }

  /** A topic was deleted: its committed offsets go. Until then, and where this broker dies first, its id gives them away. */
  async topicDeleted(topic: string, topicId: TopicId): Promise<void> {
    await Promise.all([...this.forgotten.values()].map(topics => topics.add(topic, topicId)))
  }

  /** Runs a verb of a member; what it hears is noted where its group is being handed over. */
  private async telling<T>(memberId: string, verb: () => Promise<T>): Promise<T> {
    try {
      return await verb()
    } catch (error) {
      if (codeOf(error) === 'NOT_COORDINATOR') this.untold?.told(memberId)
      throw error
    }
  }

  /** The shard of a group that must have a name: members do, offsets need not. */
  private namedShard(groupId: string): StateShard<GroupsState> {
    if (groupId === '') throw new NaruError('INVALID_GROUP_ID', 'A group id must not be empty.')
    return this.shardOf(groupId)
  }

  private shardOf(groupId: string): StateShard<GroupsState> {
    const shard = this.shards.get(this.coordinatorFor(groupId))
    if (!shard) throw new NaruError('NOT_COORDINATOR', `Group ${groupId} has its coordinator elsewhere.`)
    return shard
  }
}
