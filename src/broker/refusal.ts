import { codeOf, type ErrorCode, messageOf, NaruError } from '../std/errors.ts'
import type { Logger } from '../std/log.ts'

/** Why one of the things that a request asked for was not done. */
export interface Refusal {
  readonly error: ErrorCode
  readonly message: string
}

/** What a thrown value tells the client. One without a code is a bug of ours or an accident: it must not go unseen. */
export function refusalOf(thrown: unknown, logger: Logger, operation: string): Refusal {
  if (thrown instanceof NaruError) return { error: thrown.code, message: thrown.message }
  logger.error({ err: thrown, operation }, 'an operation failed unexpectedly')
  return { error: codeOf(thrown), message: messageOf(thrown) }
}
