import type { Partition } from '../partition/partition.ts'
import type { Clock, Timer } from '../std/clock.ts'
import type { ErrorCode } from '../std/errors.ts'

/** What DeleteRecords answers for a partition. */
export interface Deleted {
  readonly error?: ErrorCode
  /** The lowest log start offset of the live replicas; -1 where one isn't known. */
  readonly lowWatermark: number
}

/**
 * Deletes the records below `offset` (-1: the high watermark) from a partition that is led here, and waits until no live replica has
 * them: REQUEST_TIMED_OUT after `timeoutMs`, when they are gone here all the same. Rejects with OFFSET_OUT_OF_RANGE, and with
 * what keeps the partition from being served.
 */
export async function deleteRecords(
  partition: Partition,
  offset: number,
  timeoutMs: number,
  clock: Pick<Clock, 'after'>
): Promise<Deleted> {
  const { deletions } = partition
  const start = await deletions.before(offset)
  const { lowWatermark } = deletions
  return new Promise((resolve, reject) => {
    let timer: Timer | undefined
    const forget = deletions.onReached(offset === -1 ? start : offset, error => {
      timer?.cancel()
      if (error) reject(error)
      else resolve({ lowWatermark: deletions.lowWatermark })
    })
    const late = () => {
      // Who was waited for may have died.
      deletions.check()
      forget()
      resolve({ lowWatermark, error: 'REQUEST_TIMED_OUT' })
    }
    if (timeoutMs > 0) timer = clock.after(timeoutMs, late)
    else late()
  })
}
