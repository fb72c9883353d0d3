import { CommanderError } from 'commander'
import { DiskError } from '../disk/disk.ts'
import { type ErrorCode, messageOf, NaruError } from '../std/errors.ts'

/** How the command ends; docs/command-line.md tells scripts. */
export const exitCodes = {
  ok: 0,
  /** It was tried, and went wrong or found something wrong. */
  failed: 1,
  /** The command line makes no sense, or asks for something impossible. */
  usage: 2,
  /** No broker answers. */
  unreachable: 3,
  /** Nothing is wrong, but something is not as it should be (`naru doctor`). */
  warned: 4
} as const

/** What the command says and how it ends. */
export interface Failure {
  /** Empty when it was said already. */
  readonly message: string
  readonly hint?: string
  readonly exitCode: number
}

/** A command line that makes no sense. */
export class UsageError extends Error {}

/** Something that went wrong, with what to do about it. */
export class Failed extends Error {
  readonly hint: string | undefined

  constructor(message: string, hint?: string) {
    super(message)
    this.hint = hint
  }
}

/** What a person can do about an error. */
const hints: Partial<Record<ErrorCode, string>> = {
  NETWORK_EXCEPTION:
    "Is a broker running there? 'naru start' runs one on localhost:9092; --bootstrap or NARU_BOOTSTRAP names another address.",
  REQUEST_TIMED_OUT: 'The broker is there but does not answer in time. Its log may say why.',
  UNKNOWN_TOPIC_OR_PARTITION: "'naru topic list' shows the topics; 'naru topic create NAME' makes one.",
  TOPIC_ALREADY_EXISTS: "'naru topic describe NAME' shows it.",
  INVALID_TOPIC_EXCEPTION:
    "Topic names have 1 to 249 of the characters a-z A-Z 0-9 . _ and -, and are not '.' or '..'.",
  INVALID_PARTITIONS: "Partitions can be added, never removed: 'naru topic describe NAME' shows how many there are.",
  INVALID_CONFIG: "'naru config list topic/NAME --all --docs' tells the configs of a topic and what they take.",
  MESSAGE_TOO_LARGE: "The topic's max.message.bytes is the limit; --codec zstd makes batches smaller.",
  INVALID_REPLICATION_FACTOR: 'There are fewer brokers than copies asked for.',
  OFFSET_OUT_OF_RANGE: "'naru topic describe NAME' shows the offsets that exist; --from beginning starts at the first.",
  GROUP_ID_NOT_FOUND: "'naru group list' shows the groups.",
  NON_EMPTY_GROUP: "Stop its members first; 'naru group describe GROUP --members' shows them.",
  GROUP_SUBSCRIBED_TO_TOPIC: "Its members read this topic: stop them first ('naru group describe GROUP --members').",
  UNSUPPORTED_VERSION: 'The broker is too old or too new for this client.'
}

export function failureOf(error: unknown): Failure {
  if (error instanceof CommanderError)
    // Help and version come this way too; whatever it is, commander has printed it.
    return { message: '', exitCode: error.exitCode === 0 ? exitCodes.ok : exitCodes.usage }
  if (error instanceof UsageError) return { message: error.message, exitCode: exitCodes.usage }
  if (error instanceof Failed) return { message: error.message, hint: error.hint, exitCode: exitCodes.failed }
  if (error instanceof DiskError && error.kind === 'locked')
    return {
      message: error.message,
      hint: "Stop it first, or choose another folder: 'naru start --data-dir OTHER'.",
      exitCode: exitCodes.failed
    }
  if (!(error instanceof NaruError)) return { message: messageOf(error), exitCode: exitCodes.failed }
  const known = error.code === 'NETWORK_EXCEPTION' || error.message.includes(error.code)
  const named = known ? error.message : `${error.message} (${error.code})`
  return { message: named, hint: hints[error.code], exitCode: exitCodeOf(error.code) }
}

function exitCodeOf(code: ErrorCode): number {
  if (code === 'INVALID_CONFIG') return exitCodes.usage
  return code === 'NETWORK_EXCEPTION' || code === 'BROKER_NOT_AVAILABLE' ? exitCodes.unreachable : exitCodes.failed
}
