import { crc32c as native } from '@node-rs/crc32'

/**
 * CRC-32C (Castagnoli) of `buffer[start, end)` as an unsigned number. With `previous`, goes on from the CRC of the
 * bytes before: `crc32c(b) === crc32c(b, n, b.length, crc32c(b, 0, n))`.
 */
export function crc32c(buffer: Uint8Array, start = 0, end = buffer.length, previous = 0): number {
  return native(start === 0 && end === buffer.length ? buffer : buffer.subarray(start, end), previous)
}
