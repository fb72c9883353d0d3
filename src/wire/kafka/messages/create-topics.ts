import { bool, int8, int16, int32, list, string, uuid } from '../../../schema/fields.ts'
import { api } from '../../../schema/message.ts'

/**
 * 4: defaults for partitions and replicas, -1 (KIP-464); 5: configs in the response (KIP-525); 7: topic ids
 * (KIP-516).
 */
export const CreateTopics = api({
  key: 19,
  name: 'CreateTopics',
  versions: [2, 7],
  flexible: 5,
  request: {
    topics: list({
      name: string,
      numPartitions: int32,
      replicationFactor: int16,
      assignments: list({
        partitionIndex: int32,
        brokerIds: list(int32)
      }),
      configs: list({
        name: string,
        value: string.nullable()
      })
    }),
    timeoutMs: int32.or(60000),
    validateOnly: bool.or(false)
  },
  response: {
    throttleTimeMs: int32.or(0),
    topics: list({
      name: string,
      topicId: uuid.since(7).lossy(),
      errorCode: int16,
      errorMessage: string.nullable(),
      topicConfigErrorCode: int16.since(5).lossy().tag(0),
      numPartitions: int32.since(5).or(-1).lossy(),
      replicationFactor: int16.since(5).or(-1).lossy(),
      configs: list({
        name: string,
        value: string.nullable(),
        readOnly: bool,
        configSource: int8.or(-1),
        isSensitive: bool
      })
        .since(5)
        .nullable()
        .or([])
        .lossy()
    })
  }
})
