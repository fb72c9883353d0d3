import type { Turn } from '../statelog/turn.ts'
import type { StateRecord } from '../statelog/types.ts'
import { type ErrorCode, NaruError } from '../std/errors.ts'
import type { TopicId } from '../storage/types.ts'
import type { ClassicGroup } from './group.ts'
import { armSession } from './rebalance.ts'
import { offsetRecord } from './records.ts'
import type { GroupsState } from './state.ts'

export interface OffsetToCommit {
  readonly topic: string
  /** Undefined where the broker doesn't know it. */
  readonly topicId: TopicId | undefined
  readonly partition: number
  readonly offset: number
  /** -1 when not known. */
  readonly leaderEpoch: number
  readonly metadata: string | null
}

export interface CommitRequest {
  readonly groupId: string
  /** Negative from clients that are not members. */
  readonly generationId: number
  readonly memberId: string
  readonly groupInstanceId: string | null
  /** Versions before 5 may ask for a retention of their own; -1 for the broker's. */
  readonly retentionTimeMs: number
  /** Versions from 9 on know GROUP_ID_NOT_FOUND. */
  readonly knowsGroupNotFound: boolean
  readonly offsets: readonly OffsetToCommit[]
}

/** OffsetCommit: an error, or undefined, for each offset in the order of the request. */
export function commitOffsets(state: GroupsState, turn: Turn, request: CommitRequest): (ErrorCode | undefined)[] {
  const group = state.groups.get(request.groupId)
  if (group) checkCommitter(group, request)
  else if (request.generationId >= 0)
    throw new NaruError(request.knowsGroupNotFound ? 'GROUP_ID_NOT_FOUND' : 'ILLEGAL_GENERATION')
  else state.checkRoom()
  const { nowMs, config } = state
  const expireTimestampMs = request.retentionTimeMs < 0 ? -1 : nowMs + request.retentionTimeMs
  const records: StateRecord[] = []
  let added = 0
  const errors = request.offsets.map(({ topic, topicId, partition, offset, leaderEpoch, metadata }) => {
    // Kafka compares its limit in bytes with the length in UTF-16 units.
    if (metadata !== null && metadata.length > config.offsetMetadataMaxBytes) return 'OFFSET_METADATA_TOO_LARGE'
    if (!group?.offsets.get(topic, partition)) {
      if (state.offsetCount + added >= config.offsetsMax) return 'POLICY_VIOLATION'
      added++
    }
    const value = {
      offset,
      leaderEpoch,
      metadata: metadata ?? '',
      commitTimestampMs: nowMs,
      expireTimestampMs,
      topicId
    }
    records.push(offsetRecord({ group: request.groupId, topic, partition }, value))
    return undefined
  })
  turn.write(...records)
  return errors
}

/** A commit keeps the session; a member that has a new generation to sync with must do that first. */
function checkCommitter(group: ClassicGroup, request: CommitRequest): void {
  const { generationId, memberId, groupInstanceId } = request
  if (generationId < 0 && group.phase === 'Empty') return
  if (generationId < 0 && memberId === '' && groupInstanceId === null) throw new NaruError('UNKNOWN_MEMBER_ID')
  const member = group.validated(memberId, groupInstanceId)
  if (generationId !== group.generation) throw new NaruError('ILLEGAL_GENERATION')
  if (group.phase === 'CompletingRebalance') throw new NaruError('REBALANCE_IN_PROGRESS')
  armSession(member)
}
