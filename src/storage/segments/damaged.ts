import * as header from '../../record/header.ts'
import type { StoredLog } from '../log.ts'
import type { StoreContext } from '../store-context.ts'
import { locateBatch } from './file-reader.ts'
import { segmentAt } from './segment.ts'

/**
 * The headers of the damaged batches of [from, to), where they still fit each other and fill that range; undefined when
 * they don't. A CRC can't tell which byte has changed: whoever uses a field holds it against what else is known.
 */
export async function damagedHeaders(
  context: StoreContext,
  log: StoredLog,
  from: number,
  to: number
): Promise<Buffer[] | undefined> {
  const segment = segmentAt(log.segments, from)
  if (!segment || segment.synced === 0 || segment.base > from || segment.syncedEnd < to) return undefined
  let { position } = await locateBatch(context, log, segment, from)
  return context.files.use(log.path(segment, 'log'), 'read', async file => {
    const headers: Buffer[] = []
    let next = from
    while (next < to) {
      if (position + header.headerBytes > segment.synced) return undefined
      const batch = Buffer.alloc(header.headerBytes)
      if ((await file.read(batch, 0, batch.length, position)) < batch.length) return undefined
      const bytes = header.batchBytes(batch)
      const last = header.lastOffset(batch)
      // Compaction leaves gaps and other counts: nothing is left then to hold a header against.
      const fits = header.baseOffset(batch) === next && header.recordCount(batch) === last - next + 1
      if (!fits || last < next || header.magic(batch) !== 2 || bytes < batch.length) return undefined
      headers.push(batch)
      position += bytes
      next = last + 1
    }
    return next === to ? headers : undefined
  })
}
