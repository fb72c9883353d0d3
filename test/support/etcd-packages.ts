import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

/**
 * `etcd` and `etcdctl` as this machine has them, or from Debian's packages, unpacked into .cache/etcd: installed for the
 * system they would start a service on the ports that everybody uses.
 */
const unpacked = fileURLToPath(new URL('../../.cache/etcd', import.meta.url))
const packages = ['etcd-server', 'etcd-client']

let whyNot: string | undefined | null = null

/** What keeps etcd from running here, for `skip`; undefined when nothing does. Brings it where it may. */
export function whyNoEtcd(): string | undefined {
  if (whyNot === null) whyNot = findMissing()
  return whyNot
}

/** The program's path. Throws with the reason where there is none. */
export function etcdProgram(name: 'etcd' | 'etcdctl'): string {
  const missing = whyNoEtcd()
  if (missing) throw new Error(missing)
  return isInstalled() ? name : join(unpacked, 'usr/bin', name)
}

function isInstalled(): boolean {
  return ['etcd', 'etcdctl'].every(name => spawnSync(name, [name === 'etcd' ? '--version' : 'version']).status === 0)
}

function findMissing(): string | undefined {
  if (isInstalled() || existsSync(unpacked)) return undefined
  if (!existsSync('/usr/bin/apt-get')) return 'etcd is not installed, and there is no apt to bring it'
  mkdirSync(dirname(unpacked), { recursive: true })
  const part = mkdtempSync(`${unpacked}.part-`)
  try {
    if (!download(part)) {
      if (process.getuid?.() !== 0) return 'etcd is not installed, and apt has no package lists that know it'
      spawnSync('apt-get', ['update', '-qq'], { stdio: 'ignore', timeout: 180_000 })
      if (!download(part)) return 'etcd is not installed, and apt could not bring it'
    }
    const folder = join(part, 'unpacked')
    for (const file of readdirSync(part).filter(name => name.endsWith('.deb')))
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

function download(folder: string): boolean {
  const { status } = spawnSync('apt-get', ['download', '-qq', ...packages], {
    cwd: folder,
    stdio: 'ignore',
    timeout: 180_000
  })
  return status === 0 && readdirSync(folder).filter(name => name.endsWith('.deb')).length === packages.length
}
