import { FollowerRole } from '../../src/partition/follower.ts'
import { Partition } from '../../src/partition/partition.ts'
import { ProducerState } from '../../src/partition/producer-state.ts'
import * as header from '../../src/record/header.ts'
import type { Logger } from '../../src/std/log.ts'
import type { StoredLog } from '../../src/storage/log.ts'
import type { Coverage } from './coverage.ts'
import type { PartitionWatch } from './partition-watch.ts'

interface Observer {
  readonly coverage: Coverage
  readonly partitions: PartitionWatch
}

/** Who is told what happens: one cluster runs at a time. */
let observer: Observer | undefined

/** Tells `next` from here on. */
export function observe(next: Observer): void {
  observer = next
}

/** Calls `seen` whenever a method is called, before it is. */
function spy<T extends object, K extends keyof T>(
  prototype: T,
  name: K,
  seen: (self: T, args: unknown[]) => void
): void {
  const method = prototype[name] as (...args: unknown[]) => unknown
  prototype[name] = function (this: T, ...args: unknown[]) {
    seen(this, args)
    return method.apply(this, args)
  } as T[K]
}

spy(FollowerRole.prototype, 'truncate', () => observer?.coverage.count('divergence'))
spy(Partition.prototype, 'recut', partition => {
  if (partition.log.endOffset > 0) observer?.coverage.count('truncation')
})
spy(Partition.prototype, 'append', ({ topicId, index, leaderEpoch, log, producers }, [batch]) => {
  const from = log.endOffset
  const range = { from, to: from + header.lastOffsetDelta(batch as Buffer) }
  observer?.partitions.appended(topicId, index, leaderEpoch, range)
  if (isTakenForNew(producers, batch as Buffer))
    observer?.partitions.appendedAnew(topicId, index, range, (log as StoredLog).damage.below(from))
})

/** The producers that each state has taken for new, where all that they wrote before may be what is damaged. */
const takenForNew = new WeakMap<ProducerState, Set<number>>()
spy(ProducerState.prototype, 'clear', state => takenForNew.delete(state))

function isTakenForNew(state: ProducerState, batch: Buffer): boolean {
  const id = header.producerId(batch)
  if (!state.isInDoubt || id < 0) return false
  const taken = takenForNew.get(state) ?? new Set()
  if (![...state.active()].some(({ producerId }) => producerId === id)) takenForNew.set(state, taken.add(id))
  return taken.has(id)
}

/** What brokers say and a search should have heard. */
const said = new Map([
  ['damaged batches: they are kept and not served', 'damage read'],
  ['acknowledged records are damaged or lost: reading them answers CORRUPT_MESSAGE', 'damage recovered'],
  [
    'a round of the journal is damaged: acknowledged records may be lost; logs that miss some say so',
    'damaged round found'
  ],
  ['a replica begins anew, where its leader does', 'replica made anew'],
  ['a damaged replica is thrown away and fetched again', 'damaged replica fetched again'],
  ['the in-sync replicas changed', 'ISR changed'],
  ['the in-sync replicas could not be changed', 'ISR change failed'],
  ['a broker is gone: its port is closed', 'broker reported gone'],
  ["this broker's lease has ended; it registers again", 'lease lost'],
  ['leaders could not be elected; it is tried again', 'election failed'],
  ['could not stand for controller; it is tried again', 'standing for controller failed'],
  ['the broker stops without handing over', 'stop without handing over'],
  ['dropped the state of a log; it is loaded again', 'group state dropped'],
  ['removing the log of a partition that was deleted, or moved to other brokers', 'stray log removed']
])

/** A logger that notes what was said. */
export function observedLogger(logger: Logger, coverage: Coverage, nodeId: number): Logger {
  const hear =
    (level: 'debug' | 'info' | 'warn' | 'error') =>
    (fields: object, message: string): void => {
      const state = said.get(message)
      if (state) coverage.count(state)
      logger[level]({ node: nodeId, ...fields }, message)
    }
  return { debug: hear('debug'), info: hear('info'), warn: hear('warn'), error: hear('error') } as unknown as Logger
}
