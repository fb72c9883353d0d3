import assert from 'node:assert/strict'
import { Fetcher } from '../../src/broker/fetch.ts'
import type { FetchItem } from '../../src/broker/fetch-session.ts'
import type { FetchRequest } from '../../src/broker/fetch-types.ts'
import type { Partitions } from '../../src/broker/partitions.ts'
import { Roles } from '../../src/broker/roles.ts'
import { Metadata } from '../../src/control/metadata.ts'
import type { PartitionImage } from '../../src/control/types.ts'
import { SimulatedDisk } from '../../src/disk/simulated.ts'
import { SimulatedFile } from '../../src/disk/simulated-file.ts'
import type { Compare, Operation } from '../../src/metastore/metastore.ts'
import { FollowerRole } from '../../src/partition/follower.ts'
import { LeaderRole } from '../../src/partition/leader.ts'
import { Partition } from '../../src/partition/partition.ts'
import * as header from '../../src/record/header.ts'
import type { Following } from '../../src/replication/following.ts'
import { PartitionIsrKeeper } from '../../src/replication/isr-keeper.ts'
import { Lane } from '../../src/replication/lane.ts'
import { FollowerSession } from '../../src/replication/session.ts'
import type { AnomalyKind } from './anomaly.ts'
import { harshPlanOf, latePlanOf, type Plan } from './plan.ts'

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
    seed: 66,
    took: 66,
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
    seed: 27,
    took: 27,
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
  },
  {
    /*
     * As Kafka was before KIP-320 and KIP-595: a follower tells the epoch of what it has when it begins to follow, and
     * from then on nobody asks who leads in which epoch. Any one of these fences that is left holds alone: all of them go.
     */
    name: 'a stale leader that is accepted, and followers that follow it',
    seed: 47,
    took: 47,
    causes: ['lost', 'diverged'],
    planOf: latePlanOf,
    plant(bed) {
      // A leader takes fetches that are meant for another epoch.
      const { fetch } = Fetcher.prototype
      bed.put(Fetcher.prototype, 'fetch', {
        value(this: { partitions: Partitions }, request: FetchRequest, onClose: Parameters<typeof fetch>[1]) {
          const inEpoch = (item: FetchItem): FetchItem => {
            const partition = this.partitions.lookUpHosted({ ...item, currentLeaderEpoch: -1 })
            return typeof partition === 'string' ? item : { ...item, currentLeaderEpoch: partition.leaderEpoch }
          }
          const items = request.replica ? request.items.map(inEpoch) : request.items
          return fetch.call(this as unknown as Fetcher, { ...request, items }, onClose)
        }
      })
      // A follower says only once what its log ends with.
      const begun = new WeakSet<FollowerRole>()
      const { position, committed } = FollowerRole.prototype
      bed.put(FollowerRole.prototype, 'committed', {
        value(this: FollowerRole, highWatermark: number) {
          begun.add(this)
          committed.call(this, highWatermark)
        }
      })
      bed.put(FollowerRole.prototype, 'position', {
        value(this: FollowerRole) {
          return begun.has(this) ? { ...position.call(this), lastEpoch: -1 } : position.call(this)
        }
      })
      // It takes what any leader has sent, also when it follows another one by now, and holds no epoch against its own.
      bed.put(FollowerRole.prototype, 'active', {
        get(this: { partition: Partition }) {
          return this.partition.follower !== undefined && !this.partition.settling
        }
      })
      bed.put(FollowerRole.prototype, 'append', {
        value(this: { active: boolean; partition: Partition }, batches: Buffer) {
          const { log } = this.partition
          let at = 0
          while (at < batches.length && header.lastOffset(batches, at) < log.endOffset)
            at += header.batchBytes(batches, at)
          const fresh = batches.subarray(at)
          if (!this.active || fresh.length === 0 || header.baseOffset(fresh, 0) !== log.endOffset) return
          log.append(fresh)
          this.partition.fetched(fresh)
        }
      })
      // What it waits for from a leader that it has left is not forgotten.
      const left = new WeakMap<FollowerSession, Map<string, Following>>()
      const { get, remove } = FollowerSession.prototype
      bed.put(FollowerSession.prototype, 'remove', {
        value(this: FollowerSession, following: Following) {
          const known = left.get(this) ?? new Map<string, Following>()
          left.set(this, known.set(following.key, following))
          remove.call(this, following)
        }
      })
      bed.put(FollowerSession.prototype, 'get', {
        value(this: FollowerSession, key: string) {
          return get.call(this, key) ?? left.get(this)?.get(key)
        }
      })
      bed.put(Lane.prototype, 'size', {
        get(this: { session: FollowerSession; resting: Map<unknown, unknown>; requests: unknown[] }) {
          return this.session.size + this.resting.size + this.requests.length
        }
      })
    }
  }
]
