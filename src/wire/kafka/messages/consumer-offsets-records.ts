import { bytes, int32, int64, list, string, uuid } from '../../../schema/fields.ts'
import { message } from '../../../schema/message.ts'

/**
 * Records of `__consumer_offsets`, behind an int16: `encodeVersioned` and `decodeVersioned`. For a value it is the
 * version. For a key it is the record's type, by which Kafka tells what the value is: 0 (until Kafka 0.9) and 1 an
 * offset, 2 a group; types from 3 on are of other kinds of groups (consumer-group-records.ts, share-group-records.ts,
 * streams-group-records.ts) and are passed over.
 */
export const offsetCommitKeyType = 1
export const groupMetadataKeyType = 2

export const OffsetCommitKey = message({
  name: 'OffsetCommitKey',
  versions: [0, 1],
  fields: {
    group: string,
    topic: string,
    partition: int32
  }
})

/** Kafka 4.3 writes version 3, or 4 when it knows the topic's id; 1 when the client asked for a retention of its own. */
export const OffsetCommitValue = message({
  name: 'OffsetCommitValue',
  versions: [0, 4],
  flexible: 4,
  fields: {
    offset: int64,
    leaderEpoch: int32.since(3).or(-1).lossy(),
    metadata: string,
    commitTimestamp: int64,
    expireTimestamp: int64.since(1).until(1).or(-1).lossy(),
    topicId: uuid.since(4).lossy().tag(0)
  }
})

export const GroupMetadataKey = message({
  name: 'GroupMetadataKey',
  versions: [2, 2],
  fields: { group: string }
})

/** Kafka 4.3 writes version 3. A null value is a tombstone. */
export const GroupMetadataValue = message({
  name: 'GroupMetadataValue',
  versions: [0, 4],
  flexible: 4,
  fields: {
    protocolType: string,
    generation: int32,
    protocol: string.nullable(),
    leader: string.nullable(),
    currentStateTimestamp: int64.since(2).or(-1).lossy(),
    members: list({
      memberId: string,
      groupInstanceId: string.since(3).nullable().lossy(),
      clientId: string,
      clientHost: string,
      rebalanceTimeout: int32.since(1).or(-1).lossy(),
      sessionTimeout: int32,
      subscription: bytes,
      assignment: bytes
    })
  }
})
