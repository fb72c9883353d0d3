import { batchBytes, isControl } from '../record/header.ts'
import { iterateRecords } from '../record/iterate.ts'
import type { ReplayedState, ReplicatedLog } from './types.ts'

/** Bytes read at once; between two reads other work of the process gets its turn. */
const readBytes = 1024 * 1024

/**
 * Replays a log from its start to its end, also what is not committed yet: answers wait for that. Stops early when
 * `overtaken` says so. Gives what it read; rejects with what the log's `read` throws.
 */
export async function replayLog(
  log: ReplicatedLog,
  state: ReplayedState,
  overtaken: () => boolean
): Promise<{ readonly records: number; readonly bytes: number }> {
  let records = 0
  let bytes = 0
  let offset = log.startOffset
  while (offset < log.endOffset) {
    const read = await log.read(offset, { maxBytes: readBytes, atLeastOne: true, below: log.endOffset })
    try {
      if (overtaken()) break
      bytes += read.bytes
      for (const chunk of read.chunks) records += replayChunk(chunk, offset, state)
    } finally {
      read.release()
    }
    if (read.nextOffset <= offset) break
    offset = read.nextOffset
    await new Promise(resolve => setImmediate(resolve))
    if (overtaken()) break
  }
  return { records, bytes }
}

/** Replays whole batches, but for what lies below `from`. Transaction markers are no state of this machine. */
function replayChunk(chunk: Buffer, from: number, state: ReplayedState): number {
  let records = 0
  for (let at = 0; at < chunk.length; at += batchBytes(chunk, at)) {
    if (isControl(chunk, at)) continue
    for (const { offset, key, value } of iterateRecords(chunk, at)) {
      if (offset < from || !key) continue
      state.replay({ key, value })
      records++
    }
  }
  return records
}
