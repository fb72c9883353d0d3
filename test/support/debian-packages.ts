import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** Where Debian's packages are unpacked into, without installing them for the system. */
export function unpackedFolder(name: string): string {
  return fileURLToPath(new URL(`../../.cache/${name}`, import.meta.url))
}

/** Brings Debian's packages into .cache/`name`. Gives what keeps them from being there; undefined when they are. */
export function whyNotUnpacked(name: string, packages: readonly string[]): string | undefined {
  const unpacked = unpackedFolder(name)
  if (existsSync(unpacked)) return undefined
  if (!existsSync('/usr/bin/apt-get')) return `${name} is not installed, and there is no apt to bring it`
  mkdirSync(dirname(unpacked), { recursive: true })
  const part = mkdtempSync(`${unpacked}.part-`)
  try {
    if (!download(part, packages)) {
      if (process.getuid?.() !== 0) return `${name} is not installed, and apt has no package lists that know it`
      spawnSync('apt-get', ['update', '-qq'], { stdio: 'ignore', timeout: 180_000 })
      if (!download(part, packages)) return `${name} is not installed, and apt could not bring it`
    }
    const folder = join(part, 'unpacked')
    for (const file of readdirSync(part).filter(entry => entry.endsWith('.deb')))
      if (spawnSync('dpkg-deb', ['-x', join(part, file), folder]).status !== 0) return `${file} could not be unpacked`
    if (!existsSync(unpacked)) renameSync(folder, unpacked)
    return undefined
  } catch (error) {
    // Another process may have been first.
    if (existsSync(unpacked)) return undefined
    throw error
  } finally {
    rmSync(part, { recursive: true, force: true })
  }
}

function download(folder: string, packages: readonly string[]): boolean {
  const { status } = spawnSync('apt-get', ['download', '-qq', ...packages], {
    cwd: folder,
    stdio: 'ignore',
    timeout: 180_000
  })
  return status === 0 && readdirSync(folder).filter(name => name.endsWith('.deb')).length === packages.length
}
