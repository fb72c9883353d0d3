import type { IsrKeeper, LeaderRole } from '../partition/leader.ts'
import type { Partition } from '../partition/partition.ts'
import type { Clock, Timer } from '../std/clock.ts'
import type { Logger } from '../std/log.ts'

/** A change of an ISR whose fate is unknown, or that could not be asked for, is taken up again after so long. */
const retryMs = 200
/** While it is in doubt whether a member that isn't registered lives, it is looked at again after so long. */
const doubtMs = 1000

/** What an ISR is kept by: who is registered, and how the metastore is asked for a change. */
export interface IsrWorld {
  readonly clock: Clock
  readonly logger: Logger
  readonly lagTimeMaxMs: number
  /** How many messages a follower may lack when its leader looks at the time; Infinity for any number. */
  readonly lagMessagesMax: number
  brokerEpochOf(nodeId: number): number | undefined
  /** Whether a broker that isn't registered may live all the same. */
  inDoubt(): boolean
  /** Whether a registered broker is about to stop. */
  isDraining(nodeId: number): boolean
  /** The metastore does not answer this leader, and followers stay away: somebody else may lead by now. */
  doubt(partition: Partition): void
  /**
   * Asks for another ISR by compare-and-set on what this leader goes by. True when the metastore has it, false when it
   * went another way: either way `Partition.isrChanged` has told, or will, how it is. Rejects when nothing is known.
   */
  change(
    partition: Partition,
    leader: LeaderRole,
    isr: readonly number[],
    joining: readonly { readonly nodeId: number; readonly epoch: number }[]
  ): Promise<boolean>
}

/**
 * Looks after the ISR of one partition that this broker leads: takes in who has caught up, puts out who lags or is gone.
 * One change at a time; while its fate is unknown its members count as in sync, as do those that were before.
 */
export class PartitionIsrKeeper implements IsrKeeper {
  private readonly world: IsrWorld
  private readonly partition: Partition
  private timer: Timer | undefined
  private changing = false
  /** A change could not be asked for, or its fate is unknown: it is taken up again when the timer says so. */
  private retrying = false
  private again = false

  constructor(partition: Partition, world: IsrWorld) {
    this.partition = partition
    this.world = world
  }

  brokerEpochOf(nodeId: number): number | undefined {
    return this.world.brokerEpochOf(nodeId)
  }

  caughtUp(leader: LeaderRole): void {
    if (!this.retrying) this.look(leader)
  }

  fellBehind(leader: LeaderRole): void {
    const { lagTimeMaxMs, lagMessagesMax } = this.world
    this.wait(leader, lagMessagesMax === Number.POSITIVE_INFINITY ? lagTimeMaxMs : lagTimeMaxMs / 2)
  }

  /** To be called when brokers came, went or changed, and when configs did. */
  worldChanged(leader: LeaderRole): void {
    this.look(leader)
  }

  /** The leadership has ended. */
  close(): void {
    this.timer?.cancel()
    this.timer = undefined
  }

  private wait(leader: LeaderRole, delayMs: number): void {
    this.timer ??= this.world.clock.after(delayMs, () => {
      this.timer = undefined
      this.retrying = false
      if (this.partition.leader !== leader) return
      this.look(leader, true)
      // At half the time: who stops right after the last look is noticed within one and a half.
      if (!leader.watchLag()) this.wait(leader, this.world.lagTimeMaxMs / 2)
    })
  }

  /** `isTimed`: time has passed since the last look. What was written just now is no reason to put anyone out. */
  private look(leader: LeaderRole, isTimed = false): void {
    if (this.partition.leader !== leader) return
    if (this.changing) {
      this.again = true
      return
    }
    const { clock, lagTimeMaxMs, lagMessagesMax } = this.world
    const nowMs = clock.monotonic()
    const far = leader.farBehind(lagMessagesMax)
    const lagging = [...leader.laggards(nowMs, nowMs - lagTimeMaxMs), ...(isTimed ? far : [])]
    const staying = leader.isr.filter(
      nodeId => nodeId === leader.nodeId || (this.mayStay(leader, nodeId) && !lagging.includes(nodeId))
    )
    // While too few are in sync the high watermark stands still, and who was put out for lagging has all below it for ever.
    const joining = leader.joinable(this.partition.highWatermark).filter(({ nodeId }) => {
      const lags = far.includes(nodeId) || leader.lagsSince(nodeId, nowMs - lagTimeMaxMs)
      return !lags && !this.world.isDraining(nodeId)
    })
    const isr = [...staying, ...joining.map(({ nodeId }) => nodeId)]
    const isSame = joining.length === 0 && staying.length === leader.isr.length
    // Written again, the same set ends the doubt about another one that may, or may yet, have been written.
    if (isSame && !leader.mayForgetElr && !leader.isUnsettled) return
    void this.change(leader, isr, joining)
  }

  private mayStay(leader: LeaderRole, nodeId: number): boolean {
    if (this.world.brokerEpochOf(nodeId) !== undefined) return !this.world.isDraining(nodeId)
    if (!this.world.inDoubt()) return false
    this.close()
    this.wait(leader, Math.min(doubtMs, this.world.lagTimeMaxMs))
    return true
  }

  private async change(
    leader: LeaderRole,
    isr: readonly number[],
    joining: readonly { readonly nodeId: number; readonly epoch: number }[]
  ): Promise<void> {
    const { partition, world } = this
    const { topic, index } = partition
    this.changing = true
    for (const nodeId of isr) leader.pending.add(nodeId)
    for (const nodeId of leader.isr) if (!isr.includes(nodeId)) leader.putOut.add(nodeId)
    try {
      const changed = await world.change(partition, leader, isr, joining)
      // The image has it, or something newer: `isrChanged` has been called, and what was pending is settled.
      leader.settle()
      if (changed)
        world.logger.info({ topic, partition: index, isr, epoch: leader.epoch }, 'the in-sync replicas changed')
      else this.wait(leader, retryMs)
    } catch (error) {
      world.logger.warn({ topic, partition: index, err: error }, 'the in-sync replicas could not be changed')
      world.doubt(partition)
      // It may have happened: both sets count until the metastore has said so.
      this.close()
      this.retrying = true
      this.wait(leader, retryMs)
    } finally {
      this.changing = false
    }
    if (partition.leader !== leader) return
    partition.commit()
    if (!this.again) return
    this.again = false
    if (!this.retrying) this.look(leader)
  }
}
