import fs from 'node:fs'
import { dirname } from 'node:path'
import { assert } from '../../std/assert.ts'
import {
  assertBlocks,
  blockBytes,
  type Disk,
  DiskError,
  type DiskErrorKind,
  type DiskFile,
  type OpenOptions
} from '../disk.ts'
import { AlignedAllocator } from './aligned.ts'
import { takeLock } from './lock.ts'

const { O_CREAT, O_DIRECTORY, O_RDONLY, O_RDWR } = fs.constants
// Absent on some platforms: without O_DIRECT files go through the page cache, without O_DSYNC each write is followed by a sync.
const directFlag: number | undefined = fs.constants.O_DIRECT
const durableFlag: number | undefined = fs.constants.O_DSYNC
/** Linux draws a new one with each boot; containers have that of their machine, whose page cache they share. */
const bootIdPath = '/proc/sys/kernel/random/boot_id'
const zeroChunkBytes = 1024 * 1024

const allocator = new AlignedAllocator()
let zeros: Buffer | undefined

/**
 * The machine's own disk. Raw descriptors and callbacks: a FileHandle costs a quarter more CPU for each operation.
 * O_DIRECT is used where the filesystem takes it; where it doesn't, direct files silently go through the page cache.
 */
export function nodeDisk(): Disk {
  return {
    open: openFile,
    async list(path) {
      try {
        return (await call<string[]>(path, done => fs.readdir(path, done))).sort()
      } catch (error) {
        if (error instanceof DiskError && error.kind === 'missing') return []
        throw error
      }
    },
    exists: path => new Promise(resolve => fs.access(path, error => resolve(!error))),
    mkdir: path => call<void>(path, done => makeFolder(path, done)),
    rename: (from, to) => call<void>(from, done => fs.rename(from, to, done)),
    remove: path => call<void>(path, done => fs.rm(path, { recursive: true, force: true }, done)),
    syncDir,
    async space(path) {
      const { bsize, blocks, bavail } = await call<fs.StatsFs>(path, done => fs.statfs(path, done))
      return { totalBytes: blocks * bsize, usableBytes: bavail * bsize }
    },
    async bootId() {
      try {
        return (await call<string>(bootIdPath, done => fs.readFile(bootIdPath, 'latin1', done))).trim()
      } catch {
        // Linux only.
        return undefined
      }
    },
    async lock(path) {
      try {
        return takeLock(path)
      } catch (error) {
        throw diskError(error, path)
      }
    },
    allocate: bytes => allocator.allocate(bytes)
  }
}

async function syncDir(path: string): Promise<void> {
  // Windows can't open a folder; it keeps the order of changes to folders by itself.
  if (process.platform === 'win32') return
  let descriptor: number
  try {
    // The folder was just changed: nothing of it must be read, and a turn of the thread pool costs ten times the call.
    descriptor = fs.openSync(path, O_RDONLY | O_DIRECTORY)
  } catch (error) {
    throw diskError(error, path)
  }
  try {
    await call<void>(path, done => fs.fsync(descriptor, done))
  } finally {
    fs.closeSync(descriptor)
  }
}

async function openFile(path: string, options: OpenOptions): Promise<DiskFile> {
  const flags = (options.mode === 'read' ? O_RDONLY : O_RDWR | O_CREAT) | (options.durable ? (durableFlag ?? 0) : 0)
  const open = (extra: number) => call<number>(path, done => fs.open(path, flags | extra, 0o644, done))
  if (options.direct && directFlag !== undefined) {
    try {
      return new NodeFile(path, await open(directFlag), flags, options, true)
    } catch (error) {
      if (!isInvalid(error)) throw error
    }
  }
  return new NodeFile(path, await open(0), flags, options, false)
}

class NodeFile implements DiskFile {
  readonly path: string
  private descriptor: number
  private readonly plainFlags: number
  /** Whether the caller asked for a direct file; `direct` says whether it is one. */
  private readonly asksDirect: boolean
  private direct: boolean
  private readonly syncEachWrite: boolean
  private inFlight = 0
  private idle: (() => void) | undefined
  private closing: Promise<void> | undefined

  constructor(path: string, descriptor: number, plainFlags: number, options: OpenOptions, direct: boolean) {
    this.path = path
    this.asksDirect = options.direct === true
    this.descriptor = descriptor
    this.plainFlags = plainFlags
    this.direct = direct
    this.syncEachWrite = options.durable === true && durableFlag === undefined
  }

  async size(): Promise<number> {
    return (await this.run<fs.Stats>((fd, done) => fs.fstat(fd, done))).size
  }

  async read(target: Buffer, offset: number, length: number, position: number): Promise<number> {
    this.checkRange(target, offset, length, position)
    let at = 0
    while (at < length) {
      const direct = this.direct
      let count: number
      try {
        count = await this.run<number>((fd, done) => fs.read(fd, target, offset + at, length - at, position + at, done))
      } catch (error) {
        if (this.fallBack(error, direct)) continue
        throw error
      }
      at += count
      // A direct read that comes back short has met the end of the file, and can't go on from an odd position anyway.
      if (count === 0 || direct) break
    }
    return at
  }

  async write(source: Buffer, offset: number, length: number, position: number): Promise<void> {
    this.checkRange(source, offset, length, position)
    let at = 0
    while (at < length) {
      const from = at
      const direct = this.direct
      try {
        const count = await this.run<number>((fd, done) =>
          fs.write(fd, source, offset + from, length - from, position + from, done)
        )
        at = this.advance(from, count, length)
      } catch (error) {
        if (!this.fallBack(error, direct)) throw error
      }
    }
    if (this.syncEachWrite) await this.sync()
  }

  async writeAll(pieces: readonly Buffer[], position: number): Promise<void> {
    if (pieces.length === 1) return this.write(pieces[0], 0, pieces[0].length, position)
    let end = position
    for (const piece of pieces) {
      this.checkRange(piece, 0, piece.length, end)
      end += piece.length
    }
    const direct = this.direct
    let at = position
    try {
      at += await this.run<number>((fd, done) => fs.writev(fd, pieces as Buffer[], position, done))
    } catch (error) {
      if (!this.fallBack(error, direct)) throw error
    }
    // What a short write has left.
    let from = position
    for (const piece of pieces) {
      const whole = Math.max(0, at - from - ((at - from) % blockBytes))
      if (whole < piece.length) await this.write(piece, whole, piece.length - whole, from + whole)
      from += piece.length
    }
    if (this.syncEachWrite && at === end) await this.sync()
  }

  writeSync(source: Buffer, offset: number, length: number, position: number): void {
    this.checkOpen()
    this.checkRange(source, offset, length, position)
    let at = 0
    while (at < length) {
      try {
        const count = fs.writeSync(this.descriptor, source, offset + at, length - at, position + at)
        at = this.advance(at, count, length)
      } catch (error) {
        const failure = diskError(error, this.path)
        if (!this.fallBack(failure, this.direct)) throw failure
      }
    }
    if (this.syncEachWrite) fs.fdatasyncSync(this.descriptor)
  }

  sync(): Promise<void> {
    return this.run<void>((fd, done) => fs.fdatasync(fd, done))
  }

  truncate(length: number): Promise<void> {
    return this.run<void>((fd, done) => fs.ftruncate(fd, length, done))
  }

  async preallocate(length: number): Promise<void> {
    if (!zeros) {
      zeros = allocator.allocate(zeroChunkBytes)
      zeros.fill(0)
    }
    let at = await this.size()
    if (at >= length) return
    // A direct file can't begin at an odd position: give the partial block its zeros by its length.
    const whole = Math.min(length, Math.ceil(at / blockBytes) * blockBytes)
    if (this.direct && whole !== at) {
      await this.truncate(whole)
      at = whole
    }
    const odd = this.direct ? length % blockBytes : 0
    while (at < length - odd) {
      const bytes = Math.min(zeroChunkBytes, length - odd - at)
      await this.write(zeros, 0, bytes, at)
      at += bytes
    }
    if (odd > 0 && at < length) await this.truncate(length)
    await this.sync()
  }

  close(): Promise<void> {
    this.closing ??= this.closeOnce()
    return this.closing
  }

  private async closeOnce(): Promise<void> {
    if (this.inFlight > 0)
      await new Promise<void>(resolve => {
        this.idle = resolve
      })
    await call<void>(this.path, done => fs.close(this.descriptor, done))
  }

  /** How far a write got. A short direct write goes on from a whole block. */
  private advance(from: number, count: number, length: number): number {
    const at = from + count
    const next = this.direct && at < length ? at - (at % blockBytes) : at
    if (next === from) throw new DiskError('io', `${this.path}: the disk takes no more of a write`)
    return next
  }

  /**
   * Some filesystems take O_DIRECT at opening and refuse it at work (or want more alignment than the allocator could
   * find). Then the descriptor goes through the page cache from there on. True when it is worth another try.
   */
  private fallBack(error: unknown, wasDirect: boolean): boolean {
    if (!wasDirect || !isInvalid(error)) return false
    if (!this.direct) return true
    const old = this.descriptor
    // By descriptor: the file may have another name by now, and another file its name.
    this.descriptor = fs.openSync(`/proc/self/fd/${old}`, this.plainFlags & ~O_CREAT)
    this.direct = false
    this.whenIdle(() => fs.closeSync(old))
    return true
  }

  private whenIdle(act: () => void): void {
    if (this.inFlight === 0) {
      act()
      return
    }
    const earlier = this.idle
    this.idle = () => {
      act()
      earlier?.()
    }
  }

  private run<T>(start: (descriptor: number, done: (error: Error | null, value?: T) => void) => void): Promise<T> {
    this.checkOpen()
    this.inFlight++
    return new Promise<T>((resolve, reject) => {
      start(this.descriptor, (error, value) => {
        if (--this.inFlight === 0 && this.idle) {
          const idle = this.idle
          this.idle = undefined
          idle()
        }
        if (error) reject(diskError(error, this.path))
        else resolve(value as T)
      })
    })
  }

  private checkRange(buffer: Buffer, offset: number, length: number, position: number): void {
    assert(offset >= 0 && length >= 0 && offset + length <= buffer.length && position >= 0, 'a range of the buffer')
    if (this.asksDirect) assertBlocks(length, position)
  }

  private checkOpen(): void {
    if (this.closing) throw new DiskError('io', `${this.path} is closed`)
  }
}

function call<T>(path: string, start: (done: (error: Error | null, value?: T) => void) => void): Promise<T> {
  return new Promise<T>((resolve, reject) =>
    start((error, value) => (error ? reject(diskError(error, path)) : resolve(value as T)))
  )
}

/** As `fs.mkdir` with `recursive`, which tells of a full disk as a missing file. */
function makeFolder(path: string, done: (error: NodeJS.ErrnoException | null) => void): void {
  fs.mkdir(path, error => {
    if (error?.code === 'ENOENT' && dirname(path) !== path)
      makeFolder(dirname(path), outer =>
        outer ? done(outer) : fs.mkdir(path, again => done(again?.code === 'EEXIST' ? null : again))
      )
    else if (error?.code === 'EEXIST') fs.mkdir(path, { recursive: true }, done)
    else done(error)
  })
}

function isInvalid(error: unknown): boolean {
  return error instanceof DiskError && codeOfCause(error) === 'EINVAL'
}

function codeOfCause(error: DiskError): string | undefined {
  return (error.cause as NodeJS.ErrnoException | undefined)?.code
}

const kinds: Record<string, DiskErrorKind> = { ENOSPC: 'full', EDQUOT: 'full', ENOENT: 'missing' }

function diskError(error: unknown, path: string): DiskError {
  if (error instanceof DiskError) return error
  const code = (error as NodeJS.ErrnoException).code ?? ''
  const text = error instanceof Error ? error.message : String(error)
  return new DiskError(kinds[code] ?? 'io', `${path}: ${text}`, { cause: error })
}
