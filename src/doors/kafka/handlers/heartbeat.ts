import { errorNumber } from '../../../wire/kafka/errors.ts'
import { Heartbeat } from '../../../wire/kafka/messages/heartbeat.ts'
import { handler } from '../handler.ts'

/** Heartbeat. Static members since version 3 (KIP-345). */
export const heartbeat = handler(
  Heartbeat,
  { versions: [0, 4], pipelined: true, refuse: (_request, code) => ({ errorCode: errorNumber(code) }) },
  async (request, context) => {
    await context.broker.groups.heartbeat(request)
    return { errorCode: 0 }
  }
)
