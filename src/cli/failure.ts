import { type ErrorCode, messageOf, NaruError } from '../std/errors.ts'

/** What the command says and how it ends: 1 when something went wrong, 2 when it was asked for something impossible. */
export interface Failure {
  readonly message: string
  readonly hint?: string
  readonly exitCode: number
}

/** A command line that makes no sense. */
export class UsageError extends Error {}

/** What a person can do about an error. */
const hints: Partial<Record<ErrorCode, string>> = {
  NETWORK_EXCEPTION:
    "Is a broker running there? 'naru start' runs one on localhost:9092; --bootstrap or NARU_BOOTSTRAP names another address.",
  REQUEST_TIMED_OUT: 'The broker is there but does not answer in time. Its log may say why.',
  UNKNOWN_TOPIC_OR_PARTITION: "'naru topic list' shows the topics; 'naru topic create NAME' makes one.",
  TOPIC_ALREADY_EXISTS: "'naru topic describe NAME' shows it.",
  INVALID_TOPIC_EXCEPTION:
    "Topic names have 1 to 249 of the characters a-z A-Z 0-9 . _ and -, and are not '.' or '..'.",
  MESSAGE_TOO_LARGE: "The topic's max.message.bytes is the limit; --codec zstd makes batches smaller.",
  INVALID_REPLICATION_FACTOR: 'There are fewer brokers than copies asked for.',
  OFFSET_OUT_OF_RANGE: "'naru topic describe NAME' shows the offsets that exist; --from beginning starts at the first.",
  GROUP_ID_NOT_FOUND: "'naru group list' shows the groups.",
  NON_EMPTY_GROUP: 'Stop its members first.',
  UNSUPPORTED_VERSION: 'The broker is too old or too new for this client.'
}

export function failureOf(error: unknown): Failure {
  if (error instanceof UsageError) return { message: error.message, exitCode: 2 }
  if (!(error instanceof NaruError)) return { message: messageOf(error), exitCode: 1 }
  const known = error.code === 'NETWORK_EXCEPTION' || error.message.includes(error.code)
  const named = known ? error.message : `${error.message} (${error.code})`
  return { message: named, hint: hints[error.code], exitCode: error.code === 'INVALID_CONFIG' ? 2 : 1 }
}
