import { offsetsTopic } from '../../../src/broker/broker.ts'
import { Cluster } from '../../../src/client/cluster.ts'
import { keys } from '../../../src/control/keys.ts'
import { sleep } from '../../../src/std/clock.ts'
import { codeOf } from '../../../src/std/errors.ts'
import { below, chance } from '../../../src/std/random.ts'
import { hostOf, type SimCluster } from '../cluster.ts'
import type { TopicPlan } from '../plan.ts'
import { administer, TopicMaker } from './admin.ts'
import { PartitionHistory } from './history.ts'
import { GroupHistory, SimMember } from './member.ts'
import { lookOn } from './onlooker.ts'
import { type ProducerPlan, SimProducer } from './producer.ts'
import { Reader } from './reader.ts'

/** All clients of one run, with what they have seen. */
export class SimClients {
  readonly partitions: PartitionHistory[]
  readonly group: GroupHistory
  readonly topics: TopicMaker
  private readonly sim: SimCluster
  private readonly clusters = new Set<Cluster>()
  private readonly running: Promise<void>[] = []
  private isStopped = false

  constructor(sim: SimCluster) {
    this.sim = sim
    this.group = new GroupHistory('group', () => sim.partitions.mayLose(offsetsTopic, 0))
    this.partitions = sim.plan.topics.flatMap(topic =>
      Array.from({ length: topic.partitions }, (_, index) => new PartitionHistory(topic, index, sim.partitions))
    )
    const idOf = async (name: string) => (await sim.coordination.store.get(keys.name(name))).item?.value
    this.topics = new TopicMaker(sim.plan, idOf, this.world('topic-maker'))
  }

  start(): void {
    const { sim, partitions } = this
    for (const partition of partitions) {
      for (const plan of this.producersOf(partition)) {
        const producer = new SimProducer(partition, plan, this.world(plan.name))
        this.running.push(producer.run())
      }
      this.running.push(this.consume(partition))
    }
    // Offsets in a partition that may lose some mean nothing for sure.
    const sure = partitions.filter(({ topic }) => isSure(topic))
    if (sure.length > 0)
      for (let member = 0; member < sim.plan.members; member++) {
        const name = `member-${member}`
        const { random, stopped } = this.world(name)
        const world = { connect: () => this.connect(name), random, stopped }
        this.running.push(new SimMember(this.group, sure, world).run())
      }
    if (sure.length > 0 && sim.plan.members > 0) this.running.push(lookOn(this.group, sure, this.world('onlooker')))
    if (sim.plan.passingTopics) this.running.push(this.topics.run())
    if (sim.plan.deleteRecords || sim.plan.elections || sim.plan.moves)
      this.running.push(administer(sim.plan, partitions, this.world('admin')))
  }

  /** How far each part of the clients has come, to be compared: each must get on once faults have ended. */
  progress(): Map<string, number> {
    const progress = new Map<string, number>()
    for (const partition of this.partitions)
      for (const { name, acks, acknowledged } of partition.producers)
        if (acks !== 0) progress.set(`${name} is acknowledged`, acknowledged)
    if (this.sim.plan.members > 0 && this.partitions.some(({ topic }) => isSure(topic)))
      progress.set('the group commits', this.group.commits)
    if (this.sim.plan.passingTopics) progress.set('topics are made and deleted', this.topics.rounds)
    return progress
  }

  /** Resolves when what is under way has come to an end. */
  async stop(): Promise<void> {
    this.isStopped = true
    await Promise.all(this.running)
    for (const cluster of this.clusters) cluster.close()
  }

  connect(name: string): Cluster {
    const { sim } = this
    const cluster = new Cluster({
      bootstrap: sim.machines.map(({ nodeId }) => `${hostOf(nodeId)}:9092`),
      connect: host => sim.network.connect(name, host),
      clock: sim.clock,
      random: sim.fork(),
      requestTimeoutMs: 1500,
      retryBackoffMs: 20,
      retryTimeoutMs: 5000,
      metadataMaxAgeMs: 3000
    })
    this.clusters.add(cluster)
    return cluster
  }

  private world(name: string) {
    return { cluster: this.connect(name), random: this.sim.fork(), stopped: () => this.isStopped }
  }

  private producersOf(partition: PartitionHistory): ProducerPlan[] {
    const { random, plan } = this.sim
    const { recordsMax } = plan
    const plans: ProducerPlan[] = [
      { name: `idempotent-${partition.name}`, acks: -1, idempotent: true, inFlight: 1 + below(random, 5), recordsMax }
    ]
    for (const acks of [-1, 1, 0] as const)
      if (chance(random, acks === -1 ? 0.7 : 0.3))
        plans.push({ name: `acks${acks}-${partition.name}`, acks, idempotent: false, inFlight: 1, recordsMax })
    return plans
  }

  private async consume(partition: PartitionHistory): Promise<void> {
    const { cluster, random, stopped } = this.world(`consumer-${partition.name}`)
    const reader = new Reader(partition, cluster)
    while (!stopped())
      try {
        await reader.fetch()
        if (chance(random, 0.1)) await reader.askEnd()
        // Leaders change: what was read once must be read again.
        if (chance(random, 0.03)) await reader.seekToStart()
        await sleep(cluster.clock, below(random, 30))
      } catch (error) {
        cluster.doubt(codeOf(error))
        await sleep(cluster.clock, 20)
      }
  }
}

/** Whether nothing that was acknowledged to all may ever be gone. */
const isSure = ({ pageCache, unclean }: TopicPlan): boolean => !pageCache && !unclean
