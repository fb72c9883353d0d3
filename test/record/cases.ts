import { buildBatch, type RecordInput } from '../../src/record/build.ts'
import { writeCrc } from '../../src/record/check.ts'

export const record = (text: string, timestamp = 1000): RecordInput => ({
  key: Buffer.from(`key ${text}`),
  value: Buffer.from(`value ${text}`),
  headers: [{ key: 'h', value: Buffer.from(text) }],
  timestamp
})
export const three = [record('a'), record('b'), record('c')]

/** A batch of three with `change` made to it; the CRC is right again. */
export function changed(change: (batch: Buffer) => void, batch = buildBatch(three)): Buffer {
  change(batch)
  if (batch.readInt32BE(8) === batch.length - 12) writeCrc(batch)
  return batch
}

/** What producers must not send: the code that refuses it, what it is, and its bytes. */
export const refusedCases: [string, string, () => Buffer][] = [
  ['INVALID_RECORD', 'no records at all', () => Buffer.alloc(0)],
  ['INVALID_RECORD', 'a piece of a header', () => buildBatch(three).subarray(0, 20)],
  ['INVALID_RECORD', 'a cut batch', () => buildBatch(three).subarray(0, 100)],
  ['INVALID_RECORD', 'two batches', () => Buffer.concat([buildBatch(three), buildBatch(three)])],
  ['INVALID_RECORD', 'a length that is too long', () => changed(b => b.writeInt32BE(b.length, 8))],
  ['CORRUPT_MESSAGE', 'a length that is too short', () => changed(b => b.writeInt32BE(b.length - 13, 8))],
  ['CORRUPT_MESSAGE', 'a length shorter than a header', () => changed(b => b.writeInt32BE(10, 8))],
  ['CORRUPT_MESSAGE', 'a negative length', () => changed(b => b.writeInt32BE(-1, 8))],
  ['INVALID_RECORD', 'magic 1', () => changed(b => b.writeInt8(1, 16))],
  ['CORRUPT_MESSAGE', 'magic 9', () => changed(b => b.writeInt8(9, 16))],
  ['CORRUPT_MESSAGE', 'magic -1', () => changed(b => b.writeInt8(-1, 16))],
  ['INVALID_RECORD', 'a base offset', () => buildBatch(three, { baseOffset: 1 })],
  ['INVALID_RECORD', 'a count that is too high', () => changed(b => b.writeInt32BE(4, 57))],
  ['INVALID_RECORD', 'no records in a batch', () => buildBatch([])],
  [
    'INVALID_RECORD',
    'count and last delta that agree on too many',
    () =>
      changed(b => {
        b.writeInt32BE(0x7fffffff, 57)
        b.writeInt32BE(0x7ffffffe, 23)
      })
  ],
  [
    'INVALID_RECORD',
    'count and last delta that agree on too few',
    () =>
      changed(b => {
        b.writeInt32BE(2, 57)
        b.writeInt32BE(1, 23)
      })
  ],
  ['INVALID_RECORD', 'a last offset delta that differs', () => changed(b => b.writeInt32BE(3, 23))],
  ['INVALID_RECORD', 'a gap in the deltas', () => buildBatch([three[0], { ...three[1], offsetDelta: 2 }])],
  [
    'INVALID_RECORD',
    'deltas that start at 1',
    () => changed(b => b.writeInt32BE(0, 23), buildBatch([{ ...three[0], offsetDelta: 1 }]))
  ],
  ['INVALID_RECORD', 'a control batch', () => buildBatch(three, { control: true })],
  ['INVALID_RECORD', 'a producer without a sequence', () => buildBatch(three, { producerId: 1, producerEpoch: 0 })],
  ['UNKNOWN_SERVER_ERROR', 'codec 7', () => changed(b => b.writeInt16BE(7, 21))],
  ['INVALID_RECORD', 'plain records that claim to be gzip', () => changed(b => b.writeInt16BE(1, 21))],
  ['INVALID_TIMESTAMP', 'LogAppendTime from a producer', () => buildBatch(three, { logAppendTimeMs: 5 })],
  ['MESSAGE_TOO_LARGE', 'more than max.message.bytes', () => buildBatch([{ value: Buffer.alloc(2000), timestamp: 1 }])],
  ['MESSAGE_TOO_LARGE', 'a bomb', () => buildBatch([{ value: Buffer.alloc(200_000), timestamp: 1 }], { codec: 'gzip' })]
]
