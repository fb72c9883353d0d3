import type { Disk, DiskFile } from '../../src/disk/disk.ts'

/** A disk whose writes and syncs begin only after a while: what a power loss finds on their way is not there. */
export function slowDisk(disk: Disk, delay: () => Promise<void>): Disk {
  return {
    open: async (path, options) => slowFile(await disk.open(path, options), delay),
    list: path => disk.list(path),
    exists: path => disk.exists(path),
    mkdir: path => disk.mkdir(path),
    rename: (from, to) => disk.rename(from, to),
    remove: path => disk.remove(path),
    syncDir: path => disk.syncDir(path),
    space: path => disk.space(path),
    lock: path => disk.lock(path),
    allocate: bytes => disk.allocate(bytes)
  }
}

function slowFile(file: DiskFile, delay: () => Promise<void>): DiskFile {
  const underWay = new Set<Promise<unknown>>()
  const later = <T>(act: () => Promise<T>): Promise<T> => {
    const done = delay().then(act)
    underWay.add(done)
    const forget = () => underWay.delete(done)
    done.then(forget, forget)
    return done
  }
  return {
    path: file.path,
    size: () => file.size(),
    read: (target, offset, length, position) => file.read(target, offset, length, position),
    write: (source, offset, length, position) => later(() => file.write(source, offset, length, position)),
    writeAll: (pieces, position) => later(() => file.writeAll(pieces, position)),
    writeSync: (source, offset, length, position) => file.writeSync(source, offset, length, position),
    sync: () => later(() => file.sync()),
    truncate: length => file.truncate(length),
    preallocate: length => file.preallocate(length),
    async close() {
      await Promise.allSettled(underWay)
      await file.close()
    }
  }
}
