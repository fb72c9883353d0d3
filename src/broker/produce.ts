import { notEnoughReplicas } from '../partition/errors.ts'
import { Inflation } from '../partition/inflation.ts'
import type { Partition } from '../partition/partition.ts'
import type { Appended } from '../partition/types.ts'
import { type RecordError, RecordsError } from '../record/check.ts'
import type { Clock, Timer } from '../std/clock.ts'
import { codeOf, type ErrorCode, messageOf, NaruError } from '../std/errors.ts'
import type { TopicId } from '../storage/types.ts'
import type { Partitions } from './partitions.ts'
import { isInternalTopic } from './topic-names.ts'

/** What one partition of a produce request asks. A topic is named by `topic` or, from version 13 on, by `topicId`. */
export interface ProduceItem {
  readonly topic?: string
  readonly topicId?: TopicId
  readonly index: number
  /** Bytes of the record set as received; patched in place. Null is refused as a request without records. */
  readonly records: Buffer | null
}

/** What became of it; `error` excludes the rest. */
export interface ProduceOutcome {
  error?: ErrorCode
  message?: string
  /** The records that are at fault, where some are (KIP-467). */
  recordErrors?: readonly RecordError[]
  baseOffset: number
  logAppendTimeMs: number
  logStartOffset: number
}

const nothing: ProduceOutcome = { baseOffset: -1, logAppendTimeMs: -1, logStartOffset: -1 }

/**
 * Appends the items of one request, in order and in this very turn, and answers when each is as safe as `acks` asks:
 * 0 at once, 1 in the leader's journal, -1 below the high watermark. Outcomes are in the order of the items; an item
 * that isn't safe after `timeoutMs` says REQUEST_TIMED_OUT (it may still become so).
 */
export function produce(
  partitions: Partitions,
  clock: Pick<Clock, 'after'>,
  acks: number,
  timeoutMs: number,
  items: readonly ProduceItem[]
): ProduceOutcome[] | Promise<ProduceOutcome[]> {
  if (acks !== 0 && acks !== 1 && acks !== -1)
    return items.map(() => refused(new NaruError('INVALID_REQUIRED_ACKS', `acks=${acks} is none of 0, 1 and -1.`)))
  const outcomes: ProduceOutcome[] = new Array(items.length)
  const pending = new Pending(outcomes)
  const inflation = new Inflation()
  for (let i = 0; i < items.length; i++) {
    let partition: Partition | undefined
    try {
      partition = partitions.find(items[i])
      const appended = append(partition, items[i], acks, inflation)
      outcomes[i] = {
        baseOffset: appended.baseOffset,
        logAppendTimeMs: appended.logAppendTimeMs,
        logStartOffset: partition.startOffset
      }
      if (acks === 1) partition.onDurable(appended.lastOffset, pending.await(i))
      else if (acks === -1) partition.onReplicated(appended.lastOffset, pending.await(i))
    } catch (error) {
      if (!(error instanceof NaruError)) partitions.reportBug(error, 'produce')
      outcomes[i] = refused(error, partition)
      // A leader that was replaced and hasn't heard of it lacks what the next one took: producers would give up, or begin anew.
      if (partition && outcomes[i].error === 'OUT_OF_ORDER_SEQUENCE_NUMBER') {
        const done = pending.await(i)
        partition.confirmLeading().then(() => done(), done)
      }
    }
  }
  return pending.count === 0 ? outcomes : pending.settle(clock, timeoutMs)
}

function append(partition: Partition, item: ProduceItem, acks: number, inflation: Inflation): Appended {
  if (isInternalTopic(partition.topic))
    throw new NaruError('INVALID_TOPIC_EXCEPTION', `Cannot append to internal topic ${partition.topic}.`)
  // Before the append, as Kafka does: nothing is left in the log that would have to be tried again.
  if (acks === -1 && partition.leader?.isUnderMinIsr) throw notEnoughReplicas(partition, partition.leader)
  if (item.records === null) throw new NaruError('INVALID_RECORD', 'The request has no records for this partition.')
  return partition.appendFromProducer(item.records, inflation)
}

/** Errors with which Kafka tells where the log begins (KIP-360). */
const beginningTold: ReadonlySet<ErrorCode> = new Set([
  'OUT_OF_ORDER_SEQUENCE_NUMBER',
  'INVALID_PRODUCER_EPOCH',
  'INVALID_RECORD',
  'INVALID_TIMESTAMP',
  'NOT_ENOUGH_REPLICAS'
])

function refused(thrown: unknown, partition?: Partition): ProduceOutcome {
  const recordErrors = thrown instanceof RecordsError ? thrown.records : undefined
  const error = codeOf(thrown)
  const logStartOffset = partition && beginningTold.has(error) ? partition.startOffset : -1
  return { ...nothing, logStartOffset, error, message: messageOf(thrown), recordErrors }
}

/** The items of one request that aren't safe yet: one promise and one timer for all of them. */
class Pending {
  count = 0
  private readonly outcomes: ProduceOutcome[]
  private readonly open = new Set<number>()
  private resolve: ((outcomes: ProduceOutcome[]) => void) | undefined
  private timer: Timer | undefined

  constructor(outcomes: ProduceOutcome[]) {
    this.outcomes = outcomes
  }

  await(item: number): (error?: Error) => void {
    this.count++
    this.open.add(item)
    return error => {
      if (!this.open.delete(item)) return
      if (error) this.outcomes[item] = refused(error)
      if (--this.count === 0) this.finish()
    }
  }

  settle(clock: Pick<Clock, 'after'>, timeoutMs: number): Promise<ProduceOutcome[]> {
    return new Promise(resolve => {
      this.resolve = resolve
      this.timer = clock.after(Math.max(0, timeoutMs), () => this.expire())
    })
  }

  private expire(): void {
    for (const item of this.open)
      this.outcomes[item] = refused(new NaruError('REQUEST_TIMED_OUT', 'Not committed within the request time-out.'))
    this.open.clear()
    this.count = 0
    this.finish()
  }

  private finish(): void {
    this.timer?.cancel()
    this.resolve?.(this.outcomes)
  }
}
