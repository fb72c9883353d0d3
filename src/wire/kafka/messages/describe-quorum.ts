import { int16, int32, int64, list, string, uint16, uuid } from '../../../schema/fields.ts'
import { api } from '../../../schema/message.ts'

const replicaState = {
  replicaId: int32,
  replicaDirectoryId: uuid.since(2),
  logEndOffset: int64,
  lastFetchTimestamp: int64.since(1).or(-1).lossy(),
  lastCaughtUpTimestamp: int64.since(1).or(-1).lossy()
}

/** KIP-595, KIP-836, KIP-853. */
export const DescribeQuorum = api({
  key: 55,
  name: 'DescribeQuorum',
  versions: [0, 2],
  flexible: 0,
  request: {
    topics: list({
      topicName: string,
      partitions: list({
        partitionIndex: int32
      })
    })
  },
  response: {
    errorCode: int16,
    errorMessage: string.since(2).nullable().or('').lossy(),
    topics: list({
      topicName: string,
      partitions: list({
        partitionIndex: int32,
        errorCode: int16,
        errorMessage: string.since(2).nullable().or('').lossy(),
        leaderId: int32,
        leaderEpoch: int32,
        highWatermark: int64,
        currentVoters: list(replicaState),
        observers: list(replicaState)
      })
    }),
    nodes: list({
      nodeId: int32,
      listeners: list({
        name: string,
        host: string,
        port: uint16
      })
    }).since(2)
  }
})
