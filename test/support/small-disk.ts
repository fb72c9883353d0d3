import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, statfsSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** A small filesystem of its own. */
export interface SmallDisk {
  readonly path: string
  freeBytes(): number
  /** Takes what is free, but for `leaveBytes`. */
  fill(leaveBytes?: number): void
  /** Gives back what `fill` took. */
  free(): void
  /** Remounts it. */
  makeReadOnly(readOnly: boolean): void
  remove(): void
}

export type DiskKind = 'ext4' | 'tmpfs'

/** What keeps this machine from mounting one, for `skip`; undefined when nothing does. */
export function whyNoSmallDisk(kind: DiskKind): string | undefined {
  if (process.platform !== 'linux' || process.getuid?.() !== 0) return 'mounting a small filesystem takes root on Linux'
  try {
    mountSmallDisk(kind, 8).remove()
    return undefined
  } catch (error) {
    return `no ${kind} can be mounted here: ${String((error as Error).message).split('\n')[0]}`
  }
}

/** ext4 in a file (as on a real disk, it takes O_DIRECT), or tmpfs (it doesn't). */
export function mountSmallDisk(kind: DiskKind, megabytes: number): SmallDisk {
  const folder = mkdtempSync(join(tmpdir(), 'naru-small-disk-'))
  const path = join(folder, 'mount')
  const run = (command: string, ...args: string[]) => execFileSync(command, args, { stdio: 'pipe' })
  mkdirSync(path)
  try {
    if (kind === 'tmpfs') run('mount', '-t', 'tmpfs', '-o', `size=${megabytes}m`, 'tmpfs', path)
    else {
      const image = join(folder, 'image')
      run('truncate', '-s', `${megabytes}M`, image)
      // No blocks are kept back for root, who runs this.
      run('mkfs.ext4', '-q', '-m', '0', image)
      run('mount', '-o', 'loop', image, path)
    }
  } catch (error) {
    rmSync(folder, { recursive: true, force: true })
    throw error
  }
  const ballast = join(path, 'ballast')
  let pieces = 0
  const freeBytes = () => {
    const { bavail, bsize } = statfsSync(path)
    return bavail * bsize
  }
  return {
    path,
    freeBytes,
    fill(leaveBytes = 0) {
      mkdirSync(ballast, { recursive: true })
      for (let bytes = freeBytes() - leaveBytes; bytes > 0; bytes = freeBytes() - leaveBytes) {
        const before = freeBytes()
        try {
          writeFileSync(join(ballast, String(pieces++)), Buffer.alloc(Math.min(bytes, 4 * 1024 * 1024)))
        } catch (error) {
          if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error
        }
        if (freeBytes() >= before) return
      }
    },
    free: () => rmSync(ballast, { recursive: true, force: true }),
    makeReadOnly: readOnly => void run('mount', '-o', `remount,${readOnly ? 'ro' : 'rw'}`, path),
    remove() {
      run('umount', '-l', path)
      rmSync(folder, { recursive: true, force: true })
    }
  }
}
