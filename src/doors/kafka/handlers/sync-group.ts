import { refusedSync, type SyncResponse } from '../../../groups/member.ts'
import type { ResponseOf } from '../../../schema/message.ts'
import { NaruError } from '../../../std/errors.ts'
import { errorNumber } from '../../../wire/kafka/errors.ts'
import { SyncGroup } from '../../../wire/kafka/messages/sync-group.ts'
import { handler } from '../handler.ts'

/** SyncGroup. Static members since version 3 (KIP-345), protocol type and name checked since 5 (KIP-559). */
export const syncGroup = handler(
  SyncGroup,
  { versions: [0, 5], pipelined: true, refuse: (_request, code) => layOut(refusedSync(code)) },
  async (request, context) => {
    const { protocolType, protocolName } = request
    if (context.apiVersion >= 5 && (protocolType === null || protocolName === null))
      throw new NaruError('INCONSISTENT_GROUP_PROTOCOL', 'Protocol type and name must be named since version 5.')
    return layOut(await context.broker.groups.sync(request))
  }
)

function layOut({ error, ...rest }: SyncResponse): ResponseOf<typeof SyncGroup> {
  return { ...rest, errorCode: errorNumber(error) }
}
