import { assert } from '../std/assert.ts'

/**
 * The disk as the core sees it (DESIGN rule 1). `disk/node/` is the real one, `disk/simulated.ts` the one that tears,
 * forgets, fills up, fails, flips bits and crashes from a seed.
 *
 * Paths are plain strings with `/`, absolute on the real disk. Every failure is a DiskError.
 */
export interface Disk {
  open(path: string, options: OpenOptions): Promise<DiskFile>
  /** Names in a folder, sorted; an absent folder is an empty one. */
  list(path: string): Promise<string[]>
  exists(path: string): Promise<boolean>
  /** Makes the folder and its parents. Durable only after `syncDir` of each parent that gained an entry. */
  mkdir(path: string): Promise<void>
  /** Replaces `to`. Durable after `syncDir` of the folder(s). */
  rename(from: string, to: string): Promise<void>
  /** Removes a file, or a folder with all in it; absent is fine. Durable after `syncDir` of the parent. */
  remove(path: string): Promise<void>
  /** Makes creations, renames and removals in this folder durable. */
  syncDir(path: string): Promise<void>
  /** How large the filesystem of an existing folder is, and how much of it is free. */
  space(path: string): Promise<DiskSpace>
  /** Keeps other brokers (other processes and others in this one) out of a data folder until `release`. */
  lock(path: string): Promise<DiskLock>
  /**
   * Names the present run of the machine, where it tells: what was written and not synced outlives a process, and is lost
   * with the next boot.
   */
  bootId(): Promise<string | undefined>
  /**
   * A buffer that direct files can read into and write from: its start is aligned to `blockBytes` in memory. Not
   * zeroed.
   */
  allocate(bytes: number): Buffer
}

/** Bytes of a filesystem; undefined where it has no size of its own. */
export interface DiskSpace {
  readonly totalBytes: number | undefined
  readonly usableBytes: number | undefined
}

/** Lengths and positions on direct files, and the starts of their buffers, are multiples of this. */
export const blockBytes = 4096

/** Every implementation holds direct files to the rule, so that a slip shows on a laptop and not on the one strict disk. */
export function assertBlocks(length: number, position: number): void {
  assert(length % blockBytes === 0, `the length of a direct operation is whole blocks, not ${length}`)
  assert(position % blockBytes === 0, `the position of a direct operation is a whole block, not ${position}`)
}

export interface OpenOptions {
  /** `read`: must exist. `write`: read and write, created when absent, never truncated by opening. */
  mode: 'read' | 'write'
  /** Each completed write is durable (O_DSYNC). */
  durable?: boolean
  /** Bypasses the page cache where the filesystem takes it (O_DIRECT); the alignment rules hold everywhere. */
  direct?: boolean
}

export interface DiskFile {
  readonly path: string
  size(): Promise<number>
  /** Reads up to `length` bytes into `target` at `offset`; resolves with the count, short only at the end of file. */
  read(target: Buffer, offset: number, length: number, position: number): Promise<number>
  /**
   * Writes all of `source[offset, offset+length)` or rejects; after a rejection any part may be on disk. The caller
   * leaves the bytes alone until then.
   */
  write(source: Buffer, offset: number, length: number, position: number): Promise<void>
  /** Writes the pieces one behind the other, as one write; the same rules hold for each of them. */
  writeAll(pieces: readonly Buffer[], position: number): Promise<void>
  /** `write`, blocking: for small writes into the page cache, where it costs 2 us against 55. Throws a DiskError. */
  writeSync(source: Buffer, offset: number, length: number, position: number): void
  /** Makes data and length durable (fdatasync). After a rejection never again: the pages may be gone (DESIGN 5). */
  sync(): Promise<void>
  truncate(length: number): Promise<void>
  /** Fills `[size, length)` with zeros that are allocated on disk and durable. */
  preallocate(length: number): Promise<void>
  /** Idempotent. Waits for operations in flight. */
  close(): Promise<void>
}

export interface DiskLock {
  release(): Promise<void>
}

/** `full`: no space (or quota) left. `missing`: no such file. `locked`: another broker has the folder. `io`: the rest. */
export type DiskErrorKind = 'full' | 'missing' | 'locked' | 'io' | 'crashed'

export class DiskError extends Error {
  readonly kind: DiskErrorKind

  constructor(kind: DiskErrorKind, message: string, options?: ErrorOptions) {
    super(message, options)
    this.name = 'DiskError'
    this.kind = kind
  }
}
