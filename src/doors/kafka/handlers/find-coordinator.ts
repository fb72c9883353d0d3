import type { RequestOf, ResponseOf } from '../../../schema/message.ts'
import { codeOf, messageOf, NaruError } from '../../../std/errors.ts'
import { errorNumber } from '../../../wire/kafka/errors.ts'
import { FindCoordinator } from '../../../wire/kafka/messages/find-coordinator.ts'
import { handler, type RequestContext } from '../handler.ts'

type Request = RequestOf<typeof FindCoordinator>
type Response = ResponseOf<typeof FindCoordinator>

const groupKeyType = 0
const transactionKeyType = 1

/**
 * FindCoordinator. Key types since version 1, several keys since 4 (KIP-699), share groups since 6 (KIP-932). Only
 * groups have coordinators here; other types are refused for good, so that clients don't ask again and again.
 */
export const findCoordinator = handler(
  FindCoordinator,
  {
    versions: [0, 6],
    refuse: (request, code, errorMessage, version) => {
      const nowhere = { nodeId: -1, host: '', port: -1, errorCode: errorNumber(code), errorMessage }
      return version < 4 ? nowhere : { coordinators: request.coordinatorKeys.map(key => ({ key, ...nowhere })) }
    }
  },
  (request, context): Response | Promise<Response> => {
    const settled = context.broker.lostLeaders.settled()
    return settled ? settled.then(() => answer(request, context)) : answer(request, context)
  }
)

function answer(request: Request, context: RequestContext): Response {
  if (context.apiVersion < 4) return locate(context, request.keyType, request.key)
  return {
    coordinators: request.coordinatorKeys.map(key => ({ key, ...locate(context, request.keyType, key) }))
  }
}

function locate(context: RequestContext, keyType: number, key: string) {
  try {
    // The code on which clients give up: librdkafka asks again for ever after others (see ProducerIds).
    if (keyType === transactionKeyType)
      throw new NaruError('TRANSACTIONAL_ID_AUTHORIZATION_FAILED', 'This broker has no transactions.')
    if (keyType !== groupKeyType)
      throw new NaruError('INVALID_REQUEST', `This broker has no coordinator for key type ${keyType}.`)
    const { nodeId, host, port } = context.broker.coordinatorOf(key)
    return { nodeId, host, port, errorCode: 0, errorMessage: '' }
  } catch (error) {
    return { nodeId: -1, host: '', port: -1, errorCode: errorNumber(codeOf(error)), errorMessage: messageOf(error) }
  }
}
