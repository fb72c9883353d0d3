const prime1 = 0x9e3779b1
const prime2 = 0x85ebca77
const prime3 = 0xc2b2ae3d
const prime4 = 0x27d4eb2f
const prime5 = 0x165667b1

const rotate = (value: number, bits: number): number => (value << bits) | (value >>> (32 - bits))

/** xxHash, 32 bits, seed 0, of `bytes[start, end)`; unsigned. The checksum of LZ4 frames. */
export function xxh32(bytes: Buffer, start = 0, end = bytes.length): number {
  let at = start
  let hash: number
  if (end - start >= 16) {
    const lanes = [prime1 + prime2, prime2, 0, -prime1]
    while (at + 16 <= end)
      for (let lane = 0; lane < 4; lane++, at += 4)
        lanes[lane] = Math.imul(rotate(lanes[lane] + Math.imul(bytes.readUInt32LE(at), prime2), 13), prime1)
    hash = rotate(lanes[0], 1) + rotate(lanes[1], 7) + rotate(lanes[2], 12) + rotate(lanes[3], 18)
  } else hash = prime5
  hash = (hash + (end - start)) | 0
  for (; at + 4 <= end; at += 4) hash = Math.imul(rotate(hash + Math.imul(bytes.readUInt32LE(at), prime3), 17), prime4)
  for (; at < end; at++) hash = Math.imul(rotate(hash + Math.imul(bytes[at], prime5), 11), prime1)
  hash = Math.imul(hash ^ (hash >>> 15), prime2)
  hash = Math.imul(hash ^ (hash >>> 13), prime3)
  return (hash ^ (hash >>> 16)) >>> 0
}
