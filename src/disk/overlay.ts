import {
  assertBlocks,
  type Disk,
  DiskError,
  type DiskFile,
  type DiskLock,
  type DiskSpace,
  type OpenOptions
} from './disk.ts'

const chunkBytes = 64 * 1024

/** How a file differs from the one below. */
export interface OverlayChange {
  readonly path: string
  /** `removed`: also of a file that only ever was in the overlay. */
  readonly kind: 'removed' | 'cut' | 'written'
  /** Its length below, 0 where it isn't there; and its length now. */
  readonly fromBytes: number
  readonly toBytes: number
}

/**
 * A disk over another one that is only read: what is written, cut, renamed and removed stays in memory. For seeing what
 * something would do to a folder. It holds what was written, in whole chunks; nothing below is ever touched.
 */
export class OverlayDisk implements Disk {
  private readonly below: Disk
  private readonly files = new Map<string, OverlayContent>()
  private readonly folders = new Set<string>()
  /** Files and folders of the disk below that are there no more. */
  private readonly gone = new Set<string>()
  private readonly locks = new Set<string>()

  constructor(below: Disk) {
    this.below = below
  }

  /** What was changed so far, by path; what was made and is as it was is left out. */
  changes(): OverlayChange[] {
    const changes: OverlayChange[] = []
    for (const path of this.gone) changes.push({ path, kind: 'removed', fromBytes: 0, toBytes: 0 })
    for (const [path, { belowBytes, length, chunks }] of this.files) {
      const kind = chunks.size > 0 ? 'written' : 'cut'
      if (kind === 'written' || length !== belowBytes)
        changes.push({ path, kind, fromBytes: belowBytes, toBytes: length })
    }
    return changes.sort((a, b) => (a.path < b.path ? -1 : 1))
  }

  async open(path: string, options: OpenOptions): Promise<DiskFile> {
    let content = this.files.get(path)
    if (!content && !this.isGone(path)) {
      const length = await this.lengthBelow(path)
      if (length !== undefined) {
        content = new OverlayContent(this.below, path, length)
        this.files.set(path, content)
      }
    }
    if (!content) {
      if (options.mode === 'read' || !(await this.isFolder(parentOf(path))))
        throw new DiskError('missing', `no such file: ${path}`)
      content = new OverlayContent(this.below, undefined, 0)
      this.files.set(path, content)
    }
    return new OverlayFile(path, content, options.direct === true)
  }

  async list(path: string): Promise<string[]> {
    const below = this.isGone(path) ? [] : await this.below.list(path)
    const names = new Set(below.filter(name => !this.isGone(`${path}/${name}`)))
    const prefix = `${path}/`
    for (const known of [...this.files.keys(), ...this.folders])
      if (known.startsWith(prefix)) names.add(known.slice(prefix.length).split('/', 1)[0])
    return [...names].sort()
  }

  async exists(path: string): Promise<boolean> {
    return this.files.has(path) || this.folders.has(path) || (!this.isGone(path) && (await this.below.exists(path)))
  }

  async mkdir(path: string): Promise<void> {
    for (let at = path.indexOf('/', 1); at > 0; at = path.indexOf('/', at + 1)) this.folders.add(path.slice(0, at))
    this.folders.add(path)
  }

  async rename(from: string, to: string): Promise<void> {
    if (!(await this.exists(from))) throw new DiskError('missing', `no such file or folder: ${from}`)
    if (!(await this.isFolder(parentOf(to)))) throw new DiskError('missing', `no folder for ${to}`)
    if (from === to) return
    if (await this.isFolder(from)) return this.renameFolder(from, to)
    if (await this.isFolder(to)) throw new DiskError('io', `${to} is in the way of ${from}`)
    await (await this.open(from, { mode: 'read' })).close()
    const content = this.files.get(from)!
    await this.remove(from)
    this.files.set(to, content)
  }

  private async renameFolder(from: string, to: string): Promise<void> {
    const isFile = (await this.exists(to)) && !(await this.isFolder(to))
    if (isFile || (await this.list(to)).length > 0) throw new DiskError('io', `${to} is in the way of ${from}`)
    await this.mkdir(to)
    for (const name of await this.list(from)) await this.rename(`${from}/${name}`, `${to}/${name}`)
    await this.remove(from)
  }

  async remove(path: string): Promise<void> {
    if (!this.isGone(path) && (await this.below.exists(path))) this.gone.add(path)
    this.files.delete(path)
    this.folders.delete(path)
    for (const known of this.files.keys()) if (known.startsWith(`${path}/`)) this.files.delete(known)
    for (const known of this.folders) if (known.startsWith(`${path}/`)) this.folders.delete(known)
  }

  async syncDir(path: string): Promise<void> {
    if (!(await this.isFolder(path))) throw new DiskError('missing', `no such folder: ${path}`)
  }

  space(path: string): Promise<DiskSpace> {
    return this.below.space(path)
  }

  bootId(): Promise<string | undefined> {
    return this.below.bootId()
  }

  async lock(path: string): Promise<DiskLock> {
    if (this.locks.has(path)) throw new DiskError('locked', `${path} is in use by another broker`)
    this.locks.add(path)
    return { release: async () => void this.locks.delete(path) }
  }

  allocate(bytes: number): Buffer {
    return this.below.allocate(bytes)
  }

  private isGone(path: string): boolean {
    for (let at = path; at.length > 1; at = parentOf(at)) if (this.gone.has(at)) return true
    return false
  }

  /** Folders below are told from files by what they hold: a Disk has no other way. */
  private async isFolder(path: string): Promise<boolean> {
    if (path === '' || path === '/' || this.folders.has(path)) return true
    return !this.isGone(path) && (await this.below.exists(path)) && (await this.lengthBelow(path)) === undefined
  }

  /** Undefined where there is no such file. Some systems open folders too: they can be listed, and not read. */
  private async lengthBelow(path: string): Promise<number | undefined> {
    try {
      const file = await this.below.open(path, { mode: 'read' })
      try {
        await file.read(Buffer.alloc(1), 0, 1, 0)
        return await file.size()
      } finally {
        await file.close()
      }
    } catch (error) {
      if (!(error instanceof DiskError)) throw error
      if (error.kind === 'missing') return undefined
      await this.below.list(path).catch(() => {
        throw error
      })
      return undefined
    }
  }
}

function parentOf(path: string): string {
  return path.slice(0, path.lastIndexOf('/'))
}

/** The bytes of a file: chunks that were written, over what shines through of the file below. */
class OverlayContent {
  readonly belowBytes: number
  length: number
  readonly chunks = new Map<number, Buffer>()
  private readonly disk: Disk
  private readonly path: string | undefined
  /** So much of the file below is still seen. */
  private seenBytes: number

  constructor(disk: Disk, path: string | undefined, bytes: number) {
    this.disk = disk
    this.path = path
    this.belowBytes = bytes
    this.seenBytes = bytes
    this.length = bytes
  }

  async read(target: Buffer, offset: number, length: number, position: number): Promise<number> {
    const count = Math.max(0, Math.min(length, this.length - position))
    if (count === 0) return 0
    const end = position + count
    const first = Math.floor(position / chunkBytes)
    const last = Math.floor((end - 1) / chunkBytes)
    const written = this.chunks.size > 0
    // One read below, whatever is written over it.
    await this.readBelow(target, offset, count, position)
    for (let index = first; written && index <= last; index++) {
      const chunk = this.chunks.get(index)
      if (!chunk) continue
      const from = Math.max(position, index * chunkBytes)
      const to = Math.min(end, (index + 1) * chunkBytes)
      chunk.copy(target, offset + from - position, from - index * chunkBytes, to - index * chunkBytes)
    }
    return count
  }

  async write(source: Buffer, offset: number, length: number, position: number): Promise<void> {
    const end = position + length
    for (let index = Math.floor(position / chunkBytes); index * chunkBytes < end; index++) {
      if (this.chunks.has(index)) continue
      const chunk = Buffer.alloc(chunkBytes)
      await this.readBelow(chunk, 0, chunkBytes, index * chunkBytes)
      this.chunks.set(index, chunk)
    }
    this.writeSync(source, offset, length, position)
  }

  /** Throws where it would have to read the file below first. */
  writeSync(source: Buffer, offset: number, length: number, position: number): void {
    const end = position + length
    for (let index = Math.floor(position / chunkBytes); index * chunkBytes < end; index++) {
      const start = index * chunkBytes
      let chunk = this.chunks.get(index)
      if (!chunk) {
        if (start < this.seenBytes)
          throw new DiskError('io', 'an overlay reads what it writes over: not in a blocking way')
        chunk = Buffer.alloc(chunkBytes)
        this.chunks.set(index, chunk)
      }
      const from = Math.max(position, start)
      const to = Math.min(end, start + chunkBytes)
      source.copy(chunk, from - start, offset + from - position, offset + to - position)
    }
    if (length > 0) this.length = Math.max(this.length, end)
  }

  async truncate(length: number): Promise<void> {
    this.seenBytes = Math.min(this.seenBytes, length)
    for (const [index, chunk] of this.chunks) {
      const start = index * chunkBytes
      if (start >= length) this.chunks.delete(index)
      else if (start + chunkBytes > length) chunk.fill(0, length - start)
    }
    this.length = length
  }

  /** Zeros behind what is seen of the file below. */
  private async readBelow(target: Buffer, offset: number, length: number, position: number): Promise<void> {
    const wanted = Math.max(0, Math.min(length, this.seenBytes - position))
    let count = 0
    if (wanted > 0 && this.path !== undefined) {
      const file = await this.disk.open(this.path, { mode: 'read' })
      try {
        count = await file.read(target, offset, wanted, position)
      } finally {
        await file.close()
      }
    }
    target.fill(0, offset + count, offset + length)
  }
}

class OverlayFile implements DiskFile {
  readonly path: string
  private readonly content: OverlayContent
  private readonly direct: boolean
  private closed = false

  constructor(path: string, content: OverlayContent, direct: boolean) {
    this.path = path
    this.content = content
    this.direct = direct
  }

  async size(): Promise<number> {
    this.checkOpen()
    return this.content.length
  }

  async read(target: Buffer, offset: number, length: number, position: number): Promise<number> {
    this.checkOpen()
    if (this.direct) assertBlocks(length, position)
    return this.content.read(target, offset, length, position)
  }

  async write(source: Buffer, offset: number, length: number, position: number): Promise<void> {
    this.checkOpen()
    if (this.direct) assertBlocks(length, position)
    return this.content.write(source, offset, length, position)
  }

  async writeAll(pieces: readonly Buffer[], position: number): Promise<void> {
    let at = position
    for (const piece of pieces) {
      await this.write(piece, 0, piece.length, at)
      at += piece.length
    }
  }

  writeSync(source: Buffer, offset: number, length: number, position: number): void {
    this.checkOpen()
    if (this.direct) assertBlocks(length, position)
    this.content.writeSync(source, offset, length, position)
  }

  async sync(): Promise<void> {
    this.checkOpen()
  }

  async truncate(length: number): Promise<void> {
    this.checkOpen()
    await this.content.truncate(length)
  }

  async preallocate(length: number): Promise<void> {
    this.checkOpen()
    if (length > this.content.length) this.content.length = length
  }

  async close(): Promise<void> {
    this.closed = true
  }

  private checkOpen(): void {
    if (this.closed) throw new DiskError('io', `${this.path} is closed`)
  }
}
