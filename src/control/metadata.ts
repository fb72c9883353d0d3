import {
  type Compare,
  type Metastore,
  MetastoreError,
  type Operation,
  type TxnResult,
  transactionOperationsMax
} from '../metastore/metastore.ts'
import { NaruError } from '../std/errors.ts'
import type { Follower } from './follower.ts'
import type { Image } from './image.ts'
import { keys } from './keys.ts'

/** The metastore together with the image of it: every change waits until the image has it. */
export class Metadata {
  readonly image: Image
  readonly metastore: Metastore
  private readonly follower: Follower

  constructor(metastore: Metastore, follower: Follower) {
    this.metastore = metastore
    this.follower = follower
    this.image = follower.image
  }

  /**
   * Resolves when the image has the change (or, after false, the one that came first), and leaders and followers know their
   * roles. Logs may still have to be opened for it.
   */
  async txn(compare: readonly Compare[], success: readonly Operation[]): Promise<boolean> {
    return (await this.change(compare, success)).succeeded
  }

  /** The same, with the revision. */
  async change(compare: readonly Compare[], success: readonly Operation[]): Promise<TxnResult> {
    const result = await guard(this.metastore.txn({ compare, success }))
    await this.follower.seen(result.revision)
    return result
  }

  /** `txn` that also waits until listeners are done with the change: not for what they may wait for, nor for what can't wait for logs. */
  async complete(compare: readonly Compare[], success: readonly Operation[]): Promise<boolean> {
    const { succeeded, revision } = await this.change(compare, success)
    await this.follower.applied(revision)
    return succeeded
  }

  /** Operations that need no order among them, as many in a transaction as fit. */
  async each(compare: readonly Compare[], operations: readonly Operation[]): Promise<boolean> {
    const rounds: Promise<boolean>[] = []
    for (let at = 0; at < operations.length; at += transactionOperationsMax)
      rounds.push(this.txn(compare, operations.slice(at, at + transactionOperationsMax)))
    return !(await Promise.all(rounds)).includes(false)
  }

  unchanged(key: string): Compare {
    return wroteLast(key, this.image.modRevision(key))
  }
}

export const absent = (key: string): Compare => ({ key, target: 'version', is: '=', to: 0 })
export const present = (key: string): Compare => ({ key, target: 'version', is: '>', to: 0 })
/** Holds while a key is the one that this revision made. */
export const madeBy = (key: string, revision: number): Compare => ({
  key,
  target: 'createRevision',
  is: '=',
  to: revision
})

/** Holds while this revision was the last to write a key; 0: while it isn't there. */
export const wroteLast = (key: string, revision: number) =>
  ({ key, target: 'modRevision', is: '=', to: revision }) as const

/** Holds while a broker is registered with this epoch. */
export const registeredAs = (nodeId: number, epoch: number): Compare => ({
  key: keys.registration(nodeId),
  target: 'value',
  is: '=',
  to: String(epoch)
})

/** Gives what the metastore refuses a code that doors can translate. */
export async function guard<T>(answer: Promise<T>): Promise<T> {
  try {
    return await answer
  } catch (error) {
    if (!(error instanceof MetastoreError)) throw error
    throw new NaruError('KAFKA_STORAGE_ERROR', `The cluster's metadata can't be reached: ${error.message}`, {
      cause: error
    })
  }
}
