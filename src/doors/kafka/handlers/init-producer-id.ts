import { errorNumber } from '../../../wire/kafka/errors.ts'
import { InitProducerId } from '../../../wire/kafka/messages/init-producer-id.ts'
import { handler } from '../handler.ts'

/** InitProducerId, for idempotent producers. Since version 3 a producer says who it was (KIP-360). */
export const initProducerId = handler(
  InitProducerId,
  {
    versions: [0, 5],
    refuse: (_request, code) => ({ errorCode: errorNumber(code), producerEpoch: -1 })
  },
  async (request, { broker }) => ({
    errorCode: 0,
    ...(await broker.producerIds.init(request.transactionalId, request))
  })
)
