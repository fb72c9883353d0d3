import { bool, int16, int32, list, string, uuid } from '../../../schema/fields.ts'
import { api } from '../../../schema/message.ts'

/**
 * Null topics ask for all; version 0 says that with an empty list. 4: auto-creation can be declined (KIP-204); 7:
 * leader epochs (KIP-320); 8: authorized operations (KIP-430); 10 and 12: topic ids (KIP-516); 13: an error of the
 * whole request (KIP-1102).
 */
export const Metadata = api({
  key: 3,
  name: 'Metadata',
  versions: [0, 13],
  flexible: 9,
  request: {
    topics: list({
      topicId: uuid.since(10).lossy(),
      name: string.nullable(10)
    }).nullable(1),
    allowAutoTopicCreation: bool.since(4).or(true),
    includeClusterAuthorizedOperations: bool.since(8).until(10),
    includeTopicAuthorizedOperations: bool.since(8)
  },
  response: {
    throttleTimeMs: int32.since(3).or(0).lossy(),
    brokers: list({
      nodeId: int32,
      host: string,
      port: int32,
      rack: string.since(1).nullable().lossy()
    }),
    clusterId: string.since(2).nullable().lossy(),
    controllerId: int32.since(1).or(-1).lossy(),
    topics: list({
      errorCode: int16,
      name: string.nullable(12),
      topicId: uuid.since(10).lossy(),
      isInternal: bool.since(1).or(false).lossy(),
      partitions: list({
        errorCode: int16,
        partitionIndex: int32,
        leaderId: int32,
        leaderEpoch: int32.since(7).or(-1).lossy(),
        replicaNodes: list(int32),
        isrNodes: list(int32),
        offlineReplicas: list(int32).since(5).lossy()
      }),
      topicAuthorizedOperations: int32.since(8).or(-2147483648)
    }),
    clusterAuthorizedOperations: int32.since(8).until(10).or(-2147483648),
    errorCode: int16.since(13).lossy()
  }
})
