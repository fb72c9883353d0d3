import { mkdtempSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { freePorts } from '../../support/apache-kafka.ts'
import { type NaruCluster, startNaruCluster } from '../../support/naru-cluster.ts'
import { mountSmallDisk, type SmallDisk } from '../../support/small-disk.ts'
import { standStill } from '../../support/stand-still.ts'
import { type SteppedClock, steppedClock } from '../../support/stepped-clock.ts'
import type { Settings } from '../../support/target.ts'
import { healed } from './ask.ts'
import { Link } from './proxy.ts'

/** A process that faults are done to. */
export interface Victim {
  /** `broker 2`. */
  readonly name: string
  /** Of a broker. */
  readonly nodeId?: number
  /** kill -9, and what starts it again where nothing does by itself. Resolves when the process is gone. */
  kill(): Promise<void>
  /** SIGSTOP; until `resume`, SIGCONT. */
  pause(): void
  resume(): void
  /** An orderly end and a new start. Resolves when it serves again. */
  restart(): Promise<void>
  /** The same with the command of another build, for good; where each process can have its own. */
  replace?(command: string): Promise<void>
}

/** A cluster of real processes, however it is run. */
export interface FaultyCluster {
  /** `host:port` of each broker, which stay. */
  readonly bootstraps: readonly string[]
  readonly brokers: readonly Victim[]
  /** The ways by which clients and brokers reach each broker, where they may be cut. */
  readonly links: readonly Link[]
  /** Disks of brokers, where they may be filled. */
  readonly disks: readonly { readonly name: string; readonly disk: SmallDisk }[]
  /** Wall clocks of brokers, where they may be set. */
  readonly clocks: readonly { readonly name: string; readonly clock: SteppedClock }[]
  /** What the brokers need besides: a supervisor, nodes of a metastore. */
  readonly others: readonly Victim[]
  /** Resolves when every process runs and every replica of the topics is in sync. */
  healed(topics: readonly string[]): Promise<void>
  /** The newest log lines. */
  output(): string
  remove(): Promise<void>
}

export interface SupervisedOptions {
  /** Options of the brokers, by Kafka's names. */
  readonly settings?: Settings
  /** Whether clients and brokers go through links. */
  readonly links?: boolean
  /** Gives one broker a small disk of its own; it takes root. */
  readonly smallDisk?: { readonly broker: number; readonly megabytes: number }
  /** Whether their clock may be set. */
  readonly clocks?: boolean
  /** A file for the log lines of all. */
  readonly logFile?: string
}

const ids = [1, 2, 3]
/** A paused broker is given up soon, and one that is slow, so that runs are short. The small disk has room for the journal. */
export const quick: Settings = {
  'offsets.topic.num.partitions': '4',
  'group.initial.rebalance.delay.ms': '0',
  'broker.session.timeout.ms': '2000',
  'replica.lag.time.max.ms': '3000',
  'naru.journal.file.bytes': String(4 * 1024 * 1024),
  'naru.journal.files': '2'
}

/** Three brokers of `naru start --brokers`, whose supervisor starts them again by itself. */
export async function superviseThree(options: SupervisedOptions = {}): Promise<FaultyCluster> {
  const dataDir = mkdtempSync(join(tmpdir(), 'naru-faults-'))
  const disks: { name: string; disk: SmallDisk }[] = []
  if (options.smallDisk) {
    const { broker, megabytes } = options.smallDisk
    const disk = mountSmallDisk('ext4', megabytes)
    disks.push({ name: `disk of broker ${broker}`, disk })
    symlinkSync(disk.path, join(dataDir, `broker-${broker}`))
  }
  const first = await freePorts(2 * ids.length)
  const links = options.links
    ? ids.map((id, index) => new Link(`link to broker ${id}`, first + ids.length + index, first + index))
    : []
  for (const link of links) await link.open()
  const args = options.links ? ['--advertised-port', String(first + ids.length)] : []
  const settings = { ...quick, ...options.settings }
  const clocks = options.clocks ? [{ name: 'all brokers', clock: steppedClock(dataDir, 'machine') }] : []
  const cluster = await startNaruCluster({
    brokers: ids.length,
    dataDir,
    port: first,
    args,
    settings,
    env: clocks[0]?.clock.env,
    logFile: options.logFile
  })
  return {
    ...processesOf(cluster),
    links,
    disks,
    clocks,
    async remove() {
      await cluster.remove()
      for (const link of links) await link.close()
      for (const { disk } of disks) disk.remove()
      rmSync(dataDir, { recursive: true, force: true })
    }
  }
}

function processesOf(cluster: NaruCluster): Omit<FaultyCluster, 'links' | 'disks' | 'clocks' | 'remove'> {
  const bootstraps = cluster.ready.bootstrap.split(',')
  const signal = (nodeId: number, name: NodeJS.Signals) => {
    try {
      process.kill(cluster.broker(nodeId).pid, name)
    } catch {
      // It has just ended.
    }
  }
  const brokers = ids.map(
    (nodeId): Victim => ({
      name: `broker ${nodeId}`,
      nodeId,
      async kill() {
        const { pid } = cluster.broker(nodeId)
        signal(nodeId, 'SIGKILL')
        await ended(pid)
      },
      pause: () => standStill(cluster.broker(nodeId).pid),
      resume: () => signal(nodeId, 'SIGCONT'),
      async restart() {
        const again = cluster.nextRun(nodeId)
        signal(nodeId, 'SIGTERM')
        await again
      }
    })
  )
  const supervisor: Victim = {
    name: 'supervisor',
    async kill() {
      await cluster.end('SIGKILL')
      await cluster.restart()
    },
    pause: () => standStill(cluster.supervisorPid),
    resume: () => void process.kill(cluster.supervisorPid, 'SIGCONT'),
    async restart() {
      await cluster.end('SIGTERM')
      await cluster.restart()
    }
  }
  return {
    bootstraps,
    brokers,
    others: [supervisor],
    healed: topics => healed(bootstraps, topics),
    output: () => cluster.output()
  }
}

async function ended(pid: number): Promise<void> {
  for (let attempt = 0; attempt < 1000; attempt++) {
    try {
      process.kill(pid, 0)
    } catch {
      return
    }
    await sleep(2)
  }
  throw new Error(`process ${pid} does not end`)
}
