import { committedOffsets } from '../../../src/client/admin-groups.ts'
import type { Cluster } from '../../../src/client/cluster.ts'
import { GroupMember } from '../../../src/client/group.ts'
import { sleep } from '../../../src/std/clock.ts'
import { codeOf } from '../../../src/std/errors.ts'
import { below, chance, type Random } from '../../../src/std/random.ts'
import { Anomalies } from '../anomaly.ts'
import { CommitHistory, type PartitionHistory } from './history.ts'
import { Reader } from './reader.ts'

/** What a group was told, by partition. */
export class GroupHistory {
  readonly groupId: string
  readonly mayLose: () => boolean
  readonly anomalies = new Anomalies()
  commits = 0
  private readonly byPartition = new Map<PartitionHistory, CommitHistory>()

  /** `mayLose`: whether what the log of offsets had may be gone, as the rules allow. */
  constructor(groupId: string, mayLose: () => boolean) {
    this.groupId = groupId
    this.mayLose = mayLose
  }

  of(partition: PartitionHistory): CommitHistory {
    let history = this.byPartition.get(partition)
    if (!history) {
      history = new CommitHistory()
      this.byPartition.set(partition, history)
    }
    return history
  }

  partitions(): Iterable<[PartitionHistory, CommitHistory]> {
    return this.byPartition
  }

  /** What is committed, as the coordinator says; -1: nothing. `floor` is what had been told when it was asked. */
  told(partition: PartitionHistory, offset: number, floor: number): void {
    const history = this.of(partition)
    const wrong = (what: string) => this.anomalies.add('offsets', `${partition.name}: committed is ${offset}, ${what}`)
    if (offset < floor && !this.mayLose()) wrong(`after ${floor} had been told`)
    if (offset > history.asked) wrong(`and nobody committed more than ${history.asked}`)
    history.floor = Math.max(history.floor, offset)
  }
}

const groupOptions = { sessionTimeoutMs: 1500, rebalanceTimeoutMs: 2000, heartbeatIntervalMs: 300 }

/** A member of a consumer group, through several lives: it reads what it is assigned, commits, and leaves or dies. */
export class SimMember {
  private readonly group: GroupHistory
  private readonly partitions: readonly PartitionHistory[]
  private readonly connect: () => Cluster
  private readonly random: Random
  private readonly stopped: () => boolean

  constructor(
    group: GroupHistory,
    partitions: readonly PartitionHistory[],
    world: { connect: () => Cluster; random: Random; stopped: () => boolean }
  ) {
    this.group = group
    this.partitions = partitions
    this.connect = world.connect
    this.random = world.random
    this.stopped = world.stopped
  }

  async run(): Promise<void> {
    while (!this.stopped()) {
      const cluster = this.connect()
      const topics = [...new Set(this.partitions.map(({ topic }) => topic.name))]
      const member = new GroupMember(cluster, topics, { groupId: this.group.groupId, ...groupOptions })
      await this.live(cluster, member)
      // Who dies says nothing; the group notices.
      if (chance(this.random, 0.5)) cluster.close()
      await Promise.race([member.leave().catch(() => {}), sleep(cluster.clock, 1000)])
      cluster.close()
    }
  }

  private async live(cluster: Cluster, member: GroupMember): Promise<void> {
    let rounds = 30 + below(this.random, 100)
    while (!this.stopped() && rounds > 0)
      try {
        let moved = false
        member.onRebalance = () => {
          moved = true
        }
        const readers = await this.join(cluster, member)
        while (!moved && !this.stopped() && rounds-- > 0) await this.round(cluster, member, readers)
      } catch (error) {
        rounds--
        cluster.doubt(codeOf(error))
        await sleep(cluster.clock, 30)
      }
  }

  /** Joins and goes on where the group stands. */
  private async join(cluster: Cluster, member: GroupMember): Promise<Map<PartitionHistory, Reader>> {
    const assignment = await member.join()
    const mine = this.partitions.filter(({ topic, index }) =>
      assignment.some(assigned => assigned.topic === topic.name && assigned.partitions.includes(index))
    )
    const { groupId } = this.group
    const offsets = await cluster.retrying(async () => {
      const floors = mine.map(partition => this.group.of(partition).floor)
      const found = await committedOffsets(cluster, groupId, assignment)
      return mine.map((partition, at) => {
        const { topic, index } = partition
        const offset = found.find(one => one.topic === topic.name && one.partition === index)?.offset ?? -1
        this.group.told(partition, offset, floors[at])
        return offset
      })
    })
    return new Map(
      mine.map((partition, at) => {
        const reader = new Reader(partition, cluster)
        reader.offset = Math.max(0, offsets[at])
        return [partition, reader] as const
      })
    )
  }

  private async round(
    cluster: Cluster,
    member: GroupMember,
    readers: ReadonlyMap<PartitionHistory, Reader>
  ): Promise<void> {
    if (readers.size === 0) await sleep(cluster.clock, 100)
    for (const [partition, reader] of readers) {
      const before = reader.offset
      await reader.fetch()
      if (reader.offset <= before || !chance(this.random, 0.5)) continue
      const history = this.group.of(partition)
      const { offset } = reader
      history.asked = Math.max(history.asked, offset)
      const { floor } = history
      await member.commit([{ topic: partition.topic.name, partition: partition.index, offset }])
      this.group.commits++
      if (offset < floor && !this.group.mayLose())
        this.group.anomalies.add('offsets', `${partition.name}: ${offset} was committed after ${floor}`)
      history.floor = Math.max(history.floor, offset)
    }
    await sleep(cluster.clock, 10 + below(this.random, 30))
  }
}
