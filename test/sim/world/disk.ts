import type { Disk, DiskFile } from '../../../src/disk/disk.ts'
import type { Life } from './life.ts'

/** Operations of all machines that are under way without a timer: until they are done, time must not leap. */
export class DiskLoad {
  underWay = 0

  async during<T>(work: Promise<T>): Promise<T> {
    this.underWay++
    try {
      return await work
    } finally {
      this.underWay--
    }
  }
}

/**
 * A disk as one process sees it. Writes and syncs begin only after a while (`delay`): what a power loss finds on their way
 * is not there.
 */
export function diskOf(disk: Disk, life: Life, load: DiskLoad, delay: () => Promise<void> | undefined): Disk {
  const done = <T>(work: Promise<T>): Promise<T> => life.pass(load.during(work))
  return {
    open: async (path, options) => fileOf(await done(disk.open(path, options)), done, delay),
    list: path => done(disk.list(path)),
    exists: path => done(disk.exists(path)),
    mkdir: path => done(disk.mkdir(path)),
    rename: (from, to) => done(disk.rename(from, to)),
    remove: path => done(disk.remove(path)),
    syncDir: path => done(disk.syncDir(path)),
    space: path => done(disk.space(path)),
    bootId: () => disk.bootId(),
    lock: path => done(disk.lock(path)),
    allocate: bytes => disk.allocate(bytes)
  }
}

function fileOf(
  file: DiskFile,
  done: <T>(work: Promise<T>) => Promise<T>,
  delay: () => Promise<void> | undefined
): DiskFile {
  const underWay = new Set<Promise<unknown>>()
  const later = <T>(act: () => Promise<T>): Promise<T> => {
    const waited = delay()
    const work = waited ? waited.then(() => done(act())) : done(act())
    underWay.add(work)
    const forget = () => underWay.delete(work)
    work.then(forget, forget)
    return work
  }
  return {
    path: file.path,
    size: () => done(file.size()),
    read: (target, offset, length, position) => done(file.read(target, offset, length, position)),
    write: (source, offset, length, position) => later(() => file.write(source, offset, length, position)),
    writeAll: (pieces, position) => later(() => file.writeAll(pieces, position)),
    writeSync: (source, offset, length, position) => file.writeSync(source, offset, length, position),
    sync: () => later(() => file.sync()),
    truncate: length => done(file.truncate(length)),
    preallocate: length => done(file.preallocate(length)),
    async close() {
      await Promise.allSettled(underWay)
      await done(file.close())
    }
  }
}
