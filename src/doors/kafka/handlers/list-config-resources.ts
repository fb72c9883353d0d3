import { errorNumber } from '../../../wire/kafka/errors.ts'
import { ListConfigResources } from '../../../wire/kafka/messages/list-config-resources.ts'
import { handler } from '../handler.ts'

const topicType = 2
const brokerType = 4
const brokerLoggerType = 8
const clientMetricsType = 16
const groupType = 32
const types = [groupType, clientMetricsType, brokerLoggerType, brokerType, topicType]

/**
 * ListConfigResources (KIP-1142): what has configs, of all types for an empty list. Each broker has loggers; client
 * metrics (the only type of version 0) and groups have no configs here.
 */
export const listConfigResources = handler(
  ListConfigResources,
  {
    versions: [0, 1],
    refuse: (_request, code) => ({ errorCode: errorNumber(code), configResources: [] })
  },
  ({ resourceTypes }, { broker: { cluster, control }, apiVersion }) => {
    const asked = apiVersion === 0 ? [clientMetricsType] : resourceTypes.length === 0 ? types : resourceTypes
    if (asked.some(type => !types.includes(type)))
      return { errorCode: errorNumber('UNSUPPORTED_VERSION'), configResources: [] }
    const named = (resourceType: number): string[] => {
      if (resourceType === topicType) return Array.from(control.image.topics(), ({ name }) => name)
      if (resourceType === brokerType || resourceType === brokerLoggerType)
        return cluster.describe().brokers.map(({ nodeId }) => String(nodeId))
      return []
    }
    return {
      errorCode: 0,
      configResources: [...new Set(asked)].flatMap(resourceType =>
        named(resourceType).map(resourceName => ({ resourceName, resourceType }))
      )
    }
  }
)
