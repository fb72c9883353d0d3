import { Content } from './content.ts'
import {
  assertBlocks,
  type Disk,
  DiskError,
  type DiskFile,
  type DiskLock,
  type DiskSpace,
  type OpenOptions
} from './disk.ts'

/** A disk that lives and dies with its process: for brokers in tests and for `--memory`. Nothing on it is durable. */
export function memoryDisk(): Disk {
  return new MemoryDisk()
}

class MemoryDisk implements Disk {
  private readonly files = new Map<string, Content>()
  private readonly folders = new Set<string>()
  private readonly locks = new Set<string>()

  async open(path: string, options: OpenOptions): Promise<DiskFile> {
    let content = this.files.get(path)
    if (!content) {
      if (options.mode === 'read' || !this.hasParent(path)) throw new DiskError('missing', `no such file: ${path}`)
      content = new Content()
      this.files.set(path, content)
    }
    return new MemoryFile(path, content, options.direct === true)
  }

  async list(path: string): Promise<string[]> {
    const prefix = path.endsWith('/') ? path : `${path}/`
    const names = new Set<string>()
    for (const known of [...this.files.keys(), ...this.folders])
      if (known.startsWith(prefix)) names.add(known.slice(prefix.length).split('/', 1)[0])
    return [...names].sort()
  }

  async exists(path: string): Promise<boolean> {
    return this.files.has(path) || this.folders.has(path)
  }

  async mkdir(path: string): Promise<void> {
    for (let at = path.indexOf('/', 1); at > 0; at = path.indexOf('/', at + 1)) this.folders.add(path.slice(0, at))
    this.folders.add(path)
  }

  async rename(from: string, to: string): Promise<void> {
    const file = this.files.get(from)
    if (!file && !this.folders.has(from)) throw new DiskError('missing', `no such file or folder: ${from}`)
    if (!this.hasParent(to)) throw new DiskError('missing', `no folder for ${to}`)
    if (from === to) return
    if (file ? this.folders.has(to) : this.files.has(to) || (await this.list(to)).length > 0)
      throw new DiskError('io', `${to} is in the way of ${from}`)
    if (file) {
      this.files.delete(from)
      this.files.set(to, file)
      return
    }
    const moved = (path: string) => to + path.slice(from.length)
    for (const path of [...this.folders])
      if (path === from || path.startsWith(`${from}/`)) {
        this.folders.delete(path)
        this.folders.add(moved(path))
      }
    for (const [path, content] of [...this.files])
      if (path.startsWith(`${from}/`)) {
        this.files.delete(path)
        this.files.set(moved(path), content)
      }
  }

  async remove(path: string): Promise<void> {
    this.files.delete(path)
    this.folders.delete(path)
    for (const known of this.files.keys()) if (known.startsWith(`${path}/`)) this.files.delete(known)
    for (const known of this.folders) if (known.startsWith(`${path}/`)) this.folders.delete(known)
  }

  async syncDir(path: string): Promise<void> {
    if (path !== '/' && !this.folders.has(path)) throw new DiskError('missing', `no such folder: ${path}`)
  }

  async space(): Promise<DiskSpace> {
    return { totalBytes: undefined, usableBytes: undefined }
  }

  async bootId(): Promise<string> {
    return 'memory'
  }

  async lock(path: string): Promise<DiskLock> {
    if (this.locks.has(path)) throw new DiskError('locked', `${path} is in use by another broker`)
    this.locks.add(path)
    return { release: async () => void this.locks.delete(path) }
  }

  allocate(bytes: number): Buffer {
    return Buffer.allocUnsafeSlow(bytes)
  }

  private hasParent(path: string): boolean {
    const folder = path.slice(0, path.lastIndexOf('/'))
    return folder === '' || this.folders.has(folder)
  }
}

class MemoryFile implements DiskFile {
  readonly path: string
  private readonly content: Content
  private readonly direct: boolean
  private closed = false

  constructor(path: string, content: Content, direct: boolean) {
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
    const bytes = Math.max(0, Math.min(length, this.content.length - position))
    this.content.copyTo(target, offset, position, bytes)
    return bytes
  }

  async write(source: Buffer, offset: number, length: number, position: number): Promise<void> {
    this.writeSync(source, offset, length, position)
  }

  async writeAll(pieces: readonly Buffer[], position: number): Promise<void> {
    let at = position
    for (const piece of pieces) {
      this.writeSync(piece, 0, piece.length, at)
      at += piece.length
    }
  }

  writeSync(source: Buffer, offset: number, length: number, position: number): void {
    this.checkOpen()
    if (this.direct) assertBlocks(length, position)
    this.content.copyFrom(source, offset, position, length)
  }

  async sync(): Promise<void> {
    this.checkOpen()
  }

  async truncate(length: number): Promise<void> {
    this.checkOpen()
    this.content.cut(length)
  }

  async preallocate(length: number): Promise<void> {
    this.checkOpen()
    this.content.length = Math.max(this.content.length, length)
  }

  async close(): Promise<void> {
    this.closed = true
  }

  private checkOpen(): void {
    if (this.closed) throw new DiskError('io', `${this.path} is closed`)
  }
}
