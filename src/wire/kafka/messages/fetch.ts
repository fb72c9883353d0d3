import { int8, int16, int32, int64, list, records, string, struct, uuid } from '../../../schema/fields.ts'
import { api } from '../../../schema/message.ts'

/**
 * 4: transactions (KIP-98); 5: log start offsets (KIP-107); 7: sessions (KIP-227); 9: leader epochs (KIP-320); 10:
 * zstd (KIP-110); 11: rack and preferred replica (KIP-392); 12: divergence from the last fetched epoch (KIP-595); 13:
 * topic ids (KIP-516); 15: replica state (KIP-903); 16: node endpoints (KIP-951); 18: the follower's high watermark
 * (KIP-1166).
 */
export const Fetch = api({
  key: 1,
  name: 'Fetch',
  versions: [4, 18],
  flexible: 12,
  request: {
    clusterId: string.since(12).nullable().lossy().tag(0),
    replicaId: int32.until(14).or(-1),
    replicaState: struct({
      replicaId: int32.or(-1),
      replicaEpoch: int64.or(-1)
    })
      .since(15)
      .tag(1),
    maxWaitMs: int32,
    minBytes: int32,
    maxBytes: int32.or(0x7fff_ffff),
    isolationLevel: int8.or(0),
    sessionId: int32.since(7).or(0).lossy(),
    sessionEpoch: int32.since(7).or(-1).lossy(),
    topics: list({
      topic: string.until(12).lossy(),
      topicId: uuid.since(13).lossy(),
      partitions: list({
        partition: int32,
        currentLeaderEpoch: int32.since(9).or(-1).lossy(),
        fetchOffset: int64,
        lastFetchedEpoch: int32.since(12).or(-1),
        logStartOffset: int64.since(5).or(-1).lossy(),
        partitionMaxBytes: int32,
        replicaDirectoryId: uuid.since(17).lossy().tag(0),
        highWatermark: int64
          .since(18)
          .or(2 ** 63)
          .lossy()
          .tag(1)
      })
    }),
    forgottenTopicsData: list({
      topic: string.until(12).lossy(),
      topicId: uuid.since(13).lossy(),
      partitions: list(int32)
    }).since(7),
    rackId: string.since(11).or('').lossy()
  },
  response: {
    throttleTimeMs: int32.or(0),
    errorCode: int16.since(7).lossy(),
    sessionId: int32.since(7).or(0),
    responses: list({
      topic: string.until(12).lossy(),
      topicId: uuid.since(13).lossy(),
      partitions: list({
        partitionIndex: int32,
        errorCode: int16,
        highWatermark: int64,
        lastStableOffset: int64.or(-1),
        logStartOffset: int64.since(5).or(-1).lossy(),
        divergingEpoch: struct({
          epoch: int32.or(-1),
          endOffset: int64.or(-1)
        })
          .since(12)
          .tag(0),
        currentLeader: struct({
          leaderId: int32.or(-1),
          leaderEpoch: int32.or(-1)
        })
          .since(12)
          .tag(1),
        snapshotId: struct({
          endOffset: int64.or(-1),
          epoch: int32.or(-1)
        })
          .since(12)
          .tag(2),
        abortedTransactions: list({
          producerId: int64,
          firstOffset: int64
        }).nullable(),
        preferredReadReplica: int32.since(11).or(-1),
        records: records.nullable()
      })
    }),
    nodeEndpoints: list({
      nodeId: int32,
      host: string,
      port: int32,
      rack: string.nullable()
    })
      .since(16)
      .tag(0)
  }
})
