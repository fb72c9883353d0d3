import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { PartitionImage } from '../../../src/control/types.ts'
import { freePort } from '../../support/apache-kafka.ts'
import { type EtcdNode, type EtcdTest, startEtcd } from '../../support/etcd.ts'
import { type RunningBroker, startNaru } from '../../support/naru.ts'
import { standStill } from '../../support/stand-still.ts'
import { type SteppedClock, steppedClock } from '../../support/stepped-clock.ts'
import { environmentOf, type Settings } from '../../support/target.ts'
import { healed } from '../cluster/ask.ts'
import { Link, type LinkMode } from '../cluster/proxy.ts'
import { type FaultyCluster, quick, type Victim } from '../cluster/victims.ts'

export interface InEtcdOptions {
  readonly settings?: Settings
  readonly etcdNodes?: number
  /** Whether clients and brokers reach brokers through links, which may be cut; etcd is reached all the same. */
  readonly links?: boolean
  /** The command of the build that the brokers start with; this one's when absent. */
  readonly command?: string
  /** Whether the clock of each broker may be set. */
  readonly clocks?: boolean
  /** Flags of etcd. */
  readonly etcdArgs?: readonly string[]
  /** A file for the log lines of all brokers. */
  readonly logFile?: string
}

/** Three brokers that know one another by an etcd alone. */
export interface ClusterInEtcd extends FaultyCluster {
  readonly etcd: EtcdTest
  readonly naru: readonly RunningBroker[]
  /** The ways by which each broker reaches etcd: its links to all nodes. */
  readonly etcdLinks: readonly { readonly broker: Victim; set(mode: LinkMode): Promise<void> }[]
  readonly sessionTimeoutMs: number
  /** How each partition stands in etcd, by its key. */
  partitions(): Promise<Map<string, PartitionImage>>
}

const ids = [1, 2, 3]
const prefix = 'naru/'

export async function threeInEtcd(options: InEtcdOptions = {}): Promise<ClusterInEtcd> {
  const settings: Settings = { ...quick, 'default.replication.factor': '3', ...options.settings }
  const folder = mkdtempSync(join(tmpdir(), 'naru-cluster-etcd-'))
  const etcd = await startEtcd({ nodes: options.etcdNodes, args: options.etcdArgs })
  const links: Link[][] = []
  const brokerLinks: Link[] = []
  const naru: RunningBroker[] = []
  const clocks: { name: string; clock: SteppedClock }[] = []
  try {
    for (const id of ids) {
      const own: Link[] = []
      for (const { name, port } of etcd.nodes) {
        const link = new Link(`link of broker ${id} to ${name}`, await freePort(), port)
        await link.open()
        own.push(link)
      }
      links.push(own)
      const endpoints = own.map(({ port }) => `http://localhost:${port}`).join(',')
      const port = await freePort()
      const args = ['--node-id', String(id), '--etcd', endpoints]
      if (options.links) {
        const link = new Link(`link to broker ${id}`, await freePort(), port)
        await link.open()
        brokerLinks.push(link)
        args.push('--advertised-port', String(link.port))
      }
      if (options.clocks) clocks.push({ name: `broker ${id}`, clock: steppedClock(folder, `broker-${id}`) })
      naru.push(
        await startNaru({
          args,
          env: { ...environmentOf(settings), ...clocks[naru.length]?.clock.env },
          port,
          dataDir: join(folder, `broker-${id}`),
          logFile: options.logFile,
          command: options.command
        })
      )
    }
  } catch (error) {
    await remove()
    throw error
  }
  const starting = new Set<Promise<void>>()
  const brokers = naru.map((broker, index) => victimOf(ids[index], broker, starting))
  const bootstraps = naru.map(({ bootstrap }) => bootstrap)

  async function remove(): Promise<void> {
    await Promise.all([...(starting ?? [])])
    for (const own of links) for (const link of own) await link.open()
    for (const broker of naru) await broker.remove()
    for (const link of [...links.flat(), ...brokerLinks]) await link.close()
    await etcd.remove()
    rmSync(folder, { recursive: true, force: true })
  }
  return {
    etcd,
    sessionTimeoutMs: Number(settings['broker.session.timeout.ms']),
    naru,
    bootstraps,
    brokers,
    links: brokerLinks,
    disks: [],
    clocks,
    others: etcd.nodes.map(etcdVictim),
    etcdLinks: brokers.map((broker, index) => ({
      broker,
      set: async mode => void (await Promise.all(links[index].map(link => link.set(mode))))
    })),
    async healed(topics) {
      await Promise.all([...starting])
      await healed(bootstraps, topics)
    },
    async partitions() {
      const text = await etcd.ctl(['get', `${prefix}partitions/`, '--prefix'])
      const lines = text.split('\n').filter(line => line !== '')
      const found = new Map<string, PartitionImage>()
      for (let at = 0; at < lines.length; at += 2) found.set(lines[at], JSON.parse(lines[at + 1]) as PartitionImage)
      return found
    },
    output: () => naru.map(({ output }) => output()).join('\n'),
    remove
  }
}

/** Nothing starts it again by itself: the test does, as a service manager would. */
function victimOf(nodeId: number, broker: RunningBroker, starting: Set<Promise<void>>): Victim {
  const start = (command?: string) => {
    const again = broker.restart(command).finally(() => starting.delete(again))
    starting.add(again)
    return again
  }
  return {
    name: `broker ${nodeId}`,
    nodeId,
    async kill() {
      await broker.kill9()
      start().catch(() => {})
    },
    pause: () => standStill(broker.pid),
    resume: () => void process.kill(broker.pid, 'SIGCONT'),
    async restart() {
      await broker.stop()
      await start()
    },
    async replace(command) {
      await broker.stop()
      await start(command)
    }
  }
}

function etcdVictim(node: EtcdNode): Victim {
  return {
    name: `etcd ${node.name}`,
    async kill() {
      await node.kill9()
      await node.start()
    },
    pause: () => node.pause(),
    resume: () => node.resume(),
    async restart() {
      await node.stop()
      await node.start()
    }
  }
}
