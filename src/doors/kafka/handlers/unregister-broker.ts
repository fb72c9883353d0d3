import { errorNumber } from '../../../wire/kafka/errors.ts'
import { UnregisterBroker } from '../../../wire/kafka/messages/unregister-broker.ts'
import { handler } from '../handler.ts'

/** UnregisterBroker: a broker, dead or alive, is no part of the cluster any more. */
export const unregisterBroker = handler(
  UnregisterBroker,
  {
    versions: [0, 0],
    alone: true,
    refuse: (_request, code, errorMessage) => ({ errorCode: errorNumber(code), errorMessage })
  },
  async ({ brokerId }, { broker }) => {
    await broker.replicas.unregister(brokerId)
    return { errorCode: 0, errorMessage: null }
  }
)
