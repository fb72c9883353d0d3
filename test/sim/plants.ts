import assert from 'node:assert/strict'
import { Roles } from '../../src/broker/roles.ts'
import { Metadata } from '../../src/control/metadata.ts'
import type { PartitionImage } from '../../src/control/types.ts'
import { SimulatedDisk } from '../../src/disk/simulated.ts'
import { SimulatedFile } from '../../src/disk/simulated-file.ts'
import type { Compare, Operation } from '../../src/metastore/metastore.ts'
import { FollowerRole } from '../../src/partition/follower.ts'
import { LeaderRole } from '../../src/partition/leader.ts'
import { Partition } from '../../src/partition/partition.ts'
import { PartitionIsrKeeper } from '../../src/replication/isr-keeper.ts'
import { Lane } from '../../src/replication/lane.ts'
import type { AnomalyKind } from './anomaly.ts'
import { harshPlanOf, type Plan } from './plan.ts'

/** A bug that the simulator must find. */
export interface Plant {
  readonly name: string
  /** A seed that finds it, and how many seeds from 1 on it took to find the first. */
  readonly seed: number
  readonly took: number
  /** What it does to users; each run that catches it must show some of that. */
  readonly causes: readonly AnomalyKind[]
  readonly planOf: (seed: number) => Plan
  plant(bed: Bed): void
}

/** Puts other code into classes, and takes it out again. */
export class Bed {
  private readonly undo: (() => void)[] = []

  put<T extends object>(prototype: T, name: string, value: PropertyDescriptor): void {
    const before = Object.getOwnPropertyDescriptor(prototype, name)
    assert.ok(before, `${name} is there to be broken`)
    Object.defineProperty(prototype, name, { configurable: true, ...value })
    this.undo.push(() => Object.defineProperty(prototype, name, before))
  }

  clear(): void {
    for (const restore of this.undo.splice(0).reverse()) restore()
  }
}

/** The partition that a transaction puts, if it puts just one. */
function putOf(success: readonly Operation[]): PartitionImage | undefined {
  const [operation] = success
  if (success.length !== 1 || operation.type !== 'put' || !operation.key.startsWith('partitions/')) return undefined
  return JSON.parse(operation.value) as PartitionImage
}

type Change = (compare: readonly Compare[], success: readonly Operation[]) => Promise<unknown>

export const plants: readonly Plant[] = [
  {
    name: 'a high watermark that does not wait for all of the ISR',
    causes: ['lost'],
    planOf: harshPlanOf,
    seed: 6,
    took: 6,
    plant: bed =>
      bed.put(LeaderRole.prototype, 'committedEnd', {
        value(this: { log: { durableEndOffset: number } }, floor: number) {
          return Math.max(floor, this.log.durableEndOffset)
        }
      })
  },
  {
    name: 'a follower that acknowledges before its sync',
    causes: ['lost'],
    planOf: harshPlanOf,
    seed: 2,
    took: 2,
    plant(bed) {
      bed.put(FollowerRole.prototype, 'position', {
        value(this: { partition: Partition }) {
          const { log } = this.partition
          return { offset: log.endOffset, lastEpoch: log.latestEpoch?.epoch ?? -1 }
        }
      })
      bed.put(FollowerRole.prototype, 'settling', {
        get(this: { partition: Partition }) {
          return this.partition.settling
        }
      })
      bed.put(Lane.prototype, 'await', {
        value(this: { session: { put(following: unknown): void }; notify(): void }, following: unknown) {
          this.session.put(following)
          this.notify()
        }
      })
    }
  },
  {
    // As Kafka did before KIP-101: a follower keeps its high watermark, on disk too, and cuts its log there.
    name: 'a follower that cuts its log by its high watermark, and not by epochs',
    causes: ['lost', 'diverged'],
    planOf: harshPlanOf,
    seed: 7,
    took: 7,
    plant(bed) {
      const nodeOf = new WeakMap<Partition, number>()
      const kept = new Map<string, number>()
      const keyOf = (partition: Partition) => `${nodeOf.get(partition)}/${partition.topicId}/${partition.index}`
      const { assign } = Roles.prototype
      bed.put(Roles.prototype, 'assign', {
        value(this: { control: { nodeId: number } }, partition: Partition) {
          nodeOf.set(partition, this.control.nodeId)
          return assign.call(this as unknown as Roles, partition)
        }
      })
      const { follow, committedTo, commit } = Partition.prototype
      const keep = (partition: Partition) => void kept.set(keyOf(partition), partition.highWatermark)
      bed.put(Partition.prototype, 'committedTo', {
        value(this: Partition, highWatermark: number) {
          committedTo.call(this, highWatermark)
          keep(this)
        }
      })
      bed.put(Partition.prototype, 'commit', {
        value(this: Partition) {
          commit.call(this)
          if (this.leader) keep(this)
        }
      })
      bed.put(Partition.prototype, 'follow', {
        value(this: Partition, epoch: number) {
          const end = Math.max(this.startOffset, kept.get(keyOf(this)) ?? 0)
          const role = follow.call(this, epoch)
          if (end < this.endOffset) this.recut(() => this.log.truncate(end)).catch(() => {})
          return role
        }
      })
      const { position } = FollowerRole.prototype
      bed.put(FollowerRole.prototype, 'position', {
        value(this: FollowerRole) {
          return { ...position.call(this), lastEpoch: -1 }
        }
      })
    }
  },
  {
    name: 'a broker that does not sync',
    causes: ['lost'],
    planOf: harshPlanOf,
    seed: 2,
    took: 2,
    plant(bed) {
      const { open } = SimulatedDisk.prototype
      bed.put(SimulatedDisk.prototype, 'open', {
        value(this: SimulatedDisk, path: string, options: Parameters<typeof open>[1]) {
          return open.call(this, path, { ...options, durable: false })
        }
      })
      bed.put(SimulatedFile.prototype, 'sync', { value: async () => {} })
    }
  },
  {
    name: 'a leader that changes its ISR without asking',
    causes: ['lost'],
    planOf: harshPlanOf,
    seed: 5,
    took: 5,
    plant: bed =>
      bed.put(PartitionIsrKeeper.prototype, 'change', {
        async value(this: { partition: Partition }, leader: LeaderRole, isr: readonly number[]) {
          leader.isr = isr
          this.partition.commit()
        }
      })
  },
  {
    name: 'an ISR change that holds whatever the partition has become',
    // It brings back a leader, and a set in sync, that are no more: who is elected next may lack what was committed since.
    causes: ['policy', 'lost', 'diverged'],
    planOf: harshPlanOf,
    seed: 7,
    took: 7,
    plant(bed) {
      const change = Metadata.prototype.change as Change
      bed.put(Metadata.prototype, 'change', {
        value(this: Metadata, compare: readonly Compare[], success: readonly Operation[]) {
          const put = putOf(success)
          const now =
            put && this.image.topicById(success[0].key.split('/')[1])?.partitions[Number(success[0].key.split('/')[2])]
          const isIsrChange = now && now.leaderEpoch === put.leaderEpoch
          return change.call(this, isIsrChange ? [] : compare, success)
        }
      })
    }
  },
  {
    name: 'a leader epoch that stays when a leader restarts',
    causes: ['diverged', 'lost'],
    planOf: harshPlanOf,
    seed: 16,
    took: 16,
    plant(bed) {
      const change = Metadata.prototype.change as Change
      bed.put(Metadata.prototype, 'change', {
        value(this: Metadata, compare: readonly Compare[], success: readonly Operation[]) {
          const kept = success.map((operation): Operation => {
            if (operation.type !== 'put' || !operation.key.startsWith('partitions/')) return operation
            const [, topicId, index] = operation.key.split('/')
            const now = this.image.topicById(topicId)?.partitions[Number(index)]
            const put = JSON.parse(operation.value) as PartitionImage
            if (now?.leader !== put.leader) return operation
            return { ...operation, value: JSON.stringify({ ...put, leaderEpoch: now.leaderEpoch }) }
          })
          return change.call(this, compare, kept)
        }
      })
      // The assertion that would tell at once.
      const { lead } = Partition.prototype
      bed.put(Partition.prototype, 'lead', {
        value(this: Partition, ...args: Parameters<typeof lead>) {
          this.leaderEpoch = Math.min(this.leaderEpoch, args[1].epoch - 1)
          return lead.apply(this, args)
        }
      })
    }
  }
]
