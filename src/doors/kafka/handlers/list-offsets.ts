import { type ListedOffset, listOffset, specialTimestamp } from '../../../broker/list-offsets.ts'
import type { RequestOf, ResponseOf } from '../../../schema/message.ts'
import type { ErrorCode } from '../../../std/errors.ts'
import { errorNumber } from '../../../wire/kafka/errors.ts'
import { ListOffsets } from '../../../wire/kafka/messages/list-offsets.ts'
import { handler } from '../handler.ts'

/**
 * ListOffsets. Isolation level since version 2, leader epochs since 4, OFFSET_NOT_AVAILABLE since 5 (KIP-207), max timestamp (-3) since 7 (KIP-734), earliest
 * local (-4) since 8 (KIP-405), latest tiered (-5) since 9 (KIP-1005), earliest pending upload (-6) since 11 (KIP-1023).
 */
export const listOffsets = handler(
  ListOffsets,
  {
    versions: [1, 11],
    refuse: (request, code, _message, version) => lay(request, version, () => refused(code))
  },
  async (request, context) => {
    const readCommitted = request.isolationLevel === 1
    const asked = request.topics.flatMap(({ name, partitions }) =>
      partitions.map(({ partitionIndex, currentLeaderEpoch, timestamp }): ListedOffset | Promise<ListedOffset> =>
        context.apiVersion < (sinceVersion.get(timestamp) ?? 0)
          ? refused('UNSUPPORTED_VERSION')
          : listOffset(
              context.broker.partitions,
              { topic: name, index: partitionIndex, currentLeaderEpoch, timestamp },
              readCommitted
            )
      )
    )
    const listed = await Promise.all(asked)
    let next = 0
    return lay(request, context.apiVersion, () => listed[next++])
  }
)

/** Special timestamps that not every version may ask. */
const sinceVersion = new Map<number, number>([
  [specialTimestamp.earliestLocal, 8],
  [specialTimestamp.latestTiered, 9],
  [specialTimestamp.earliestPendingUpload, 11]
])

const refused = (error: ErrorCode): ListedOffset => ({ error, timestamp: -1, offset: -1, leaderEpoch: -1 })

/** Lays answers out as the request lay: `listed` is called once per partition, in order. */
function lay(
  request: RequestOf<typeof ListOffsets>,
  version: number,
  listed: () => ListedOffset
): ResponseOf<typeof ListOffsets> {
  return {
    topics: request.topics.map(({ name, partitions }) => ({
      name,
      partitions: partitions.map(({ partitionIndex }) => {
        const { error, timestamp, offset, leaderEpoch } = listed()
        return {
          partitionIndex,
          errorCode: errorNumber(error === 'OFFSET_NOT_AVAILABLE' && version < 5 ? 'LEADER_NOT_AVAILABLE' : error),
          timestamp,
          offset,
          leaderEpoch: version >= 4 ? leaderEpoch : undefined
        }
      })
    }))
  }
}
