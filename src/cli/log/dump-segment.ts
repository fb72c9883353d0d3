import type { Disk } from '../../disk/disk.ts'
import * as header from '../../record/header.ts'
import { iterateRecords, type RecordView } from '../../record/iterate.ts'
import { messageOf } from '../../std/errors.ts'
import { walkSegmentFile } from '../../storage/inspect/segments.ts'
import { bytesText, count } from '../output.ts'
import { jsonBytes } from '../record-json.ts'
import type { Lines } from './lines.ts'

export interface SegmentFlags {
  readonly records?: boolean
  readonly from?: number
  readonly to?: number
}

/** Prints the batches of a segment's file, and its damage. */
export async function dumpSegment(disk: Disk, path: string, flags: SegmentFlags, lines: Lines): Promise<void> {
  const { from = 0, to = Number.POSITIVE_INFINITY, records } = flags
  const visitor = {
    batch(buffer: Buffer, at: number, bytes: number, segment: { readonly bytes: number }) {
      const batch = batchOf(buffer, at, bytes, segment.bytes)
      if (batch.lastOffset < from || batch.baseOffset > to) return
      lines.print(batch, batchText)
      if (!records) return
      try {
        for (const record of iterateRecords(buffer, at))
          if (record.offset >= from && record.offset <= to) lines.print(recordOf(record), recordText)
      } catch (error) {
        lines.print(
          { kind: 'malformed', position: segment.bytes, message: messageOf(error) },
          ({ message }) => `  ${message}`
        )
      }
    },
    damage(from: number, to: number, position: number) {
      lines.print(
        { kind: 'damage', position, from, to },
        () => `byte ${position}  DAMAGED offsets ${from} to ${to - 1}`
      )
    }
  }
  const { end, rest } = await walkSegmentFile(disk, path, visitor, () => lines.pace())
  if (rest.bytes === 0) return
  lines.print({ kind: 'rest', ...rest, end }, ({ position, bytes, isZeros }) =>
    isZeros
      ? `byte ${position}  ${bytesText(bytes)} of zeros: room for what comes`
      : `byte ${position}  ${bytesText(bytes)} that are no intact batch: torn or damaged`
  )
}

function batchOf(buffer: Buffer, at: number, bytes: number, position: number) {
  const producerId = header.producerId(buffer, at)
  return {
    kind: 'batch',
    position,
    bytes,
    baseOffset: header.baseOffset(buffer, at),
    lastOffset: header.lastOffset(buffer, at),
    records: header.recordCount(buffer, at),
    leaderEpoch: header.leaderEpoch(buffer, at),
    codec: header.compressionCodecs[header.codecId(buffer, at)] ?? `codec ${header.codecId(buffer, at)}`,
    timestampType: header.isLogAppendTime(buffer, at) ? 'LogAppendTime' : 'CreateTime',
    maxTimestamp: header.maxTimestamp(buffer, at),
    transactional: header.isTransactional(buffer, at),
    control: header.isControl(buffer, at),
    ...(producerId < 0
      ? {}
      : {
          producerId,
          producerEpoch: header.producerEpoch(buffer, at),
          baseSequence: header.baseSequence(buffer, at)
        }),
    crc: header.storedCrc(buffer, at).toString(16).padStart(8, '0')
  }
}

function batchText(batch: ReturnType<typeof batchOf>): string {
  const { position, baseOffset, lastOffset, records, leaderEpoch, bytes, codec, maxTimestamp, producerId } = batch
  const parts = [
    `byte ${position}`,
    `offsets ${baseOffset} to ${lastOffset}`,
    count(records, 'record'),
    `epoch ${leaderEpoch}`,
    bytesText(bytes),
    codec,
    timeText(maxTimestamp)
  ]
  if (producerId !== undefined) parts.push(`producer ${producerId}/${batch.producerEpoch} from ${batch.baseSequence}`)
  if (batch.transactional) parts.push('transactional')
  if (batch.control) parts.push('control')
  return parts.join('  ')
}

function recordOf({ offset, timestamp, key, value, headers, bytes }: RecordView) {
  return {
    kind: 'record',
    offset,
    timestamp,
    key: jsonBytes(key),
    value: jsonBytes(value),
    headers: headers.map(({ key, value }) => ({ key, value: jsonBytes(value) })),
    size: bytes.length
  }
}

function recordText({ offset, timestamp, key, value, headers }: ReturnType<typeof recordOf>): string {
  const marks = headers.map(({ key, value }) => `${key}=${shown(value)}`).join(' ')
  const text = `  offset ${offset}  ${timeText(timestamp)}  key ${shown(key)}  value ${shown(value)}`
  return marks === '' ? text : `${text}  headers ${marks}`
}

/** At most so many characters of a key or value are for people; `--json` has all of them. */
const shownMax = 200

function shown(bytes: ReturnType<typeof jsonBytes>): string {
  if (bytes === null) return 'null'
  const text = typeof bytes === 'string' ? JSON.stringify(bytes) : `base64 ${bytes.base64}`
  return text.length > shownMax ? `${text.slice(0, shownMax)}... (${text.length} characters)` : text
}

function timeText(ms: number): string {
  return ms < 0 || ms > 8.64e15 ? String(ms) : new Date(ms).toISOString()
}
