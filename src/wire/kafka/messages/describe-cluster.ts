import { bool, int8, int16, int32, list, string } from '../../../schema/fields.ts'
import { api } from '../../../schema/message.ts'

/** KIP-700. 1: controllers too (KIP-919); 2: fenced brokers (KIP-1073). */
export const DescribeCluster = api({
  key: 60,
  name: 'DescribeCluster',
  versions: [0, 2],
  flexible: 0,
  request: {
    includeClusterAuthorizedOperations: bool,
    endpointType: int8.since(1).or(1),
    includeFencedBrokers: bool.since(2)
  },
  response: {
    throttleTimeMs: int32.or(0),
    errorCode: int16,
    errorMessage: string.nullable(),
    endpointType: int8.since(1).or(1),
    clusterId: string,
    controllerId: int32.or(-1),
    brokers: list({
      brokerId: int32,
      host: string,
      port: int32,
      rack: string.nullable(),
      isFenced: bool.since(2)
    }),
    clusterAuthorizedOperations: int32.or(-2147483648)
  }
})
