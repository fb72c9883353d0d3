import { Reader, zeroUuid } from '../schema/reader.ts'
import type { StateRecord } from '../statelog/types.ts'
import type { TopicId } from '../storage/types.ts'
import {
  GroupMetadataKey,
  GroupMetadataValue,
  groupMetadataKeyType,
  OffsetCommitKey,
  OffsetCommitValue,
  offsetCommitKeyType
} from '../wire/kafka/messages/consumer-offsets-records.ts'

/** What is kept of a group's last completed rebalance. */
export type GroupMetadata = (typeof GroupMetadataValue)['decoded']

/** An offset as it was committed. */
export interface CommittedOffset {
  readonly offset: number
  /** -1 when the client didn't say. */
  readonly leaderEpoch: number
  readonly metadata: string
  readonly commitTimestampMs: number
  /** When it ends regardless of the retention (commits before version 5 could ask for that), or -1. */
  readonly expireTimestampMs: number
  /** The topic that it was committed for, so that a topic made anew doesn't inherit it; undefined in old records. */
  readonly topicId: TopicId | undefined
}

export interface OffsetPlace {
  readonly group: string
  readonly topic: string
  readonly partition: number
}

/** A record of `__consumer_offsets`; a null value is a tombstone. */
export type GroupRecord =
  | { readonly kind: 'offset'; readonly key: OffsetPlace; readonly value: CommittedOffset | null }
  | { readonly kind: 'group'; readonly group: string; readonly value: GroupMetadata | null }
  | { readonly kind: 'foreign'; readonly type: number }

export function groupRecord(group: string, value: GroupMetadata | null): StateRecord {
  return {
    key: GroupMetadataKey.encodeVersioned({ group }, groupMetadataKeyType),
    value: value && GroupMetadataValue.encodeVersioned(value, 3)
  }
}

export function offsetRecord(key: OffsetPlace, value: CommittedOffset | null): StateRecord {
  return {
    key: OffsetCommitKey.encodeVersioned(key, offsetCommitKeyType),
    value: value && encodeOffset(value)
  }
}

/** Throws DecodeError for bytes that are no record of this topic. */
export function decodeGroupRecord(record: StateRecord): GroupRecord {
  const type = record.key.readInt16BE(0)
  const key = record.key.subarray(2)
  switch (type) {
    case 0:
    case offsetCommitKeyType:
      return {
        kind: 'offset',
        key: OffsetCommitKey.decode(key, type),
        value: record.value && decodeOffset(record.value)
      }
    case groupMetadataKeyType:
      return {
        kind: 'group',
        group: GroupMetadataKey.decode(key, type).group,
        value: record.value && GroupMetadataValue.codec(record.value.readInt16BE(0)).decode(new Reader(record.value, 2))
      }
    default:
      return { kind: 'foreign', type }
  }
}

function encodeOffset(value: CommittedOffset): Buffer {
  const { offset, leaderEpoch, metadata, commitTimestampMs, expireTimestampMs, topicId } = value
  const version = expireTimestampMs >= 0 ? 1 : topicId ? 4 : 3
  return OffsetCommitValue.encodeVersioned(
    {
      offset,
      leaderEpoch,
      metadata,
      commitTimestamp: commitTimestampMs,
      expireTimestamp: expireTimestampMs,
      topicId: topicId ?? zeroUuid
    },
    version
  )
}

function decodeOffset(bytes: Buffer): CommittedOffset {
  const value = OffsetCommitValue.codec(bytes.readInt16BE(0)).decode(new Reader(bytes, 2))
  return {
    offset: value.offset,
    leaderEpoch: value.leaderEpoch,
    metadata: value.metadata,
    commitTimestampMs: value.commitTimestamp,
    expireTimestampMs: value.expireTimestamp,
    topicId: value.topicId === zeroUuid ? undefined : value.topicId
  }
}
