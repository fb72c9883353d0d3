import { brokerOptions } from '../../src/config/options.ts'
import { mergeTexts } from '../../src/config/sources.ts'
import { SimulatedDisk } from '../../src/disk/simulated.ts'
import { openEmbeddedMetastore } from '../../src/metastore/embedded/embedded.ts'
import type { Metastore } from '../../src/metastore/metastore.ts'
import { type Node, openNode } from '../../src/run/node.ts'
import { ManualClock } from '../../src/std/clock.ts'
import { type Logger, silent } from '../../src/std/log.ts'
import { Metrics } from '../../src/std/metrics.ts'
import { OptionValues } from '../../src/std/option.ts'
import { below, type Random, SeededRandom } from '../../src/std/random.ts'
import { clockOf, Life, SimMetastore } from './life.ts'
import { SimNetwork } from './network.ts'
import { slowDisk } from './slow-disk.ts'

/** One broker of the cluster through all its lives. */
interface Machine {
  readonly nodeId: number
  disk: SimulatedDisk
  life: Life | undefined
  /** While it starts, a promise; undefined when the start failed or it is down. */
  node: Node | undefined
  starting: Promise<void> | undefined
  /** How long its disk takes for a write at most. */
  diskMs: number
  /** As its present life sees it. */
  metastore: SimMetastore | undefined
}

export const hostOf = (nodeId: number): string => `node-${nodeId}`

const options = {
  'broker.session.timeout.ms': '2000',
  'replica.lag.time.max.ms': '1500',
  'replica.fetch.wait.max.ms': '200',
  'replica.socket.timeout.ms': '1500',
  'offsets.topic.num.partitions': '1',
  'log.segment.bytes': '1048576',
  'naru.journal.file.bytes': '65536',
  'naru.journal.files': '3',
  'naru.memory.tail.bytes': '65536',
  'naru.unwritten.bytes.max': '262144'
}

/** A whole cluster in this process on a simulated clock, network and disks: one seed decides everything. */
export class SimCluster {
  readonly clock = new ManualClock()
  readonly random: Random
  readonly minInsyncReplicas: number
  readonly network: SimNetwork
  readonly machines: Machine[]
  /** Of lives that begin from now on. */
  metastoreLoss = 0
  private readonly metastore: Metastore
  private readonly logger: Logger
  private readonly values: (nodeId: number) => OptionValues
  private readonly diskRandom: Random
  private ended = false

  static async open(seed: number, count = 3, logger: Logger = silent): Promise<SimCluster> {
    const clock = new ManualClock()
    const metastore = await openEmbeddedMetastore({ clock, logger: silent })
    return new SimCluster(seed, count, clock, metastore, logger)
  }

  private constructor(seed: number, count: number, clock: ManualClock, metastore: Metastore, logger: Logger) {
    this.clock = clock
    this.metastore = metastore
    this.logger = logger
    this.random = new SeededRandom(seed)
    this.minInsyncReplicas = 1 + below(this.random, 2)
    this.network = new SimNetwork(clock, this.fork())
    this.diskRandom = this.fork()
    this.machines = Array.from({ length: count }, (_, at) => ({
      nodeId: at + 1,
      disk: new SimulatedDisk({ random: this.fork() }),
      life: undefined,
      node: undefined,
      starting: undefined,
      diskMs: 1,
      metastore: undefined
    }))
    this.values = nodeId =>
      new OptionValues(
        mergeTexts(brokerOptions, {
          ...options,
          'naru.cluster.brokers': String(count),
          'min.insync.replicas': String(this.minInsyncReplicas),
          'node.id': String(nodeId),
          host: hostOf(nodeId),
          port: '9092'
        })
      )
  }

  /** A randomness of its own, so that what one part draws doesn't change what others do. */
  fork(): Random {
    return new SeededRandom(this.random.uint32())
  }

  /** Starts a machine's broker, in a new life. */
  start(machine: Machine): Promise<void> {
    const life = new Life()
    machine.life = life
    const clock = clockOf(this.clock, life)
    const metastore = new SimMetastore(this.metastore, life, clock, this.fork())
    metastore.lossProbability = this.metastoreLoss
    machine.metastore = metastore
    const host = hostOf(machine.nodeId)
    machine.starting = openNode(this.values(machine.nodeId), {
      clock,
      random: this.fork(),
      logger: this.logger,
      metrics: new Metrics(),
      disk: slowDisk(machine.disk, () => new Promise(resolve => clock.after(this.diskDelayMs(machine), resolve))),
      folder: '/data',
      connect: to => (life.dead ? new Promise(() => {}) : this.network.connect(host, to)),
      listen: async (listening, serve) => {
        if (life.dead) return new Promise(() => {})
        return this.network.listen(host, listening, serve)
      },
      open: { files: 64, connections: 1000 },
      metastore
    }).then(
      node => {
        if (!life.dead) machine.node = node
      },
      error => {
        if (life.dead || this.ended) return
        this.logger.warn({ nodeId: machine.nodeId, err: error }, 'a simulated broker did not start')
        this.kill(machine)
      }
    )
    return machine.starting
  }

  /** Power loss: what was not synced may be gone. */
  kill(machine: Machine): void {
    machine.life?.end()
    machine.life = undefined
    machine.node = undefined
    this.network.unplug(hostOf(machine.nodeId))
    machine.disk = machine.disk.afterCrash()
  }

  private diskDelayMs({ diskMs }: Machine): number {
    return (below(this.diskRandom, 1000) / 1000) * diskMs
  }

  isUp(machine: Machine): boolean {
    return machine.node !== undefined
  }

  /** Clean stop, the hand-over included. */
  async stop(machine: Machine): Promise<void> {
    const { node, life } = machine
    machine.node = undefined
    await node?.close()
    // The next life may have begun, or power may be lost, in the meantime.
    if (machine.life !== life) return
    life?.end()
    machine.life = undefined
  }

  /** Lets time pass, in small steps between which everything that can happen does. */
  async run(untilMs: number, until: () => boolean = () => false): Promise<void> {
    const endMs = this.clock.monotonic() + untilMs
    while (this.clock.monotonic() < endMs && !until()) {
      for (let turn = 0; turn < 3; turn++) await new Promise<void>(resolve => setImmediate(resolve))
      const nowMs = this.clock.monotonic()
      const nextMs = this.clock.nextDueMs() ?? nowMs + 1
      this.clock.advance(Math.min(Math.max(0.05, nextMs - nowMs), 1))
    }
  }

  /** Ends all lives, without ceremony. */
  close(): void {
    this.ended = true
    for (const machine of this.machines) {
      machine.life?.end()
      this.network.unplug(hostOf(machine.nodeId))
    }
  }

  pick<T>(items: readonly T[]): T {
    return items[below(this.random, items.length)]
  }
}
