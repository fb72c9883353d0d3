import { codeOf, NaruError } from '../std/errors.ts'
import { errorOfNumber } from '../wire/kafka/errors.ts'
import { Heartbeat } from '../wire/kafka/messages/heartbeat.ts'
import { JoinGroup } from '../wire/kafka/messages/join-group.ts'
import { LeaveGroup } from '../wire/kafka/messages/leave-group.ts'
import { OffsetCommit } from '../wire/kafka/messages/offset-commit.ts'
import { SyncGroup } from '../wire/kafka/messages/sync-group.ts'
import {
  type Assignment,
  assignRange,
  decodeAssignment,
  decodeSubscription,
  encodeAssignment,
  encodeSubscription
} from './assignor.ts'
import { type Cluster, ensureOk } from './cluster.ts'

export interface GroupOptions {
  readonly groupId: string
  /** A name that survives restarts (KIP-345): coming back within the session time-out causes no rebalance. */
  readonly instanceId?: string
  /** A member not heard of for so long is dropped. Default 45,000. */
  readonly sessionTimeoutMs?: number
  /** How long a rebalance waits for a member to come. Default 60,000. */
  readonly rebalanceTimeoutMs?: number
  /** Default 3,000. */
  readonly heartbeatIntervalMs?: number
}

export interface CommitOffset {
  readonly topic: string
  readonly partition: number
  readonly offset: number
}

const protocolType = 'consumer'
const protocolName = 'range'

/**
 * One member of a classic consumer group: joins, takes its part of the plan (and makes the plan when it is chosen to),
 * keeps itself alive, commits, leaves.
 */
export class GroupMember {
  private readonly cluster: Cluster
  private readonly options: Required<Omit<GroupOptions, 'instanceId'>>
  private readonly groupInstanceId: string | null
  private readonly topics: readonly string[]
  private memberId = ''
  private generationId = -1
  private epoch = 0
  /** Called when the member must join again: another came or left, or this one was dropped. */
  onRebalance: (() => void) | undefined

  constructor(cluster: Cluster, topics: readonly string[], options: GroupOptions) {
    this.cluster = cluster
    this.topics = topics
    this.groupInstanceId = options.instanceId ?? null
    this.options = {
      groupId: options.groupId,
      sessionTimeoutMs: options.sessionTimeoutMs ?? 45_000,
      rebalanceTimeoutMs: options.rebalanceTimeoutMs ?? 60_000,
      heartbeatIntervalMs: options.heartbeatIntervalMs ?? 3_000
    }
  }

  /** Whether this member has a place in the current generation. */
  get joined(): boolean {
    return this.generationId >= 0
  }

  /** Joins, or joins again, and resolves with this member's partitions. */
  async join(): Promise<Assignment> {
    // Heartbeats of the generation before would be told of the rebalance that this is, and have it joined twice.
    this.epoch++
    const assignment = await this.cluster.retrying(async () => {
      for (;;) {
        const assigned = await this.tryJoin()
        if (assigned) return assigned
      }
    })
    this.keepAlive(++this.epoch)
    return assignment
  }

  /**
   * Commits offsets as a member of the current generation. Rejects with REBALANCE_IN_PROGRESS, ILLEGAL_GENERATION or
   * UNKNOWN_MEMBER_ID when the partitions may be another's by now.
   */
  async commit(offsets: readonly CommitOffset[]): Promise<void> {
    if (offsets.length === 0) return
    // As who it is now: it may lose its place while this is tried again, and who names no member is not asked for its generation.
    const { memberId, generationId } = this
    if (generationId < 0) throw new NaruError('UNKNOWN_MEMBER_ID', `It has no place in group ${this.options.groupId}.`)
    const topics = [...new Set(offsets.map(({ topic }) => topic))]
    await this.cluster.retrying(async () => {
      const connection = await this.coordinator()
      const response = await connection.request(OffsetCommit, {
        groupId: this.options.groupId,
        generationIdOrMemberEpoch: generationId,
        memberId,
        groupInstanceId: this.groupInstanceId,
        topics: topics.map(name => ({
          name,
          partitions: offsets
            .filter(({ topic }) => topic === name)
            .map(({ partition, offset }) => ({
              partitionIndex: partition,
              committedOffset: offset,
              committedMetadata: ''
            }))
        }))
      })
      for (const { name, partitions } of response.topics)
        for (const { partitionIndex, errorCode } of partitions)
          ensureOk(errorCode, `Commit of ${name}-${partitionIndex} in group ${this.options.groupId}`)
    })
  }

  /** Leaves, so that the others need not wait for the session time-out; a static member keeps its place. */
  async leave(): Promise<void> {
    this.epoch++
    const { memberId } = this
    this.forget()
    if (memberId === '' || this.groupInstanceId !== null) return
    const connection = await this.coordinator()
    await connection.request(LeaveGroup, {
      groupId: this.options.groupId,
      members: [{ memberId, groupInstanceId: this.groupInstanceId }]
    })
  }

  /** Undefined when the group has moved on meanwhile and it must be tried again at once. */
  private async tryJoin(): Promise<Assignment | undefined> {
    const { groupId, sessionTimeoutMs, rebalanceTimeoutMs } = this.options
    const connection = await this.coordinator()
    const joined = await connection.request(
      JoinGroup,
      {
        groupId,
        sessionTimeoutMs,
        rebalanceTimeoutMs,
        memberId: this.memberId,
        groupInstanceId: this.groupInstanceId,
        protocolType,
        protocols: [{ name: protocolName, metadata: encodeSubscription(this.topics) }]
      },
      rebalanceTimeoutMs
    )
    const refused = errorOfNumber(joined.errorCode)
    if (refused === 'MEMBER_ID_REQUIRED') {
      this.memberId = joined.memberId
      return undefined
    }
    if (refused === 'UNKNOWN_MEMBER_ID') {
      this.forget()
      return undefined
    }
    ensureOk(joined.errorCode, `Joining group ${groupId}`)
    this.memberId = joined.memberId
    const leads = joined.leader === joined.memberId && !joined.skipAssignment
    const assignments = leads ? await this.plan(joined.members) : []
    const synced = await connection.request(
      SyncGroup,
      {
        groupId,
        generationId: joined.generationId,
        memberId: this.memberId,
        groupInstanceId: this.groupInstanceId,
        protocolType,
        protocolName,
        assignments
      },
      rebalanceTimeoutMs
    )
    const code = errorOfNumber(synced.errorCode)
    if (code === 'REBALANCE_IN_PROGRESS' || code === 'ILLEGAL_GENERATION') return undefined
    if (code === 'UNKNOWN_MEMBER_ID') {
      this.forget()
      return undefined
    }
    ensureOk(synced.errorCode, `Joining group ${groupId}`)
    this.generationId = joined.generationId
    return decodeAssignment(synced.assignment)
  }

  private async plan(
    members: readonly { memberId: string; groupInstanceId: string | null; metadata: Buffer }[]
  ): Promise<{ memberId: string; assignment: Buffer }[]> {
    const subscribers = members.map(({ memberId, groupInstanceId, metadata }) => ({
      memberId,
      instanceId: groupInstanceId,
      topics: decodeSubscription(metadata)
    }))
    const counts = new Map<string, number>()
    for (const topic of new Set(subscribers.flatMap(({ topics }) => topics))) {
      // A topic that does not exist (yet) has nothing to assign.
      const info = await this.cluster.fetchTopics([topic]).catch((error: unknown) => {
        if (error instanceof NaruError && error.code === 'UNKNOWN_TOPIC_OR_PARTITION') return []
        throw error
      })
      counts.set(topic, info[0]?.partitions.length ?? 0)
    }
    return [...assignRange(subscribers, topic => counts.get(topic)!)].map(([memberId, assignment]) => ({
      memberId,
      assignment: encodeAssignment(assignment)
    }))
  }

  /** Heartbeats until the generation ends. */
  private keepAlive(epoch: number): void {
    this.cluster.clock.after(this.options.heartbeatIntervalMs, () => {
      if (epoch === this.epoch) void this.beat(epoch)
    })
  }

  private async beat(epoch: number): Promise<void> {
    try {
      const connection = await this.coordinator()
      const { errorCode } = await connection.request(Heartbeat, {
        groupId: this.options.groupId,
        generationId: this.generationId,
        memberId: this.memberId,
        groupInstanceId: this.groupInstanceId
      })
      if (epoch !== this.epoch) return
      const code = errorOfNumber(errorCode)
      if (code === 'UNKNOWN_MEMBER_ID' || code === 'FENCED_INSTANCE_ID') this.forget()
      if (code === 'REBALANCE_IN_PROGRESS' || code === 'ILLEGAL_GENERATION' || !this.joined) {
        this.epoch++
        this.onRebalance?.()
        return
      }
      if (code) this.cluster.doubt(code)
    } catch (error) {
      // The next heartbeat finds the coordinator again, or the session ends and the group says so.
      this.cluster.doubt(codeOf(error))
    }
    if (epoch === this.epoch) this.keepAlive(epoch)
  }

  private coordinator() {
    return this.cluster.coordinator(this.options.groupId)
  }

  private forget(): void {
    this.memberId = ''
    this.generationId = -1
  }
}
