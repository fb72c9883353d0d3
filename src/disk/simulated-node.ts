import { below, chance, type Random } from '../std/random.ts'
import { Content } from './content.ts'

/** What a disk writes whole or not at all. */
export const sectorBytes = 512

/** How a crash treats what was not synced: nothing of it arrived, all of it, or any of it in any order. */
export type Survival = 'old' | 'new' | 'mixed'

interface Version<T> {
  readonly write: number
  readonly value: T
}

/** A sector whose page differs from the platter: what the platter holds first, then each thing written since. */
interface DirtySector {
  versions: Version<Buffer>[]
  /** After a failed sync the page counts as clean although the platter never got it. */
  dropped: boolean
}

/**
 * A simulated file: what readers see (the page cache) and, for every sector that isn't durable yet, all that the platter
 * may hold after a crash.
 */
export class SimulatedFileNode {
  readonly kind = 'file'
  readonly content: Content
  private readonly dirty = new Map<number, DirtySector>()
  private lengths: Version<number>[]
  private writes = 0

  constructor(content = new Content()) {
    this.content = content
    this.lengths = [{ write: 0, value: content.length }]
  }

  /** Number of the last write; what a sync that starts now covers. */
  get lastWrite(): number {
    return this.writes
  }

  write(source: Buffer, offset: number, length: number, position: number, durable: boolean): void {
    const write = ++this.writes
    const first = Math.floor(position / sectorBytes)
    const end = Math.ceil((position + length) / sectorBytes)
    if (!durable) for (let sector = first; sector < end; sector++) this.keepBase(sector)
    this.content.copyFrom(source, offset, position, length)
    for (let sector = first; sector < end; sector++) {
      if (durable) this.dirty.delete(sector)
      else this.pushVersion(sector, write)
    }
    this.noteLength(write)
    if (durable) this.lengths = [{ write, value: this.content.length }]
  }

  /** What a failure or a crash left of a write: nothing, all of it, the first sectors, or any. */
  tear(random: Random, source: Buffer, offset: number, length: number, position: number): void {
    const style = random.uint32() % 4
    const prefix = style === 0 ? 0 : style === 1 ? length : below(random, length + 1)
    for (let at = 0; at < length; ) {
      const bytes = Math.min(sectorBytes - ((position + at) % sectorBytes), length - at)
      if (style === 3 ? chance(random, 0.5) : at + bytes <= prefix)
        this.write(source, offset + at, bytes, position + at, false)
      at += bytes
    }
  }

  setLength(length: number): void {
    const write = ++this.writes
    const old = this.content.length
    const cut = length < old
    const first = Math.floor(length / sectorBytes)
    const end = cut ? Math.ceil(old / sectorBytes) : first
    for (let sector = first; sector < end; sector++) this.keepBase(sector)
    if (cut) this.content.cut(length)
    else this.content.length = length
    for (let sector = first; sector < end; sector++) this.pushVersion(sector, write)
    this.noteLength(write)
  }

  /** Makes all durable that was written up to and with `write`. */
  sync(write: number): void {
    for (const [sector, entry] of this.dirty) {
      if (entry.dropped) continue
      dropOlder(entry.versions, write)
      if (entry.versions.length === 1) this.dirty.delete(sector)
    }
    dropOlder(this.lengths, write)
  }

  /** A failed sync: the platter got any of it, and the kernel forgets that the rest is missing. */
  failSync(random: Random): void {
    for (const entry of this.dirty.values()) {
      if (entry.dropped) continue
      entry.versions = [entry.versions[below(random, entry.versions.length)]]
      entry.dropped = true
    }
    this.lengths = [this.lengths[below(random, this.lengths.length)]]
  }

  /** The file as found after the machine lost power. */
  afterCrash(random: Random, survival: Survival): SimulatedFileNode {
    const content = this.content.clone()
    const length = pick(random, survival, this.lengths)
    for (const [sector, entry] of this.dirty)
      content.copyFrom(pick(random, survival, entry.versions), 0, sector * sectorBytes, sectorBytes)
    if (content.length > length) content.cut(length)
    else content.length = length
    return new SimulatedFileNode(content)
  }

  /** The file as found after the process was killed: the page cache is the kernel's. */
  afterKill(): SimulatedFileNode {
    const node = new SimulatedFileNode(this.content.clone())
    for (const [sector, entry] of this.dirty)
      node.dirty.set(sector, { versions: [...entry.versions], dropped: entry.dropped })
    node.lengths = [...this.lengths]
    node.writes = this.writes
    return node
  }

  flipBit(position: number, bit: number): void {
    const byte = Buffer.alloc(1)
    const length = this.content.length
    this.content.copyTo(byte, 0, position, 1)
    byte[0] ^= 1 << bit
    this.content.copyFrom(byte, 0, position, 1)
    this.content.length = length
    for (const version of this.dirty.get(Math.floor(position / sectorBytes))?.versions ?? [])
      version.value[position % sectorBytes] ^= 1 << bit
  }

  bytes(): Buffer {
    const bytes = Buffer.alloc(this.content.length)
    this.content.copyTo(bytes, 0, 0, bytes.length)
    return bytes
  }

  private keepBase(sector: number): void {
    const entry = this.dirty.get(sector)
    if (entry) entry.dropped = false
    else this.dirty.set(sector, { versions: [{ write: 0, value: this.sectorOf(sector) }], dropped: false })
  }

  private pushVersion(sector: number, write: number): void {
    this.dirty.get(sector)?.versions.push({ write, value: this.sectorOf(sector) })
  }

  private sectorOf(sector: number): Buffer {
    const bytes = Buffer.alloc(sectorBytes)
    this.content.copyTo(bytes, 0, sector * sectorBytes, sectorBytes)
    return bytes
  }

  private noteLength(write: number): void {
    const value = this.content.length
    if (this.lengths[this.lengths.length - 1].value !== value) this.lengths.push({ write, value })
  }
}

/** Drops the versions that a sync up to `write` has replaced. */
function dropOlder<T>(versions: Version<T>[], write: number): void {
  let keep = 0
  while (keep + 1 < versions.length && versions[keep + 1].write <= write) keep++
  if (keep > 0) versions.splice(0, keep)
}

function pick<T>(random: Random, survival: Survival, versions: readonly Version<T>[]): T {
  const index = survival === 'old' ? 0 : survival === 'new' ? versions.length - 1 : below(random, versions.length)
  return versions[index].value
}
