/** What an LZ4 frame (magic 0x184D2204) would take decompressed, without decompressing it. */

const frameMagic = 0x184d2204
/** A byte of compressed data stands for at most this many. */
const ratioMax = 255

/**
 * The bytes that one LZ4 frame at the start of `input` decompresses to: an upper bound from its block headers when that
 * does not exceed `enough`, else exact, by walking the sequences of its blocks. Throws RangeError for damaged data.
 */
export function lz4ContentBytes(input: Buffer, enough: number): number {
  const bound = sumBlocks(input, (_at, bytes, blockMax) => Math.min(blockMax, bytes * ratioMax))
  return bound <= enough ? bound : sumBlocks(input, (at, bytes) => blockContentBytes(input, at, bytes))
}

function sumBlocks(input: Buffer, size: (at: number, bytes: number, blockMax: number) => number): number {
  if (input.readUInt32LE(0) !== frameMagic) throw new RangeError('not an LZ4 frame')
  const flags = input.readUInt8(4)
  const sizeCode = (input.readUInt8(5) >>> 4) & 7
  if (sizeCode < 4) throw new RangeError('an LZ4 block size that does not exist')
  const blockMax = 1 << (8 + 2 * sizeCode)
  let at = 7 + ((flags & 0x08) !== 0 ? 8 : 0) + ((flags & 0x01) !== 0 ? 4 : 0)
  let total = 0
  for (;;) {
    const field = input.readUInt32LE(at)
    at += 4
    if (field === 0) return total
    const bytes = field & 0x7fffffff
    if (at + bytes > input.length) throw new RangeError('an LZ4 block is cut off')
    total += field > 0x7fffffff ? bytes : size(at, bytes, blockMax)
    at += bytes + ((flags & 0x10) !== 0 ? 4 : 0)
  }
}

/** Adds up literals and matches of one block. */
function blockContentBytes(input: Buffer, at: number, bytes: number): number {
  const end = at + bytes
  let total = 0
  const more = (length: number): number => {
    if (length < 15) return length
    let byte = 255
    while (byte === 255) {
      if (at >= end) throw new RangeError('an LZ4 block is cut off')
      byte = input[at++]
      length += byte
    }
    return length
  }
  while (at < end) {
    const token = input[at++]
    const literals = more(token >>> 4)
    total += literals
    at += literals
    if (at >= end) break
    at += 2
    total += more(token & 15) + 4
  }
  return total
}
