import { brokerOptions } from '../../src/config/options.ts'
import { mergeTexts } from '../../src/config/sources.ts'
import { openEmbeddedMetastore } from '../../src/metastore/embedded/embedded.ts'
import type { Metastore } from '../../src/metastore/metastore.ts'
import { type Logger, silent } from '../../src/std/log.ts'
import { OptionValues } from '../../src/std/option.ts'
import { below, type Random, SeededRandom } from '../../src/std/random.ts'
import { Coverage } from './coverage.ts'
import { Machine } from './machine.ts'
import { observe, observedLogger } from './observe.ts'
import { PartitionWatch } from './partition-watch.ts'
import { type Plan, planOf } from './plan.ts'
import { SimClock } from './world/clock.ts'
import { DiskLoad } from './world/disk.ts'
import { SimCoordination } from './world/metastore.ts'
import { SimNetwork } from './world/network.ts'

export const hostOf = (nodeId: number): string => `node-${nodeId}`

const options = {
  'broker.session.timeout.ms': '2000',
  'replica.lag.time.max.ms': '1500',
  'replica.fetch.wait.max.ms': '200',
  'replica.socket.timeout.ms': '1500',
  'offsets.topic.num.partitions': '1',
  'group.min.session.timeout.ms': '100',
  'leader.imbalance.check.interval.seconds': '1',
  'group.initial.rebalance.delay.ms': '100',
  'log.segment.bytes': '1048576',
  'naru.journal.file.bytes': '65536',
  'naru.journal.files': '3',
  'naru.memory.tail.bytes': '65536',
  'naru.unwritten.bytes.max': '262144'
}

/** No step of time is longer while a disk is at work. */
const stepMaxMs = 1
/** What comes due so close together happens in one step. */
const stepMinMs = 0.05

/** A whole cluster in this process on a simulated clock, network, disks and metastore: one seed decides everything. */
export class SimCluster {
  readonly plan: Plan
  readonly clock: SimClock
  /** Of what is decided while it runs: faults, their places and times. */
  readonly random: Random
  readonly network: SimNetwork
  readonly coordination: SimCoordination
  readonly coverage: Coverage
  readonly machines: Machine[]
  readonly logger: Logger
  /** What became of partitions, as the metastore has it. */
  readonly partitions: PartitionWatch
  readonly load = new DiskLoad()
  /** The machine whose disk may rot. */
  flipped: Machine | undefined
  /** No faults any more. */
  isPeace = false
  private ended = false

  static async open(seed: number, logger: Logger = silent, plan: Plan = planOf(seed)): Promise<SimCluster> {
    const clock = new SimClock()
    return new SimCluster(seed, plan, clock, await openEmbeddedMetastore({ clock, logger: silent }), logger)
  }

  private constructor(seed: number, plan: Plan, clock: SimClock, metastore: Metastore, logger: Logger) {
    this.plan = plan
    this.clock = clock
    this.logger = logger
    this.random = new SeededRandom(seed + 0x1_0000_0000)
    this.coverage = new Coverage()
    this.network = new SimNetwork(clock, this.fork())
    this.partitions = new PartitionWatch(this.coverage, metastore)
    observe({ coverage: this.coverage, partitions: this.partitions })
    this.coordination = new SimCoordination(metastore, clock, this.fork(), this.coverage, this.partitions)
    this.coordination.watchDelayMaxMs = plan.watchDelayMaxMs
    this.machines = Array.from({ length: plan.brokers }, (_, at) => new Machine(at + 1, this))
  }

  values(nodeId: number): OptionValues {
    const { brokers } = this.plan
    return new OptionValues(
      mergeTexts(brokerOptions, {
        ...options,
        'naru.cluster.brokers': String(brokers),
        'offsets.topic.replication.factor': String(Math.min(3, brokers)),
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

  loggerOf(nodeId: number): Logger {
    return observedLogger(this.logger, this.coverage, nodeId)
  }

  /** The controller, as a broker that serves knows it. */
  get controllerId(): number | undefined {
    return this.machines.find(({ node, metastore }) => node && !metastore?.silent)?.node?.broker.control.image
      .controllerId
  }

  get isOver(): boolean {
    return this.ended
  }

  /** Lets time pass, in small steps between which everything that can happen does. */
  async run(forMs: number, until: () => boolean = () => false): Promise<void> {
    const endMs = this.clock.monotonic() + forMs
    while (this.clock.monotonic() < endMs && !until()) {
      for (let turn = 0; turn < 3; turn++) await new Promise<void>(resolve => setImmediate(resolve))
      const nowMs = this.clock.monotonic()
      const dueMs = Math.min(this.clock.nextDueMs() ?? endMs, endMs) - nowMs
      this.clock.advance(Math.max(stepMinMs, this.load.underWay > 0 ? Math.min(dueMs, stepMaxMs) : dueMs))
    }
  }

  /** Lets time pass until something is done; rejects with what it rejects with, or when it takes longer than `forMs`. */
  async during<T>(work: Promise<T>, forMs = 5000): Promise<T> {
    let settled = false
    const done = () => {
      settled = true
    }
    work.then(done, done)
    await this.run(forMs, () => settled)
    if (!settled) throw new Error(`it takes longer than ${forMs} ms`)
    return work
  }

  /** Ends all lives, without ceremony. */
  close(): void {
    this.ended = true
    for (const machine of this.machines) machine.kill()
  }

  below(bound: number): number {
    return below(this.random, bound)
  }

  pick<T>(items: readonly T[]): T {
    return items[below(this.random, items.length)]
  }
}
