import assert from 'node:assert/strict'
import { afterEach, describe, it } from 'node:test'
import { FollowerRole } from '../../src/partition/follower.ts'
import { LeaderRole } from '../../src/partition/leader.ts'
import { Partition } from '../../src/partition/partition.ts'
import { PartitionIsrKeeper } from '../../src/replication/isr-keeper.ts'
import { Lane } from '../../src/replication/lane.ts'
import { runSeed } from './scenario.ts'

/** More seeds than this without a fault: the simulator would not find such a bug. */
const seedsMax = 60

const undo: (() => void)[] = []

/** Puts a bug into the code until the test ends. */
function plant<T extends object>(prototype: T, name: string, value: PropertyDescriptor): void {
  const before = Object.getOwnPropertyDescriptor(prototype, name)
  assert.ok(before, `${name} is there to be broken`)
  Object.defineProperty(prototype, name, { configurable: true, ...value })
  undo.push(() => Object.defineProperty(prototype, name, before))
}

afterEach(() => {
  for (const restore of undo.splice(0)) restore()
})

async function caught(test: { diagnostic(message: string): void }, like: RegExp): Promise<void> {
  for (let seed = 1; seed <= seedsMax; seed++) {
    const { faults } = await runSeed(seed)
    const found = faults.find(fault => like.test(fault))
    if (found === undefined) continue
    test.diagnostic(`caught by seed ${seed}: ${found}`)
    return
  }
  assert.fail(`not caught by ${seedsMax} seeds`)
}

/** What was told to a client is gone, or replicas are no replicas. */
const loss = /where there is|differ|lost, doubled/

describe('the simulator catches', () => {
  it('a high watermark that does not wait for all of the ISR', async test => {
    plant(LeaderRole.prototype, 'committedEnd', {
      value(this: { log: { durableEndOffset: number } }, floor: number) {
        return Math.max(floor, this.log.durableEndOffset)
      }
    })
    await caught(test, loss)
  })

  it('a follower that acknowledges before its sync', async test => {
    plant(FollowerRole.prototype, 'position', {
      value(this: { partition: Partition }) {
        const { log } = this.partition
        return { offset: log.endOffset, lastEpoch: log.latestEpoch?.epoch ?? -1 }
      }
    })
    plant(Lane.prototype, 'await', {
      value(this: { session: { put(following: unknown): void }; notify(): void }, following: unknown) {
        this.session.put(following)
        this.notify()
      }
    })
    await caught(test, loss)
  })

  it('a follower that cuts its log by the high watermark, and not by epochs', async test => {
    const { follow } = Partition.prototype
    plant(Partition.prototype, 'follow', {
      value(this: Partition, epoch: number) {
        const role = follow.call(this, epoch)
        if (this.highWatermark < this.endOffset) this.recut(() => this.log.truncate(this.highWatermark)).catch(() => {})
        return role
      }
    })
    const { position } = FollowerRole.prototype
    plant(FollowerRole.prototype, 'position', {
      value(this: FollowerRole) {
        return { ...position.call(this), lastEpoch: -1 }
      }
    })
    await caught(test, loss)
  })

  it('a leader that changes its ISR without asking', async test => {
    plant(PartitionIsrKeeper.prototype, 'change', {
      async value(this: { partition: Partition }, leader: LeaderRole, isr: readonly number[]) {
        leader.isr = isr
        this.partition.commit()
      }
    })
    await caught(test, loss)
  })
})
