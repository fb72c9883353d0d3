import type { ReachableBroker } from '../../../broker/cluster.ts'
import { errorNumber } from '../../../wire/kafka/errors.ts'
import { DescribeCluster } from '../../../wire/kafka/messages/describe-cluster.ts'
import { operationsFor } from '../authorized-operations.ts'
import { handler } from '../handler.ts'

const brokersEndpoint = 1
const controllersEndpoint = 2

const mismatched = {
  errorCode: errorNumber('MISMATCHED_ENDPOINT_TYPE'),
  errorMessage: 'The request was sent to an endpoint of type BROKER, but we wanted an endpoint of type CONTROLLER'
}

const unsupported = (endpointType: number) => ({
  errorCode: errorNumber('UNSUPPORTED_ENDPOINT_TYPE'),
  errorMessage: `Unsupported endpoint type ${endpointType}`
})

/**
 * DescribeCluster (KIP-700). Since version 1 the client says whether it takes this for a broker or for a controller
 * (KIP-919); there are brokers only. Fenced brokers since version 2 (KIP-1073): those
 * that are away.
 */
export const describeCluster = handler(
  DescribeCluster,
  {
    versions: [0, 2],
    refuse: (_request, code, errorMessage) => ({
      errorCode: errorNumber(code),
      errorMessage,
      clusterId: '',
      brokers: []
    })
  },
  ({ endpointType, includeClusterAuthorizedOperations, includeFencedBrokers }, { broker: { cluster } }) => {
    const { clusterId, controllerId, brokers } = cluster.describe()
    if (endpointType !== brokersEndpoint)
      return {
        ...(endpointType === controllersEndpoint ? mismatched : unsupported(endpointType)),
        clusterId: '',
        brokers: []
      }
    return {
      errorCode: 0,
      errorMessage: null,
      clusterId,
      controllerId,
      brokers: [
        ...brokers.map(broker => lay(broker, false)),
        ...(includeFencedBrokers ? cluster.absentees().map(broker => lay(broker, true)) : [])
      ],
      clusterAuthorizedOperations: operationsFor('cluster', includeClusterAuthorizedOperations)
    }
  }
)

function lay({ nodeId, host, port, rack }: ReachableBroker, isFenced: boolean) {
  return { brokerId: nodeId, host, port, rack: rack ?? null, isFenced }
}
