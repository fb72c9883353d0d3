import {
  type Change,
  type ChangeBatch,
  type Compare,
  type KeyValue,
  type LeaseId,
  MetastoreError,
  noLease,
  type Page,
  type RangeResult,
  type Transaction
} from '../metastore.ts'
import { checkTransaction } from '../transaction-rules.ts'

/** What a step changes, as it is logged: replaying the effects in order gives the same state. */
export type Effect =
  | { type: 'keys'; revision: number; puts: [key: string, value: string, lease: LeaseId][]; deletes: string[] }
  | { type: 'grant'; lease: LeaseId; ttlMs: number }
  | { type: 'revoke'; lease: LeaseId }

/** Puts back what an effect changed. */
export type Undo = () => void

export interface Evaluated {
  readonly succeeded: boolean
  readonly items: readonly (KeyValue | undefined)[]
  /** Undefined when nothing changes. */
  readonly effect: Effect | undefined
}

/** Keys, revisions and leases in memory: evaluating decides, `apply` changes. */
export class State {
  revision = 0
  readonly leases = new Map<LeaseId, { ttlMs: number; keys: Set<string> }>()
  /** Leases ever granted; ids are never given twice. */
  leaseCount = 0
  private readonly items = new Map<string, KeyValue>()
  /** The keys in order; undefined after a key came or went, until somebody asks. */
  private sorted: string[] | undefined

  get(key: string): KeyValue | undefined {
    return this.items.get(key)
  }

  all(): KeyValue[] {
    return [...this.items.values()]
  }

  range(prefix: string, page: Page = {}): RangeResult {
    this.sorted ??= [...this.items.keys()].sort()
    const limit = page.limit ?? Number.POSITIVE_INFINITY
    const items: KeyValue[] = []
    let at = firstAtLeast(this.sorted, prefix)
    if (page.after !== undefined && page.after >= prefix) at = firstAtLeast(this.sorted, `${page.after}\0`)
    for (; at < this.sorted.length && this.sorted[at].startsWith(prefix); at++) {
      if (items.length >= limit) return { revision: this.revision, items, more: true }
      items.push(this.items.get(this.sorted[at])!)
    }
    return { revision: this.revision, items, more: false }
  }

  /** What the transaction would do now. Throws `invalid` or `lease`. */
  evaluate(transaction: Transaction): Evaluated {
    const { compare = [], success = [], failure = [] } = transaction
    checkTransaction(transaction)
    const succeeded = compare.every(item => this.holds(item))
    const operations = succeeded ? success : failure
    const puts: [string, string, LeaseId][] = []
    const deletes: string[] = []
    const items = operations.map(operation => {
      if (operation.type === 'get') return this.items.get(operation.key)
      if (operation.type === 'put') {
        const lease = operation.lease ?? noLease
        if (lease !== noLease && !this.leases.has(lease)) throw new MetastoreError('lease', `no lease ${lease}`)
        puts.push([operation.key, operation.value, lease])
      } else if (this.items.has(operation.key)) deletes.push(operation.key)
      return undefined
    })
    const changes = puts.length + deletes.length > 0
    return {
      succeeded,
      items,
      effect: changes ? { type: 'keys', revision: this.revision + 1, puts, deletes } : undefined
    }
  }

  grant(ttlMs: number): Effect & { type: 'grant' } {
    return { type: 'grant', lease: String(this.leaseCount + 1), ttlMs }
  }

  /** The end of a lease and the deletion of its keys. */
  endOfLease(lease: LeaseId): Effect[] {
    const keys = [...(this.leases.get(lease)?.keys ?? [])].sort()
    const revoke: Effect = { type: 'revoke', lease }
    if (keys.length === 0) return [revoke]
    return [revoke, { type: 'keys', revision: this.revision + 1, puts: [], deletes: keys }]
  }

  /** Carries out an effect; gives what watchers see, and how to take it back (in reverse order only). */
  apply(effect: Effect): { batch: ChangeBatch | undefined; undo: Undo } {
    switch (effect.type) {
      case 'grant':
        this.leases.set(effect.lease, { ttlMs: effect.ttlMs, keys: new Set() })
        this.leaseCount = Math.max(this.leaseCount, Number(effect.lease))
        return { batch: undefined, undo: () => void this.leases.delete(effect.lease) }
      case 'revoke': {
        const lease = this.leases.get(effect.lease)
        this.leases.delete(effect.lease)
        return { batch: undefined, undo: () => void (lease && this.leases.set(effect.lease, lease)) }
      }
      case 'keys':
        return this.applyKeys(effect)
    }
  }

  /** Begins a state from a snapshot; `restore` gives the items. */
  restoreHead(revision: number, leases: readonly [LeaseId, number][], leaseCount: number): void {
    this.revision = revision
    this.leaseCount = leaseCount
    for (const [id, ttlMs] of leases) this.leases.set(id, { ttlMs, keys: new Set() })
  }

  restore(item: KeyValue): void {
    this.replace(item.key, item)
  }

  private applyKeys(effect: Effect & { type: 'keys' }): { batch: ChangeBatch; undo: Undo } {
    if (effect.revision !== this.revision + 1)
      throw new MetastoreError('corrupt', `revision ${effect.revision} follows ${this.revision}`)
    this.revision = effect.revision
    const modRevision = effect.revision
    const before: [string, KeyValue | undefined][] = []
    const changes: Change[] = []
    for (const [key, value, lease] of effect.puts) {
      const old = this.items.get(key)
      const item: KeyValue = {
        key,
        value,
        createRevision: old?.createRevision ?? modRevision,
        modRevision,
        version: (old?.version ?? 0) + 1,
        lease
      }
      before.push([key, this.replace(key, item)])
      changes.push({ type: 'put', item })
    }
    for (const key of effect.deletes) {
      before.push([key, this.replace(key, undefined)])
      changes.push({ type: 'delete', key, modRevision })
    }
    const undo = () => {
      this.revision = modRevision - 1
      for (const [key, item] of before.reverse()) this.replace(key, item)
    }
    return { batch: { revision: modRevision, changes }, undo }
  }

  private replace(key: string, item: KeyValue | undefined): KeyValue | undefined {
    const old = this.items.get(key)
    if ((old === undefined) !== (item === undefined)) this.sorted = undefined
    if (old && old.lease !== noLease) this.leases.get(old.lease)?.keys.delete(key)
    if (item && item.lease !== noLease) this.leases.get(item.lease)?.keys.add(key)
    if (item) this.items.set(key, item)
    else this.items.delete(key)
    return old
  }

  private holds(compare: Compare): boolean {
    const item = this.items.get(compare.key)
    switch (compare.target) {
      case 'value':
        return item !== undefined && relates(item.value, compare.is, compare.to)
      case 'lease':
        return relates(item?.lease ?? noLease, compare.is, compare.to)
      default:
        return relates(item?.[compare.target] ?? 0, compare.is, compare.to)
    }
  }
}

function relates<T extends string | number>(left: T, is: Compare['is'], right: T): boolean {
  switch (is) {
    case '=':
      return left === right
    case '!=':
      return left !== right
    case '<':
      return left < right
    case '>':
      return left > right
  }
}

/** Position of the first string that isn't below `bound`. */
function firstAtLeast(sorted: readonly string[], bound: string): number {
  let low = 0
  let high = sorted.length
  while (low < high) {
    const middle = (low + high) >> 1
    if (sorted[middle] < bound) low = middle + 1
    else high = middle
  }
  return low
}
