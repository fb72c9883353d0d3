import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { unpackedFolder, whyNotUnpacked } from './debian-packages.ts'

let whyNot: string | undefined | null = null

/**
 * What keeps etcd from running here, for `skip`; undefined when nothing does. It is the machine's own, or Debian's, which is
 * not installed: it would start a service on the ports that everybody uses.
 */
export function whyNoEtcd(): string | undefined {
  if (whyNot === null) whyNot = isInstalled() ? undefined : whyNotUnpacked('etcd', ['etcd-server', 'etcd-client'])
  return whyNot
}

/** The program's path. Throws with the reason where there is none. */
export function etcdProgram(name: 'etcd' | 'etcdctl'): string {
  const missing = whyNoEtcd()
  if (missing) throw new Error(missing)
  return isInstalled() ? name : join(unpackedFolder('etcd'), 'usr/bin', name)
}

function isInstalled(): boolean {
  return ['etcd', 'etcdctl'].every(name => spawnSync(name, [name === 'etcd' ? '--version' : 'version']).status === 0)
}
