import { NaruError } from '../std/errors.ts'
import { xxh32 } from '../std/xxh32.ts'

/**
 * Reads LZ4 frames (the "LZ4 Frame Format" and "LZ4 Block Format" descriptions of the LZ4 project) as Kafka's Java client
 * does: one frame, its blocks independent of each other, header and block checksums verified.
 *
 *   magic | flags | block size | content size? | dictionary id? | header checksum | of each block: length (top bit:
 *   stored), data, checksum? | end mark 0 | content checksum?
 *
 * Written here and not taken from a native library because that one has no limit for what it allocates, and hands out
 * external buffers, which cost more (50 us each) than decoding an ordinary batch.
 */
const frameMagic = 0x184d2204
/** A byte of compressed data stands for at most this many. */
const ratioMax = 255

/** Throws RangeError for damaged data, NaruError MESSAGE_TOO_LARGE when the result would exceed `bytesMax`. */
export function lz4Decompress(input: Buffer, bytesMax: number): Buffer {
  if (input.readUInt32LE(0) !== frameMagic) throw new RangeError('not an LZ4 frame')
  const flags = input.readUInt8(4)
  if (flags >>> 6 !== 1) throw new RangeError('an LZ4 version that does not exist')
  if ((flags & 0x20) === 0) throw new RangeError('LZ4 blocks that depend on each other are not supported')
  const sizeCode = (input.readUInt8(5) >>> 4) & 7
  if (sizeCode < 4) throw new RangeError('an LZ4 block size that does not exist')
  const blockMax = 1 << (8 + 2 * sizeCode)
  const descriptorEnd = 6 + ((flags & 0x08) !== 0 ? 8 : 0) + ((flags & 0x01) !== 0 ? 4 : 0)
  if (((xxh32(input, 4, descriptorEnd) >>> 8) & 0xff) !== input.readUInt8(descriptorEnd))
    throw new RangeError('the LZ4 header checksum is wrong')
  const blockChecksums = (flags & 0x10) !== 0
  const first = descriptorEnd + 1
  const bound = contentBound(input, first, blockMax, blockChecksums)
  const output = Buffer.allocUnsafeSlow(Math.min(bound, bytesMax))
  let length = 0
  let at = first
  for (;;) {
    const field = input.readUInt32LE(at)
    at += 4
    if (field === 0) break
    const bytes = field & 0x7fff_ffff
    const limit = Math.min(length + blockMax, output.length)
    try {
      if (field > 0x7fff_ffff) {
        if (bytes > limit - length) throw new RangeError('an LZ4 block is too long')
        length += input.copy(output, length, at, at + bytes)
      } else length = decodeBlock(input, at, at + bytes, output, length, limit)
    } catch (error) {
      if (limit !== output.length || bound <= bytesMax) throw error
      throw new NaruError('MESSAGE_TOO_LARGE', `The batch takes more than ${bytesMax} bytes decompressed.`)
    }
    if (blockChecksums && xxh32(input, at, at + bytes) !== input.readUInt32LE(at + bytes))
      throw new RangeError('an LZ4 block checksum is wrong')
    at += bytes + (blockChecksums ? 4 : 0)
  }
  return output.subarray(0, length)
}

/** The most that the blocks can hold, from their lengths. */
function contentBound(input: Buffer, at: number, blockMax: number, blockChecksums: boolean): number {
  let bound = 0
  for (;;) {
    const field = input.readUInt32LE(at)
    if (field === 0) return bound
    const bytes = field & 0x7fff_ffff
    bound += field > 0x7fff_ffff ? bytes : Math.min(blockMax, bytes * ratioMax)
    at += 4 + bytes + (blockChecksums ? 4 : 0)
    if (at > input.length) throw new RangeError('an LZ4 block is cut off')
  }
}

const cutOff = 'an LZ4 block is cut off'

/** Decodes `input[at, end)` to `output[start, limit)`; gives where it ended. */
function decodeBlock(input: Buffer, at: number, end: number, output: Buffer, start: number, limit: number): number {
  let to = start
  while (at < end) {
    const token = input[at++]
    let literals = token >>> 4
    if (literals === 15)
      for (let byte = 255; byte === 255; literals += byte) {
        if (at >= end) throw new RangeError(cutOff)
        byte = input[at++]
      }
    if (literals > end - at) throw new RangeError(cutOff)
    if (literals > limit - to) throw new RangeError('an LZ4 block is too long')
    if (literals > 32) input.copy(output, to, at, at + literals)
    else for (let i = 0; i < literals; i++) output[to + i] = input[at + i]
    to += literals
    at += literals
    if (at === end) return to
    if (end - at < 2) throw new RangeError(cutOff)
    const distance = input[at] | (input[at + 1] << 8)
    at += 2
    if (distance === 0 || distance > to - start) throw new RangeError('an LZ4 match lies before its block')
    let match = token & 15
    if (match === 15)
      for (let byte = 255; byte === 255; match += byte) {
        if (at >= end) throw new RangeError(cutOff)
        byte = input[at++]
      }
    match += 4
    if (match > limit - to) throw new RangeError('an LZ4 block is too long')
    to = repeat(output, to, distance, match)
  }
  return to
}

/** Appends `length` bytes at `to` that repeat those from `distance` before it on; gives the end. */
function repeat(output: Buffer, to: number, distance: number, length: number): number {
  const end = to + length
  if (length <= 32) {
    for (; to < end; to++) output[to] = output[to - distance]
    return end
  }
  // Each round doubles what there is to copy from.
  const from = to - distance
  while (to < end) {
    const bytes = Math.min(to - from, end - to)
    output.copyWithin(to, from, from + bytes)
    to += bytes
  }
  return end
}
