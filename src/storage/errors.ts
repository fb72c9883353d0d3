import { NaruError } from '../std/errors.ts'

/** What a log answers with once it can't be written or read any more. */
export function storageError(cause: Error): NaruError {
  return new NaruError('KAFKA_STORAGE_ERROR', cause.message, { cause })
}

export function corruptError(log: string, from: number, to: number): NaruError {
  return new NaruError('CORRUPT_MESSAGE', `log ${log}: offsets ${from} to ${to - 1} are damaged on disk`)
}
