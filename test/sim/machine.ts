import { SimulatedDisk } from '../../src/disk/simulated.ts'
import { type Node, openNode } from '../../src/run/node.ts'
import type { Clock } from '../../src/std/clock.ts'
import { messageOf } from '../../src/std/errors.ts'
import { Metrics } from '../../src/std/metrics.ts'
import { below, type Random } from '../../src/std/random.ts'
import { hostOf, type SimCluster } from './cluster.ts'
import { clockOf, MachineTime } from './world/clock.ts'
import { diskOf } from './world/disk.ts'
import { Life } from './world/life.ts'
import { SimMetastore } from './world/metastore.ts'

/** One machine with its broker through all its lives. */
export class Machine {
  readonly nodeId: number
  readonly host: string
  readonly time: MachineTime
  disk: SimulatedDisk
  /** The process; undefined while there is none. */
  life: Life | undefined
  /** When the broker serves. */
  node: Node | undefined
  /** As the present process sees it. */
  metastore: SimMetastore | undefined
  /** How long its disk takes for a write at most. */
  diskMs = 1
  private readonly sim: SimCluster
  private readonly diskRandom: Random

  constructor(nodeId: number, sim: SimCluster) {
    this.nodeId = nodeId
    this.host = hostOf(nodeId)
    this.sim = sim
    this.time = new MachineTime(sim.clock)
    this.disk = new SimulatedDisk({ random: sim.fork() })
    this.diskRandom = sim.fork()
  }

  get isUp(): boolean {
    return this.node !== undefined
  }

  /** Whether it can't go on without a restart: its disk has failed it. */
  get isBroken(): boolean {
    return [...(this.node?.broker.partitions.all() ?? [])].some(({ failure }) => failure !== undefined)
  }

  /** Starts the broker, in a new life; the machine has power. */
  start(): void {
    const { sim, host, nodeId } = this
    const life = new Life()
    this.life = life
    sim.network.lighten(host)
    const clock = clockOf(sim.clock, this.time, life)
    const metastore = new SimMetastore(sim.coordination, life)
    this.metastore = metastore
    openNode(sim.values(nodeId), {
      clock,
      random: sim.fork(),
      logger: sim.loggerOf(nodeId),
      metrics: new Metrics(),
      disk: diskOf(this.disk, life, sim.load, () => this.diskDelay(sim.clock)),
      folder: '/data',
      connect: to => sim.network.connect(host, to, life),
      listen: async (listening, serve) => {
        if (life.dead) return new Promise(() => {})
        return sim.network.listen(host, life, listening, serve)
      },
      open: { files: 64, connections: 1000 },
      metastore
    }).then(
      node => {
        if (!life.dead) this.node = node
      },
      error => {
        if (life.dead || sim.isOver) return
        sim.logger.warn({ nodeId, error: messageOf(error) }, 'a simulated broker did not start')
        sim.coverage.count('start failed')
        this.kill()
      }
    )
  }

  /** The process is gone; what it had written is in the page cache. */
  kill(): void {
    this.end()
    this.sim.network.unplug(this.host)
    this.disk = this.disk.afterKill()
  }

  /** The machine has no power: what was not synced may be gone, and nobody hears from it. */
  losePower(): void {
    this.sim.coverage.count('power lost')
    this.sim.partitions.powerLost(this.nodeId)
    this.end()
    this.sim.network.darken(this.host)
    this.disk = this.disk.afterCrash()
  }

  /** Clean stop, the hand-over included. */
  async stop(): Promise<void> {
    const { node, life } = this
    if (!node) return
    this.node = undefined
    await node.close()
    // Power may be lost in the meantime.
    if (this.life !== life || !life || life.dead) return
    this.kill()
  }

  private end(): void {
    this.life?.end()
    this.life = undefined
    this.node = undefined
    this.metastore = undefined
  }

  private diskDelay(clock: Clock): Promise<void> {
    const ms = (below(this.diskRandom, 1000) / 1000) * this.diskMs
    return new Promise(resolve => clock.after(ms, resolve))
  }
}
