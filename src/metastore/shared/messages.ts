import type {
  ChangeBatch,
  GetResult,
  KeyValue,
  LeaseId,
  MetastoreErrorKind,
  Page,
  RangeResult,
  Transaction
} from '../metastore.ts'

/** What a client asks; each `id` is answered once. */
export type Request =
  | { readonly op: 'get'; readonly key: string }
  | { readonly op: 'range'; readonly prefix: string; readonly page?: Page }
  | { readonly op: 'txn'; readonly transaction: Transaction }
  | { readonly op: 'grant'; readonly ttlMs: number }
  | { readonly op: 'revoke'; readonly lease: LeaseId }

/** JSON has no undefined in arrays: an operation that found nothing is null. */
export interface TxnAnswer {
  readonly succeeded: boolean
  readonly revision: number
  readonly items: readonly (KeyValue | null)[]
}

/** By `op`; what has nothing to say answers null. */
export type Answer = GetResult | RangeResult | TxnAnswer | { readonly lease: LeaseId } | null

export type ToServer =
  | { readonly type: 'request'; readonly id: number; readonly request: Request }
  | { readonly type: 'watch'; readonly id: number; readonly prefix: string; readonly from: number }
  | { readonly type: 'cancel'; readonly id: number }
  | { readonly type: 'keep'; readonly lease: LeaseId }

export type ToClient =
  | { readonly type: 'answer'; readonly id: number; readonly answer: Answer }
  | { readonly type: 'refusal'; readonly id: number; readonly kind: MetastoreErrorKind; readonly message: string }
  | { readonly type: 'changed'; readonly id: number; readonly batch: ChangeBatch }
  | {
      readonly type: 'ended'
      readonly id: number
      readonly reason: 'compacted' | 'closed'
      readonly oldestRevision: number
    }
  | { readonly type: 'lost'; readonly lease: LeaseId }
