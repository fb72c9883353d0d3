import { NaruError } from '../std/errors.ts'

/** What a log answers with once it can't be written or read any more. */
export function storageError(cause: Error): NaruError {
  return new NaruError('KAFKA_STORAGE_ERROR', cause.message, { cause })
}

/** CORRUPT_MESSAGE, with what is damaged: offsets [from, to). */
export class DamagedError extends NaruError {
  readonly from: number
  readonly to: number

  constructor(log: string, from: number, to: number) {
    super('CORRUPT_MESSAGE', `log ${log}: offsets ${from} to ${to - 1} are damaged on disk`)
    this.from = from
    this.to = to
  }
}
