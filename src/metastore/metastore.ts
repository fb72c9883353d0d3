/**
 * Where the cluster's state lives and how brokers agree on it, with the semantics of etcd so that etcd can stand behind it.
 * All changes are in one order: each transaction that changes something takes the next revision. What a promise here
 * answers is durable, and no later answer contradicts it.
 */
export interface Metastore {
  get(key: string): Promise<GetResult>
  /** Keys that begin with `prefix`, in order. Pages see later revisions than the first: watch from the first's on. */
  range(prefix: string, page?: Page): Promise<RangeResult>
  /** All of `success` when every compare holds, else all of `failure`; one revision if anything changes. */
  txn(transaction: Transaction): Promise<TxnResult>
  /**
   * Delivers the changes of keys that begin with `prefix`, from revision `from` on, in order and whole revisions at a
   * time. Never called from within `watch`.
   */
  watch(prefix: string, from: number, watcher: Watcher): Watch
  /** A lease that keeps itself alive until it is revoked, abandoned or lost. Rejects when `ttlMs` isn't positive. */
  grantLease(ttlMs: number): Promise<Lease>
  /** Ends every watch; later calls reject as `closed`, those under way are answered first. */
  close(): Promise<void>
}

export type LeaseId = string
/** The lease of a key that has none. */
export const noLease: LeaseId = ''

export interface KeyValue {
  readonly key: string
  readonly value: string
  /** The revision that made the key; 0 nowhere: fencing tokens are made of it. */
  readonly createRevision: number
  readonly modRevision: number
  /** 1 when made, one more with each put; begins again after a deletion. */
  readonly version: number
  readonly lease: LeaseId
}

export interface GetResult {
  readonly revision: number
  readonly item: KeyValue | undefined
}

export interface Page {
  /** Only keys behind this one. */
  after?: string
  limit?: number
}

export interface RangeResult {
  readonly revision: number
  readonly items: readonly KeyValue[]
  /** Whether there are more behind the last item. */
  readonly more: boolean
}

/** A key that isn't there has revisions and version 0, lease '' and no value: no compare on its value holds. */
export type Compare =
  | { key: string; target: 'createRevision' | 'modRevision' | 'version'; is: Relation; to: number }
  | { key: string; target: 'value' | 'lease'; is: Relation; to: string }

export type Relation = '=' | '!=' | '<' | '>'

export type Operation =
  | { type: 'put'; key: string; value: string; lease?: LeaseId }
  | { type: 'delete'; key: string }
  | { type: 'get'; key: string }

/** More than this many operations (or compares) in a transaction are refused, as etcd's default setting does. */
export const transactionOperationsMax = 127

export interface Transaction {
  readonly compare?: readonly Compare[]
  /** Each key is written at most once. */
  readonly success?: readonly Operation[]
  readonly failure?: readonly Operation[]
}

export interface TxnResult {
  /** Whether the compares held. */
  readonly succeeded: boolean
  readonly revision: number
  /** One per operation carried out: what a get found (before this transaction's writes), undefined for others. */
  readonly items: readonly (KeyValue | undefined)[]
}

export type Change =
  | { readonly type: 'put'; readonly item: KeyValue }
  | { readonly type: 'delete'; readonly key: string; readonly modRevision: number }

/** The changes of one revision that a watch asked for; never empty. */
export interface ChangeBatch {
  readonly revision: number
  readonly changes: readonly Change[]
}

export interface Watcher {
  changed(batch: ChangeBatch): void
  /** Once, when no more will come. `compacted`: what is asked for is forgotten; read all again and watch from there. */
  ended(reason: 'compacted' | 'closed', oldestRevision: number): void
}

export interface Watch {
  /** Nothing is delivered any more from here on. */
  cancel(): void
}

export interface Lease {
  readonly id: LeaseId
  readonly ttlMs: number
  /**
   * Whether the store may have ended leases of holders that live: it answered no renewal of this one for its whole time,
   * or did so again less than that ago. What leases say of others proves nothing then.
   */
  readonly inDoubt: boolean
  /** Calls back once when the store says that the lease has ended, by expiry or revocation; at once if it has. */
  onLost(listener: () => void): void
  /** Ends it and deletes its keys. */
  revoke(): Promise<void>
  /** Keeps it alive no longer; it expires by itself. */
  abandon(): void
}

/**
 * `closed`: this handle was closed. `unavailable`: nothing is known, the change may or may not have happened.
 * `full`: the change did not happen for want of disk space. `lease`: there is no such lease. `corrupt`: the data on
 * disk was damaged. `invalid`: a transaction against the rules, a bug of the caller. `denied`: the store refuses who asks.
 */
export type MetastoreErrorKind = 'closed' | 'unavailable' | 'full' | 'lease' | 'corrupt' | 'invalid' | 'denied'

export class MetastoreError extends Error {
  readonly kind: MetastoreErrorKind

  constructor(kind: MetastoreErrorKind, message: string, options?: ErrorOptions) {
    super(message, options)
    this.name = 'MetastoreError'
    this.kind = kind
  }
}
