import { type Control, leaderOf, type PartitionImage } from '../control/types.ts'
import type { LeaderRole } from '../partition/leader.ts'
import type { Partition } from '../partition/partition.ts'
import { Fetchers } from '../replication/fetchers.ts'
import { type IsrWorld, PartitionIsrKeeper } from '../replication/isr-keeper.ts'
import type { LaneWorld } from '../replication/lane.ts'
import type { Timer } from '../std/clock.ts'
import { messageOf } from '../std/errors.ts'
import type { Logger } from '../std/log.ts'
import type { Metrics } from '../std/metrics.ts'
import type { LostLeaders } from './lost-leaders.ts'

/** A partition that could not be given away is given away again after so long. */
const forsakeRetryMs = 1000

/** Told when this broker begins or ceases to lead a partition. Called synchronously. */
export interface RoleListener {
  led(partition: Partition): void
  resigned(partition: Partition): void
}

/** A partition that this broker leads, by the image that it goes by. */
interface Led {
  readonly leader: LeaderRole
  readonly keeper: PartitionIsrKeeper
  image: PartitionImage
}

/**
 * Makes each replica of this broker what the image says it is: leader, follower, or neither. What counts is how the image
 * is now, so that it may be asked again at any time; no leader is one by its past.
 */
export class Roles {
  private readonly control: Control
  private readonly logger: Logger
  private readonly fetchers: Fetchers
  private readonly listener: RoleListener
  private readonly isrWorld: IsrWorld
  private readonly led = new Map<Partition, Led>()
  /** Partitions that could not be given away, by key. */
  private readonly forsakenAgain = new Map<string, Timer>()
  private closed = false

  constructor(
    parts: {
      control: Control
      logger: Logger
      metrics: Metrics
      lanes: Omit<LaneWorld, 'brokerEpoch' | 'leaderAt' | 'refused' | 'connected' | 'disconnected'>
      lostLeaders: LostLeaders
    },
    listener: RoleListener
  ) {
    const { control, logger, metrics, lanes, lostLeaders } = parts
    const shrinks = metrics.counter(
      'naru_isr_shrinks_total',
      'Changes by which partitions led here lost replicas in sync.'
    )
    const expands = metrics.counter(
      'naru_isr_expands_total',
      'Changes by which partitions led here gained replicas in sync.'
    )
    const { image } = control
    this.control = control
    this.logger = logger
    this.listener = listener
    this.fetchers = new Fetchers({
      ...lanes,
      brokerEpoch: () => control.brokerEpoch,
      leaderAt(nodeId) {
        const broker = image.broker(nodeId)
        return broker?.endpoint && { nodeId, epoch: broker.epoch, ...broker.endpoint }
      },
      connected: ({ nodeId }) => lostLeaders.connected(nodeId),
      disconnected: ({ nodeId, epoch }) => lostLeaders.disconnected(nodeId, epoch),
      refused: ({ nodeId, epoch }) => control.reportGone(nodeId, epoch)
    })
    this.isrWorld = {
      clock: lanes.clock,
      logger,
      lagTimeMaxMs: Number(lanes.config.lagTimeMaxMs),
      lagMessagesMax: Number(lanes.config.lagMessagesMax) || Number.POSITIVE_INFINITY,
      brokerEpochOf: nodeId => image.broker(nodeId)?.epoch,
      isDraining: nodeId => image.broker(nodeId)?.draining ?? false,
      inDoubt: () => control.inDoubt,
      doubt: partition => void partition.confirmLeading().catch(() => {}),
      change: async (partition, leader, isr, joining) => {
        const known = this.led.get(partition)
        if (known?.leader !== leader) return false
        const { minIsr } = leader
        const before = known.image.isr.length
        const done = await control.changeIsr(partition.topicId, partition.index, known.image, { isr, joining, minIsr })
        if (done && isr.length < before) shrinks.add()
        if (done && isr.length > before) expands.add()
        return done
      }
    }
  }

  /** Gives a partition the role that it has now. */
  assign(partition: Partition): void {
    const { control } = this
    const image = control.image.topicById(partition.topicId)?.partitions[partition.index]
    if (this.closed || !image) return
    const leader = leaderOf(control.image, image)
    const isReplica = image.replicas.includes(control.nodeId)
    // Also while it isn't registered: the end of a lease says nothing of who lives, and another leader has another epoch.
    const isOurs = image.leader === control.nodeId && image.leaderBrokerEpoch === control.brokerEpoch
    if (partition.failure) this.forsake(partition)
    // Whoever leads under that epoch, the image will tell.
    const isOld = image.leaderEpoch < partition.newestEpoch
    if (partition.failure || !isReplica || !(leader || isOurs) || (isOld && image.leader === control.nodeId))
      this.retire(partition)
    else if (isOurs) {
      this.lead(partition, image)
      // Perhaps nobody else could when the damage was found. Eligible ones never get past it to come in sync.
      if (partition.log.damage.isKnown && image.isr.length + (image.elr?.length ?? 0) > 1) this.forsake(partition)
    } else if (leader && leader.nodeId !== control.nodeId) {
      this.stopLeading(partition)
      this.fetchers.follow(partition, leader.nodeId, image.leaderEpoch, image.isr.includes(control.nodeId))
    } else this.retire(partition)
  }

  /** There is a newer leader of a partition, of which the image doesn't know yet. */
  overtaken(partition: Partition, epoch: number): void {
    partition.newestEpoch = Math.max(partition.newestEpoch, epoch)
    this.assign(partition)
  }

  /** To be called after the partitions were assigned anew because brokers came, went or changed. */
  brokersChanged(): void {
    for (const { leader, keeper } of this.led.values()) keeper.worldChanged(leader)
  }

  /** The configs of a partition have changed: more may be committed, and fewer may have to be in sync. */
  reconfigured(partition: Partition): void {
    const known = this.led.get(partition)
    if (known) known.keeper.worldChanged(known.leader)
    partition.commit()
  }

  /** The partition is not served here any more. */
  drop(partition: Partition): void {
    this.fetchers.unfollow(partition)
    this.led.get(partition)?.keeper.close()
    this.led.delete(partition)
  }

  /** Nothing is fetched and no ISR is changed any more. */
  async close(): Promise<void> {
    this.closed = true
    for (const { keeper } of this.led.values()) keeper.close()
    this.led.clear()
    for (const timer of this.forsakenAgain.values()) timer.cancel()
    await this.fetchers.close()
  }

  private lead(partition: Partition, image: PartitionImage): void {
    const known = this.led.get(partition)
    const { leaderEpoch: epoch, replicas, isr, elr, adding } = image
    const leadership = { epoch, replicas, isr, elr, adding }
    const leads = known !== undefined && known.leader === partition.leader
    if (leads && known.leader.epoch === image.leaderEpoch) {
      if (known.image === image) return
      known.image = image
      partition.isrChanged(known.leader, leadership)
      known.keeper.worldChanged(known.leader)
      return
    }
    // With a new epoch because replicas went: nobody else has led, and who waits need not look elsewhere.
    const goesOn = leads && known.image.leaderBrokerEpoch === image.leaderBrokerEpoch
    if (goesOn) known.keeper.close()
    else this.retire(partition)
    const { settling } = partition
    if (settling) {
      // By then somebody else may lead.
      const again = () => this.assign(partition)
      settling.then(again, again)
      return
    }
    const keeper = new PartitionIsrKeeper(partition, this.isrWorld)
    const leader = partition.lead(this.control.nodeId, leadership, keeper)
    this.led.set(partition, { leader, keeper, image })
    keeper.worldChanged(leader)
    if (!goesOn) this.listener.led(partition)
  }

  /** Neither leads nor follows. */
  private retire(partition: Partition): void {
    this.fetchers.unfollow(partition)
    this.stopLeading(partition)
    if (partition.follower) partition.resign()
  }

  private stopLeading(partition: Partition): void {
    const known = this.led.get(partition)
    if (!known) return
    known.keeper.close()
    this.led.delete(partition)
    partition.resign()
    this.listener.resigned(partition)
  }

  /** The log of a partition has failed: another replica shall lead. */
  failed(partition: Partition): void {
    this.fetchers.unfollow(partition)
    this.forsake(partition)
  }

  /** Records of a partition can't be read here: another replica, which has them, shall lead. */
  damaged(partition: Partition): void {
    if (this.led.has(partition)) this.forsake(partition)
  }

  /** This broker can't serve its replica as it should: nobody shall count on it. Asked until the metastore has answered. */
  forsake({ topicId, index }: Pick<Partition, 'topicId' | 'index'>): void {
    if (this.closed) return
    const key = `${topicId}:${index}`
    this.forsakenAgain.get(key)?.cancel()
    this.forsakenAgain.delete(key)
    this.control.giveAway(topicId, index).catch(error => {
      this.logger.warn(
        { error: messageOf(error) },
        'a partition that can not be served whole could not be given away; it is tried again'
      )
      if (this.closed || this.forsakenAgain.has(key)) return
      const again = () => this.forsake({ topicId, index })
      this.forsakenAgain.set(key, this.isrWorld.clock.after(forsakeRetryMs, again))
    })
  }
}
