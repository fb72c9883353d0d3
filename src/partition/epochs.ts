import { NaruError } from '../std/errors.ts'
import type { Log } from '../storage/types.ts'

/** Where an epoch ends in a log. */
export interface EpochEnd {
  readonly epoch: number
  readonly endOffset: number
}

/** A log under a leader, which knows one epoch more than it has records of. */
interface Led {
  readonly log: Log
  readonly leaderEpoch: number
}

/** Where the largest epoch not above `epoch` ends: the log's answer, with the current epoch ending at the log's end. */
export function endOfEpoch({ log, leaderEpoch }: Led, epoch: number): EpochEnd {
  const { endOffset } = log
  // While its log is empty, an earlier epoch ended where this one begins.
  return (epoch < leaderEpoch && log.endOffsetForEpoch(epoch)) || { epoch, endOffset }
}

/**
 * From where on a follower's log may differ from its leader's, when it does: it has `lastEpoch` just below `offset`, and
 * the leader ended that epoch earlier, or never had it. Undefined when all that the follower has is there too.
 */
export function divergence(leader: Led, offset: number, lastEpoch: number): EpochEnd | undefined {
  if (lastEpoch < 0) return undefined
  const end = endOfEpoch(leader, Math.min(lastEpoch, leader.leaderEpoch))
  return end.epoch !== lastEpoch || end.endOffset < offset ? end : undefined
}

/**
 * The leader epoch that a client believes in, against ours (KIP-320); -1 asks for no check.
 * Throws FENCED_LEADER_EPOCH (theirs is older) or UNKNOWN_LEADER_EPOCH (ours is).
 */
export function checkLeaderEpoch(theirs: number, ours: number): void {
  if (theirs < 0 || theirs === ours) return
  throw new NaruError(theirs < ours ? 'FENCED_LEADER_EPOCH' : 'UNKNOWN_LEADER_EPOCH')
}
