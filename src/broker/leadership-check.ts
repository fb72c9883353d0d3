import type { Connect } from '../client/options.ts'
import type { Control } from '../control/types.ts'
import { notLeader } from '../partition/errors.ts'
import type { LeaderRole } from '../partition/leader.ts'
import type { Partition } from '../partition/partition.ts'
import type { Clock, Timer } from '../std/clock.ts'
import { messageOf } from '../std/errors.ts'
import type { Logger } from '../std/log.ts'
import { Peers, type ToldLeader } from './peers.ts'

/** The metastore is asked when peers haven't confirmed by then, or when one of them can't. */
const peersFirstMs = 200
/** Who asks hears that nothing is known after this. */
const patienceMs = 2000

/** `overtaken`: an election has been since, which this broker has not heard of. */
type Finding = 'leads' | 'overtaken' | 'unknown'

export interface LeadershipWorld {
  readonly control: Control
  readonly clock: Clock
  readonly logger: Logger
  readonly connect: Connect
  /** There is a newer leader of a partition, of this epoch or later. */
  overtaken(partition: Partition, epoch: number): void
}

/** A check under way, and the one that begins when it is over, for those who came meanwhile. */
interface Checks {
  running: Promise<void>
  next: Promise<void> | undefined
}

/**
 * Whether this broker leads a partition still. It goes on leading while it hears from nobody (DESIGN rule 8), so that it may
 * have been replaced long ago: it was paused, or cut off from the metastore. Writes find that out, as all of the ISR must
 * have them. Reads of a state that is kept in the log ask here first.
 *
 * Whoever is elected without a loss was in sync or eligible, as far as this leader knows of it: a leader changes its ISR
 * itself, others only take members out. A broker leads by its own image. So when each of those says, after the question, that
 * its image has no newer epoch, nobody has answered anything as a later leader before. The metastore's word is as good; it
 * is asked only where a peer does not answer. No clock is trusted, and an idle or a silent cluster has nothing to wait out.
 */
export class LeadershipCheck {
  private readonly world: LeadershipWorld
  private readonly peers: Peers
  private readonly checks = new Map<Partition, Checks>()

  constructor(world: LeadershipWorld) {
    this.world = world
    const { control, clock, connect } = world
    this.peers = new Peers({ nodeId: control.nodeId, image: control.image, clock, connect })
  }

  /**
   * Resolves when nobody else had led the partition since, at a moment after this was called. Rejects with
   * NOT_LEADER_OR_FOLLOWER when somebody else does, or when that can't be told.
   */
  confirm(partition: Partition): Promise<void> {
    const { leader } = partition
    if (!leader) return Promise.reject(notLeader(partition))
    if (leader.rivals.length === 0) return Promise.resolve()
    const checks = this.checks.get(partition)
    if (checks) {
      checks.next ??= checks.running.then(
        () => this.begin(partition),
        () => this.begin(partition)
      )
      return checks.next
    }
    return this.begin(partition)
  }

  close(): void {
    this.peers.close()
  }

  private begin(partition: Partition): Promise<void> {
    const running = this.check(partition)
    const checks: Checks = { running, next: undefined }
    this.checks.set(partition, checks)
    const done = () => {
      if (this.checks.get(partition) === checks && !checks.next) this.checks.delete(partition)
    }
    running.then(done, done)
    return running
  }

  private async check(partition: Partition): Promise<void> {
    const { leader } = partition
    if (!leader) throw notLeader(partition)
    const finding = await this.find(partition, leader)
    // What it led under another epoch meanwhile is led by another right.
    if (finding !== 'leads' || partition.leader !== leader) throw notLeader(partition)
  }

  private find(partition: Partition, leader: LeaderRole): Promise<Finding> {
    const { control, clock, logger } = this.world
    const { topic, topicId, index } = partition
    const asked = leader.rivals
    return new Promise(resolve => {
      const timers: Timer[] = []
      let isOver = false
      const end = (finding: Finding) => {
        if (isOver) return
        isOver = true
        for (const timer of timers) timer.cancel()
        resolve(finding)
      }
      const confirms = ({ leader: other, leaderEpoch: epoch }: ToldLeader, who: string): boolean => {
        if (epoch <= leader.epoch) return true
        // Of an epoch of its own this broker hears in a moment.
        if (partition.leader === leader && other !== control.nodeId && !isOver) {
          logger.warn(
            { topic, partition: index, epoch, who },
            'others know of a newer leader: this broker leads no more'
          )
          this.world.overtaken(partition, epoch)
        }
        end('overtaken')
        return false
      }
      let hasAsked = false
      const askMetastore = () => {
        if (hasAsked || isOver) return
        hasAsked = true
        control.partitionNow(topicId, index).then(
          now => now && confirms(now, 'the metastore') && end('leads'),
          error =>
            logger.debug({ topic, partition: index, error: messageOf(error) }, 'the metastore does not say who leads')
        )
      }
      timers.push(clock.after(peersFirstMs, askMetastore))
      timers.push(clock.after(patienceMs, () => end('unknown')))
      const left = new Set(asked)
      // They may be gone since: then nobody else can lead.
      if (left.size === 0) end('leads')
      for (const nodeId of asked)
        this.peers.leaderOf(nodeId, partition).then(told => {
          if (confirms(told, `broker ${nodeId}`) && left.delete(nodeId) && left.size === 0) end('leads')
        }, askMetastore)
    })
  }
}
