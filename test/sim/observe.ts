import type { ChangeBatch } from '../../src/metastore/metastore.ts'
import { FollowerRole } from '../../src/partition/follower.ts'
import { Partition } from '../../src/partition/partition.ts'
import type { Logger } from '../../src/std/log.ts'
import type { Coverage } from './coverage.ts'

/** Whose states are counted: one cluster runs at a time. */
let observed: Coverage | undefined

/** Counts into `coverage` from here on. */
export function observe(coverage: Coverage): void {
  observed = coverage
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

spy(FollowerRole.prototype, 'truncate', () => observed?.count('divergence'))
spy(Partition.prototype, 'recut', partition => {
  if (partition.log.endOffset > 0) observed?.count('truncation')
})

/** What brokers say and a search should have heard. */
const said = new Map([
  ['damaged batches: they are kept and not served', 'damage read'],
  ['acknowledged records are damaged or lost: reading them answers CORRUPT_MESSAGE', 'damage recovered'],
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

interface PartitionValue {
  readonly leader: number
  readonly leaderEpoch: number
  readonly isr: readonly number[]
  readonly elr?: readonly number[]
  readonly replicas: readonly number[]
}

/** Follows the partitions in the metastore. */
export class PartitionWatch {
  private readonly coverage: Coverage
  private readonly known = new Map<string, PartitionValue>()
  /** Changes of an ISR on their way to the metastore, by key. */
  private readonly isrChanges = new Map<string, number>()
  /** Keys of partitions that had a leader who might have lacked something. */
  readonly unclean = new Set<string>()

  constructor(coverage: Coverage) {
    this.coverage = coverage
  }

  isrOf(topicId: string, index: number): readonly number[] {
    return this.known.get(`partitions/${topicId}/${index}`)?.isr ?? []
  }

  changed({ changes }: ChangeBatch): void {
    for (const change of changes) {
      if (change.type === 'delete') this.known.delete(change.key)
      else this.put(change.item.key, JSON.parse(change.item.value) as PartitionValue)
    }
  }

  /** A change is asked for; gives what is to be called when it has been answered. */
  asked(key: string, value: string): () => void {
    const before = this.known.get(key)
    const wanted = JSON.parse(value) as PartitionValue
    if (before?.leaderEpoch !== wanted.leaderEpoch || before.isr.join() === wanted.isr.join()) return () => {}
    this.isrChanges.set(key, (this.isrChanges.get(key) ?? 0) + 1)
    return () => this.isrChanges.set(key, (this.isrChanges.get(key) ?? 0) - 1)
  }

  private put(key: string, value: PartitionValue): void {
    const before = this.known.get(key)
    this.known.set(key, value)
    if (!before) return
    if (value.leaderEpoch !== before.leaderEpoch) {
      this.coverage.count('leader changed')
      if ((this.isrChanges.get(key) ?? 0) > 0) this.coverage.count('leader changed while an ISR change was in flight')
      if (before.elr?.includes(value.leader) && !before.isr.includes(value.leader)) this.coverage.count('ELR election')
      else if (!before.isr.includes(value.leader)) {
        this.coverage.count('unclean election')
        this.unclean.add(key)
      }
    } else if (value.isr.length < before.isr.length) this.coverage.count('ISR shrunk')
    else if (value.isr.length > before.isr.length) this.coverage.count('ISR grown')
    if (value.replicas.join() !== before.replicas.join()) this.coverage.count('replicas moved')
    if (value.isr.length === 1 && before.isr.length > 1) this.coverage.count('ISR of one')
  }
}
