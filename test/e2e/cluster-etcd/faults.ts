import { setTimeout as sleep } from 'node:timers/promises'
import type { PartitionImage } from '../../../src/control/types.ts'
import { below } from '../../../src/std/random.ts'
import { moveEtcdLeader } from '../../support/etcd.ts'
import type { Done, Fault } from '../cluster/faults.ts'
import type { ClusterInEtcd } from './victims.ts'

/** Leases outlast what a broker needs to find another node of etcd. */
export const lastingSessionMs = 6000

/** What may be done to the etcd of a cluster and the ways to it. Times in milliseconds; random ones where none are given. */
export function etcdFaultsOf(cluster: ClusterInEtcd) {
  const { etcd, etcdLinks, sessionTimeoutMs } = cluster
  /** Silence is no evidence: no leader moves by it, but to where it belongs. */
  const unmoved = (fault: Fault): Fault => {
    return async world => {
      const before = await cluster.partitions()
      const done: Done = await fault(world)
      return { ...done, misdeeds: async () => movedSince(before, await cluster.partitions()) }
    }
  }
  const unmovedIfLasting = (fault: Fault): Fault => (sessionTimeoutMs < lastingSessionMs ? fault : unmoved(fault))
  return {
    /** All of etcd stands still. */
    pause: (ms?: number): Fault =>
      unmoved(async ({ random }) => {
        const forMs = ms ?? 500 + below(random, 7500)
        for (const node of etcd.nodes) node.pause()
        await sleep(forMs)
        for (const node of etcd.nodes) node.resume()
        return { text: `etcd stopped for ${forMs} ms` }
      }),
    /** All of etcd is killed and started again. */
    kill: (ms?: number): Fault =>
      unmoved(async ({ random }) => {
        const forMs = ms ?? below(random, 5000)
        await Promise.all(etcd.nodes.map(node => node.kill9()))
        await sleep(forMs)
        await Promise.all(etcd.nodes.map(node => node.start()))
        return { text: `etcd killed, and started ${forMs} ms later` }
      }),
    /** One node is away for a while. */
    loseNode: (ms?: number): Fault =>
      unmovedIfLasting(async ({ random }) => {
        const node = etcd.nodes[below(random, etcd.nodes.length)]
        const forMs = ms ?? below(random, 5000)
        await node.kill9()
        await sleep(forMs)
        await node.start()
        return { text: `etcd ${node.name} killed, and started ${forMs} ms later` }
      }),
    pauseNode: (ms?: number): Fault =>
      unmovedIfLasting(async ({ random }) => {
        const node = etcd.nodes[below(random, etcd.nodes.length)]
        const forMs = ms ?? 500 + below(random, 5500)
        node.pause()
        await sleep(forMs)
        node.resume()
        return { text: `etcd ${node.name} stopped for ${forMs} ms` }
      }),
    moveLeader: (): Fault =>
      unmovedIfLasting(async () => {
        await moveEtcdLeader(etcd)
        return { text: "etcd's leader moved" }
      }),
    /** As for an upgrade: brokers and nodes of etcd one after the other, each when the one before it is back. */
    rollingRestart:
      (): Fault =>
      async ({ topic }) => {
        for (const victim of [...cluster.brokers, ...cluster.others]) {
          await victim.restart()
          await cluster.healed([topic, '__consumer_offsets'])
        }
        return { text: 'rolling restart of brokers and etcd' }
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

/** Whose leader has moved, but for those that were given back to their preferred replica. */
function movedSince(before: ReadonlyMap<string, PartitionImage>, now: ReadonlyMap<string, PartitionImage>): string[] {
  return [...before].flatMap(([key, was]) => {
    const is = now.get(key)
    if (!is || is.leaderEpoch === was.leaderEpoch) return []
    const wasGivenBack = was.leader !== is.replicas[0] && is.leader === is.replicas[0]
    if (wasGivenBack && is.leaderEpoch === was.leaderEpoch + 1) return []
    return [`${key} went from ${was.leader} in epoch ${was.leaderEpoch} to ${is.leader} in epoch ${is.leaderEpoch}`]
  })
}
