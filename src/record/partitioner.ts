/** MurmurHash2, 32 bits, with the seed of Kafka's Java client; signed, as Java prints it. */
export function murmur2(bytes: Uint8Array): number {
  const mix = 0x5bd1e995
  const length = bytes.length
  let hash = 0x9747b28c ^ length
  let at = 0
  for (; at + 4 <= length; at += 4) {
    let word = bytes[at] | (bytes[at + 1] << 8) | (bytes[at + 2] << 16) | (bytes[at + 3] << 24)
    word = Math.imul(word, mix)
    word ^= word >>> 24
    hash = Math.imul(hash, mix) ^ Math.imul(word, mix)
  }
  const rest = length - at
  if (rest >= 3) hash ^= bytes[at + 2] << 16
  if (rest >= 2) hash ^= bytes[at + 1] << 8
  if (rest >= 1) hash = Math.imul(hash ^ bytes[at], mix)
  hash ^= hash >>> 13
  hash = Math.imul(hash, mix)
  return hash ^ (hash >>> 15)
}

/**
 * The partition of a record with this key among `partitions`: the same as Java's default partitioner and librdkafka's
 * `murmur2_random` choose. Records without a key may go anywhere.
 */
export function partitionOf(key: Uint8Array, partitions: number): number {
  return (murmur2(key) & 0x7fffffff) % partitions
}
