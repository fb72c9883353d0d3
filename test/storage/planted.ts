import type { Disk, DiskFile, OpenOptions } from '../../src/disk/disk.ts'

/** Disks that break one rule each, as a bug in the store would: crash runs must find them out. */
type Change = (path: string, options: OpenOptions) => { options?: OpenOptions; file?: Partial<DiskFile> | undefined }

/** The disk with other ways to open files, and with some calls replaced. */
function changed(disk: Disk, change: Change, calls: Partial<Disk> = {}): Disk {
  return {
    open: async (path, options) => {
      const { options: others, file: replaced } = change(path, options)
      const file = await disk.open(path, others ?? options)
      return replaced ? replaceCalls(file, replaced) : file
    },
    list: path => disk.list(path),
    exists: path => disk.exists(path),
    mkdir: path => disk.mkdir(path),
    rename: (from, to) => disk.rename(from, to),
    remove: path => disk.remove(path),
    syncDir: path => disk.syncDir(path),
    bootId: () => disk.bootId(),
    lock: path => disk.lock(path),
    allocate: bytes => disk.allocate(bytes),
    space: path => disk.space(path),
    ...calls
  }
}

function replaceCalls(file: DiskFile, calls: Partial<DiskFile>): DiskFile {
  const proxy: DiskFile = {
    path: file.path,
    size: () => file.size(),
    read: (target, offset, length, position) => file.read(target, offset, length, position),
    write: (source, offset, length, position) => file.write(source, offset, length, position),
    writeAll: (pieces, position) => file.writeAll(pieces, position),
    writeSync: (source, offset, length, position) => file.writeSync(source, offset, length, position),
    sync: () => file.sync(),
    truncate: length => file.truncate(length),
    preallocate: length => file.preallocate(length),
    close: () => file.close()
  }
  const origin = file
  return { ...proxy, ...calls, ...(calls.sync === retried ? { sync: () => retry(origin) } : {}) }
}

const retried = async () => {}

async function retry(file: DiskFile): Promise<void> {
  try {
    await file.sync()
  } catch {
    await file.sync()
  }
}

/** Rounds are acknowledged before they are on the device. */
export const noJournalSync = (disk: Disk): Disk =>
  changed(disk, (path, options) => (path.includes('/journal/') ? { options: { ...options, durable: false } } : {}))

/** The marker of a clean shutdown outlives the start. */
export const markerDeletedLate = (disk: Disk): Disk =>
  changed(disk, () => ({}), {
    remove: async path => (path.endsWith('/clean-shutdown') ? undefined : disk.remove(path))
  })

/** What is called durable in a segment isn't yet. */
export const recoveryPointEarly = (disk: Disk): Disk =>
  changed(disk, path => (path.endsWith('.log') ? { file: { sync: async () => {} } } : {}))

/** A failed sync is tried again: it succeeds, although the pages are gone. */
export const syncRetried = (disk: Disk): Disk =>
  changed(disk, path => (path.endsWith('.log') ? { file: { sync: retried } } : {}))

const compactedLog = /-\d{10}\.log$/
const compactedIndex = /-\d{10}\.index$/

/** Compacted segments take the place of others before they are on the device. */
export const compactedNotSynced = (disk: Disk): Disk =>
  changed(disk, path => (compactedLog.test(path) ? { file: { sync: async () => {} } } : {}))

/** So do their indexes, which alone explain gaps. */
export const compactedIndexNotSynced = (disk: Disk): Disk =>
  changed(disk, path => (compactedIndex.test(path) ? { file: { sync: async () => {} } } : {}))

/** The manifest that names them isn't on the device when the old ones go. */
export const manifestNotSynced = (disk: Disk): Disk =>
  changed(disk, path => (path.endsWith('/compacted.new') ? { file: { sync: async () => {} } } : {}))

/** Old segments are gone before the manifest that replaces them has its name. */
export const oldRemovedFirst = (disk: Disk): Disk =>
  changed(disk, () => ({}), {
    rename: async (from, to) => {
      if (!to.endsWith('/compacted')) return disk.rename(from, to)
      const folder = to.slice(0, to.lastIndexOf('/'))
      for (const name of await disk.list(folder))
        if (name.endsWith('.log') && !compactedLog.test(name) && name.startsWith('0'.repeat(20)))
          await disk.remove(`${folder}/${name}`)
      await disk.syncDir(folder)
      await disk.rename(from, to)
    }
  })

/** The names of new segments and of the manifest are never made durable. */
export const namesNotSynced = (disk: Disk): Disk =>
  changed(disk, () => ({}), {
    syncDir: async path => {
      const isCompacted = (await disk.list(path)).some(name => compactedLog.test(name))
      return isCompacted ? undefined : disk.syncDir(path)
    }
  })
