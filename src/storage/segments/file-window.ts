import type { DiskFile } from '../../disk/disk.ts'
import { validBatchAt } from '../../record/check.ts'
import * as header from '../../record/header.ts'

const readBytes = 1024 * 1024

/** The part of a file that was read last, up to `limit`: for who goes through it from front to back. */
export class FileWindow {
  buffer = Buffer.alloc(0)
  /** Where the buffer begins in the file. */
  start = 0
  readonly limit: number
  private readonly file: Pick<DiskFile, 'read'>

  constructor(file: Pick<DiskFile, 'read'>, limit: number) {
    this.file = file
    this.limit = limit
  }

  /** Has at least `bytes` from `position` on in the buffer, as far as the file goes. */
  fill(position: number, bytes: number): Promise<void> | undefined {
    const end = Math.min(position + bytes, this.limit)
    if (position >= this.start && end <= this.start + this.buffer.length) return undefined
    return this.read(position, bytes)
  }

  private async read(position: number, bytes: number): Promise<void> {
    const length = Math.min(Math.max(bytes, readBytes), this.limit - position)
    const buffer = Buffer.allocUnsafe(length)
    const count = await this.file.read(buffer, 0, length, position)
    this.buffer = buffer.subarray(0, count)
    this.start = position
  }
}

/** Where a batch lies in a file, and the offset that it begins with. */
export interface FoundBatch {
  readonly position: number
  readonly offset: number
}

/**
 * The next intact batch behind the damaged one at `position`: where its header says that it ends, or, where that is among
 * what is damaged, wherever one begins. Its offset lies above `from` and below `to`.
 */
export async function findBatchBehind(
  window: FileWindow,
  position: number,
  from: number,
  to = Number.POSITIVE_INFINITY
): Promise<FoundBatch | undefined> {
  const offsetAt = async (candidate: number): Promise<number> => {
    if (candidate + header.headerBytes > window.limit) return -1
    await window.fill(candidate, header.headerBytes)
    let at = candidate - window.start
    if (window.buffer.length - at < header.headerBytes || header.magic(window.buffer, at) !== 2) return -1
    const offset = header.baseOffset(window.buffer, at)
    const declared = header.batchBytes(window.buffer, at)
    if (offset <= from || offset >= to || declared < header.headerBytes || candidate + declared > window.limit)
      return -1
    await window.fill(candidate, declared)
    at = candidate - window.start
    return validBatchAt(window.buffer, at) > 0 ? offset : -1
  }
  await window.fill(position, header.headerBytes)
  const at = position - window.start
  if (window.buffer.length - at >= header.headerBytes) {
    // What records hold may look like a batch, too: not where this one's own header agrees with what it leads to.
    const next = header.lastOffset(window.buffer, at) + 1
    const declared = header.batchBytes(window.buffer, at)
    const behind = position + declared
    if (declared >= header.headerBytes && (await offsetAt(behind)) === next) return { position: behind, offset: next }
  }
  for (let candidate = position + 1; candidate + header.headerBytes <= window.limit; candidate++) {
    const filling = window.fill(candidate, header.headerBytes)
    if (filling) await filling
    const inBuffer = candidate - window.start
    if (window.buffer.length - inBuffer < header.headerBytes) return undefined
    if (header.magic(window.buffer, inBuffer) !== 2) continue
    const offset = await offsetAt(candidate)
    if (offset >= 0) return { position: candidate, offset }
  }
  return undefined
}
