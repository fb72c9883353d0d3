import type { NaruError } from '../std/errors.ts'
import type { StateRecord } from './types.ts'

/** The right to answer one request, once. */
export interface Reply<T> {
  resolve(value: T): void
  reject(error: Error): void
}

/** What a request is answered when that is safe. */
export interface Answer {
  send(): void
  /** In its place, where it does not become so. */
  refuse(error: Error): void
}

/**
 * What one handler, or one timer, wants done: records to append and requests to answer. The shard acts on it when the
 * handler has returned; the answers go out when everything that they may depend on is committed.
 */
export class Turn {
  readonly records: StateRecord[] = []
  readonly answers: Answer[] = []

  write(...records: StateRecord[]): void {
    this.records.push(...records)
  }

  answer<T>(reply: Reply<T>, value: T): void {
    this.answers.push({ send: () => reply.resolve(value), refuse: error => reply.reject(error) })
  }

  refuse<T>(reply: Reply<T>, error: NaruError): void {
    this.answers.push({ send: () => reply.reject(error), refuse: other => reply.reject(other) })
  }
}
