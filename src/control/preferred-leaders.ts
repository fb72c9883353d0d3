import type { Clock, Timer } from '../std/clock.ts'
import type { TopicId } from '../storage/types.ts'
import { electedBy } from './election.ts'
import type { TopicPolicy } from './topic-policy.ts'
import type { MetadataImage, PartitionImage, TopicImage } from './types.ts'

/** So many partitions get their preferred leader back at a time ... */
const electedTogether = 100
/** ... and the next ones so much later: each move makes clients look for a leader. */
const pauseMs = 1000

/** A partition and what it is to become. */
export interface Return {
  readonly topicId: TopicId
  readonly index: number
  readonly partition: PartitionImage
}

export interface PreferredLeadersWorld {
  readonly image: MetadataImage
  readonly clock: Clock
  policyOf(topic: TopicImage): TopicPolicy
  /** Undefined while leaders are left where they are. */
  readonly intervalMs: number | undefined
  /** Writes elections that hold only while this broker is the controller. */
  elect(returns: readonly Return[]): Promise<void>
}

/**
 * The controller's list of partitions that their preferred leader (the first replica) doesn't lead, and its giving
 * leadership back where that one is in sync again. Nothing is looked at, and no timer runs, while there are none.
 */
export class PreferredLeaders {
  private readonly world: PreferredLeadersWorld
  private readonly away = new Map<TopicId, Set<number>>()
  /** By topic and partition, the life that it was last given back to. */
  private readonly given = new Map<TopicId, Map<number, number>>()
  private timer: Timer | undefined
  private running = false

  constructor(world: PreferredLeadersWorld) {
    this.world = world
  }

  /** To be called for every partition when it, or who is there, may have changed. */
  note(topicId: TopicId, index: number, { leader, leaderBrokerEpoch, replicas }: PartitionImage): void {
    // Who was not there, was about to stop, or had a full disk, may lead again when that is over: it gave nothing away.
    if (this.world.image.broker(replicas[0])?.draining !== false) this.given.get(topicId)?.delete(index)
    const known = this.away.get(topicId)
    if (leader === replicas[0]) {
      if (!known?.delete(index)) return
      if (known.size === 0) this.away.delete(topicId)
      const given = this.given.get(topicId) ?? new Map<number, number>()
      this.given.set(topicId, given.set(index, leaderBrokerEpoch))
      return
    }
    if (known) known.add(index)
    else this.away.set(topicId, new Set([index]))
    this.wait(this.world.intervalMs)
  }

  /** The topic is no more. */
  forget(topicId: TopicId): void {
    this.away.delete(topicId)
    this.given.delete(topicId)
  }

  /** This broker is the controller no more. */
  stop(): void {
    this.timer?.cancel()
    this.timer = undefined
    this.away.clear()
    this.given.clear()
  }

  private wait(delayMs: number | undefined): void {
    if (delayMs === undefined || this.timer || this.running) return
    this.timer = this.world.clock.after(delayMs, () => {
      this.timer = undefined
      void this.round()
    })
  }

  private async round(): Promise<void> {
    this.running = true
    const returns = this.due()
    try {
      if (returns.length > 0) await this.world.elect(returns)
    } finally {
      this.running = false
    }
    if (this.away.size > 0) this.wait(returns.length < electedTogether ? this.world.intervalMs : pauseMs)
  }

  /** The next of those that can be led by whom they should; forgets what is no more. */
  private due(): Return[] {
    const { image, policyOf } = this.world
    const returns: Return[] = []
    for (const [topicId, indexes] of this.away) {
      const topic = image.topicById(topicId)
      if (!topic) {
        this.away.delete(topicId)
        continue
      }
      const policy = policyOf(topic)
      for (const index of indexes) {
        const partition = topic.partitions[index]
        const elected = partition && electedBy('preferred', image, partition, policy)
        if (typeof elected !== 'object') continue
        // It could not serve what it led, and gave it away: not again in this life.
        if (this.given.get(topicId)?.get(index) === elected.leaderBrokerEpoch) continue
        returns.push({ topicId, index, partition: elected })
        if (returns.length === electedTogether) return returns
      }
    }
    return returns
  }
}
