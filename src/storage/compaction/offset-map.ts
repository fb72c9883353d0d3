import type { KeyHash } from './key-hash.ts'

/** Of a slot, in 32-bit words: the 128-bit hash of a key, and its newest offset. */
const slotWords = 5
export const slotBytes = slotWords * 4
const relativeMax = 0xffff_fffe
const clearWords = 256 * 1024

/**
 * The newest offset of each key, by the key's hash, in memory of a fixed size. Two of n keys share a hash with a
 * probability below n^2 / 2^129: 2^-84 for five million.
 */
export class OffsetMap {
  private words = new Uint32Array(0)
  private slots = 0
  private base = 0
  private room = 0
  size = 0

  /** The memory that it has. */
  get bytes(): number {
    return this.words.byteLength
  }

  /** How full it is, of what it may be. */
  get utilization(): number {
    return this.room === 0 ? 0 : this.size / this.room
  }

  /**
   * Empties the map for at most `records` keys with offsets from `base` on, in at most `bytesMax` of memory, filled up to
   * `loadFactor`. A large one is cleared a piece at a time, with `pause` between the pieces.
   */
  async prepare(
    base: number,
    records: number,
    bytesMax: number,
    loadFactor: number,
    pause: () => Promise<void>
  ): Promise<void> {
    const wanted = Math.min(Math.ceil(records / loadFactor) + 1, Math.floor(bytesMax / slotBytes))
    this.base = base
    this.size = 0
    this.slots = Math.max(2, wanted)
    this.room = Math.max(1, Math.min(this.slots - 1, Math.floor(this.slots * loadFactor)))
    const words = this.slots * slotWords
    if (words > this.words.length || this.bytes > bytesMax) {
      this.words = new Uint32Array(words)
      return
    }
    for (let at = 0; at < words; at += clearWords) {
      this.words.fill(0, at, Math.min(words, at + clearWords))
      await pause()
    }
  }

  /** Lets go of the memory. */
  release(): void {
    this.words = new Uint32Array(0)
    this.slots = 0
    this.size = 0
    this.room = 0
  }

  /** Notes the offset, which is above all those before, for the key of the hash. False when there is no room for another key. */
  put(key: KeyHash, offset: number): boolean {
    const relative = offset - this.base
    if (relative > relativeMax) return false
    const { words } = this
    const at = this.find(key)
    if (words[at + 4] === 0) {
      if (this.size >= this.room) return false
      this.size++
      words[at] = key.h0
      words[at + 1] = key.h1
      words[at + 2] = key.h2
      words[at + 3] = key.h3
    }
    words[at + 4] = relative + 1
    return true
  }

  /** The newest offset of the key of the hash; -1 when it isn't known. */
  get(key: KeyHash): number {
    const relative = this.words[this.find(key) + 4]
    return relative === 0 ? -1 : this.base + relative - 1
  }

  /** The slot of the key, or the free one where it would go. */
  private find(key: KeyHash): number {
    const { words } = this
    const { h0, h1, h2, h3 } = key
    const end = this.slots * slotWords
    let at = Math.floor((h0 * this.slots) / 0x1_0000_0000) * slotWords
    while (
      words[at + 4] !== 0 &&
      (words[at] !== h0 || words[at + 1] !== h1 || words[at + 2] !== h2 || words[at + 3] !== h3)
    ) {
      at += slotWords
      if (at === end) at = 0
    }
    return at
  }
}
