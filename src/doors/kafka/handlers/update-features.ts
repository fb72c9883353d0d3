import { checkFeatureUpdates } from '../../../broker/unconfigured.ts'
import { errorNumber } from '../../../wire/kafka/errors.ts'
import { UpdateFeatures } from '../../../wire/kafka/messages/update-features.ts'
import { handler } from '../handler.ts'

/**
 * UpdateFeatures (KIP-584, KIP-778): there are none, as ApiVersions says, so every update is refused. Versions below 2
 * had a result for each feature as well; Kafka leaves them out where the whole request failed.
 */
export const updateFeatures = handler(
  UpdateFeatures,
  {
    versions: [0, 2],
    refuse: (_request, code, errorMessage) => ({ errorCode: errorNumber(code), errorMessage, results: [] })
  },
  ({ featureUpdates }, { broker }) => {
    checkFeatureUpdates(featureUpdates, broker.control.nodeId)
    return { errorCode: 0, errorMessage: null, results: [] }
  }
)
