import type { Disk, DiskFile } from '../../disk/disk.ts'

/** `read`: through the page cache. `write`: direct, created when absent. `index`: small writes through the page cache. */
export type FileUse = 'read' | 'write' | 'index'

interface Entry {
  readonly key: string
  readonly file: Promise<DiskFile>
  users: number
  /** Dropped from the cache: closed when its last user is done. */
  dropped: boolean
}

/** Open files of partitions, the least recently used of which are closed when there are too many. */
export class FileCache {
  private readonly disk: Disk
  private readonly limit: number
  private readonly entries = new Map<string, Entry>()
  private readonly closing = new Set<Promise<void>>()

  constructor(disk: Disk, limit: number) {
    this.disk = disk
    this.limit = limit
  }

  /** Lends the open file to `work`. */
  async use<T>(path: string, use: FileUse, work: (file: DiskFile) => Promise<T> | T): Promise<T> {
    const entry = this.lend(`${use} ${path}`, path, use)
    try {
      return await work(await entry.file)
    } catch (error) {
      // A file that couldn't be opened isn't worth keeping; one that failed is opened anew.
      this.drop(entry)
      throw error
    } finally {
      entry.users--
      if (entry.dropped && entry.users === 0) this.close(entry)
    }
  }

  /** Closes what is open of these paths, once it is no longer in use: they are renamed or removed. */
  forget(...paths: string[]): void {
    for (const path of paths)
      for (const use of ['read', 'write', 'index'] as const) {
        const entry = this.entries.get(`${use} ${path}`)
        if (entry) this.drop(entry)
      }
  }

  async closeAll(): Promise<void> {
    for (const entry of this.entries.values()) this.drop(entry)
    while (this.closing.size > 0) await Promise.all(this.closing)
  }

  private lend(key: string, path: string, use: FileUse): Entry {
    let entry = this.entries.get(key)
    if (entry) this.entries.delete(key)
    else {
      const file = this.disk.open(path, { mode: use === 'read' ? 'read' : 'write', direct: use === 'write' })
      entry = { key, file, users: 0, dropped: false }
    }
    this.entries.set(key, entry)
    entry.users++
    if (this.entries.size > this.limit)
      for (const other of this.entries.values())
        if (other.users === 0) {
          this.drop(other)
          break
        }
    return entry
  }

  private drop(entry: Entry): void {
    if (entry.dropped) return
    entry.dropped = true
    if (this.entries.get(entry.key) === entry) this.entries.delete(entry.key)
    if (entry.users === 0) this.close(entry)
  }

  private close(entry: Entry): void {
    const closed = entry.file
      .then(file => file.close())
      .catch(() => {})
      .then(() => void this.closing.delete(closed))
    this.closing.add(closed)
  }
}
