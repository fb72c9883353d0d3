import { setTimeout as sleep } from 'node:timers/promises'
import { below } from '../../../src/std/random.ts'
import { moveEtcdLeader } from '../../support/etcd.ts'
import type { Fault } from '../cluster/faults.ts'
import type { ClusterInEtcd } from './victims.ts'

/** What may be done to the etcd of a cluster and the ways to it. Times in milliseconds; random ones where none are given. */
export function etcdFaultsOf(cluster: ClusterInEtcd) {
  const { etcd, etcdLinks } = cluster
  return {
    /** All of etcd stands still. */
    pause:
      (ms?: number): Fault =>
      async ({ random }) => {
        const forMs = ms ?? 500 + below(random, 7500)
        for (const node of etcd.nodes) node.pause()
        await sleep(forMs)
        for (const node of etcd.nodes) node.resume()
        return { text: `etcd stopped for ${forMs} ms` }
      },
    /** All of etcd is killed and started again. */
    kill:
      (ms?: number): Fault =>
      async ({ random }) => {
        const forMs = ms ?? below(random, 5000)
        await Promise.all(etcd.nodes.map(node => node.kill9()))
        await sleep(forMs)
        await Promise.all(etcd.nodes.map(node => node.start()))
        return { text: `etcd killed, and started ${forMs} ms later` }
      },
    /** One node is away for a while. */
    loseNode:
      (ms?: number): Fault =>
      async ({ random }) => {
        const node = etcd.nodes[below(random, etcd.nodes.length)]
        const forMs = ms ?? below(random, 5000)
        await node.kill9()
        await sleep(forMs)
        await node.start()
        return { text: `etcd ${node.name} killed, and started ${forMs} ms later` }
      },
    pauseNode:
      (ms?: number): Fault =>
      async ({ random }) => {
        const node = etcd.nodes[below(random, etcd.nodes.length)]
        const forMs = ms ?? 500 + below(random, 5500)
        node.pause()
        await sleep(forMs)
        node.resume()
        return { text: `etcd ${node.name} stopped for ${forMs} ms` }
      },
    moveLeader: (): Fault => async () => {
      await moveEtcdLeader(etcd)
      return { text: "etcd's leader moved" }
    },
    /** One broker does not reach etcd, which forgets meanwhile what that broker has not seen. */
    cutOff:
      (ms?: number): Fault =>
      async ({ random }) => {
        const link = etcdLinks[below(random, etcdLinks.length)]
        const forMs = ms ?? below(random, 5000)
        const type = below(random, 2) === 0 ? 'cut' : 'silent'
        await link.set({ type })
        await sleep(forMs / 2)
        await etcd.ctl(['put', 'elsewhere', '1'])
        const revision = /"revision":(\d+)/.exec(await etcd.ctl(['get', 'elsewhere', '--write-out', 'json']))![1]
        await etcd.ctl(['compact', revision]).catch(() => {})
        await sleep(forMs / 2)
        await link.set({ type: 'open' })
        return { text: `${link.broker.name} cut off from etcd (${type}) for ${forMs} ms, etcd compacted` }
      }
  }
}
