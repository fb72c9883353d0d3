import { Command, Option } from 'commander'
import type { Cluster } from '../client/cluster.ts'
import { type ConsumedRecord, Consumer, type ConsumerOptions } from '../client/consumer.ts'
import { GroupConsumer } from '../client/group-consumer.ts'
import { listOffset, type OffsetSpec } from '../client/offsets.ts'
import { type ClientFlags, wholeNumber, withClientFlags, withCluster } from './client.ts'
import { UsageError } from './failure.ts'
import { RecordOutput } from './output.ts'
import { Progress } from './progress.ts'
import { jsonOf } from './record-json.ts'
import { timeMs } from './reset-texts.ts'
import { flagBytes } from './split.ts'
import { Stopping } from './stopping.ts'

/** How long a member that is stopped tries to commit and to leave: others wait for it otherwise. */
const leavingMs = 3000

const unansweredHint =
  'No broker answered: the group may get again what was printed last, and waits for this member until its session ends.'

interface ConsumeFlags extends ClientFlags {
  from?: string
  partition?: number[]
  group?: string
  count?: number
  exit?: boolean
  json?: boolean
  keySeparator?: string
  delimiter: string
  uncommitted?: boolean
}

/** `naru consume`. */
export function consumeCommand(): Command {
  return withClientFlags(new Command('consume'))
    .description('Print the records of a topic as they come.')
    .argument('<topic>')
    .option(
      '-f, --from <place>',
      'beginning, end, an offset, -N (the last N) or a time (default: end; with --group: beginning)'
    )
    .option('-p, --partition <numbers>', 'only these partitions: 0 or 0,3', partitionList)
    .option('-g, --group <name>', 'share the topic with the members of this group, and go on where it stopped')
    .option('-n, --count <number>', 'stop after so many records', wholeNumber(1))
    .option('-e, --exit', 'stop at the end of what is there now')
    .option('--json', 'print each record as a line of JSON')
    .option('-K, --key-separator <text>', 'print the key too, with this after it: --key-separator "\\t"')
    .addOption(new Option('-D, --delimiter <text>', 'what follows each record').default('\\n', '\\n'))
    .option('--uncommitted', 'show records of transactions that are open or were aborted')
    .addHelpText(
      'after',
      `
A time is one that JavaScript's Date reads (2026-01-31, 2026-01-31T12:00:00Z), or @ and the milliseconds since 1970.

Examples:
  $ naru consume orders                                      what comes from now on
  $ naru consume orders --from beginning --exit              everything that is there
  $ naru consume orders --from -10 --exit                    the last ten of each partition
  $ naru consume orders --from 2026-01-31T12:00:00Z --json | jq .value
  $ naru consume orders --group billing                      run it twice to share the work

In JSON, keys and values that are not UTF-8 appear as {"base64": "..."}; size is the record's bytes in its batch and
checksum their CRC-32C.
`
    )
    .action((topic: string, flags: ConsumeFlags) => consume(topic, flags))
}

function partitionList(text: string): number[] {
  return text.split(',').map(wholeNumber(0))
}

/** What both kinds of consumers have. */
type Source = Pick<Consumer, 'poll' | 'positions' | 'interrupt'> & { close(processed: boolean): void | Promise<void> }

async function consume(topic: string, flags: ConsumeFlags): Promise<void> {
  if (flags.group !== undefined && flags.partition)
    throw new UsageError('A group hands out the partitions itself: --partition does not go with --group.')
  const from = placeOf(flags.from ?? (flags.group === undefined ? 'end' : 'beginning'))
  if (flags.group !== undefined && typeof from !== 'string')
    throw new UsageError('A group goes on where it stopped: with --group, --from can only be beginning or end.')
  const format = formatOf(flags)
  await withCluster(flags, async cluster => {
    const info = await cluster.topic(topic)
    const missing = flags.partition?.find(partition => partition >= info.partitions.length)
    if (missing !== undefined)
      throw new UsageError(
        `Topic ${topic} has ${info.partitions.length} partition(s); there is no partition ${missing}.`
      )
    const partitions = flags.partition ?? info.partitions.map(({ index }) => index)
    const options: ConsumerOptions = { readCommitted: !flags.uncommitted, maxWaitMs: 250 }
    const source: Source =
      flags.group === undefined
        ? await assigned(cluster, topic, partitions, from, options)
        : new GroupConsumer(cluster, {
            ...options,
            groupId: flags.group,
            topics: [topic],
            reset: from === 'latest' ? 'latest' : 'earliest'
          })
    const ends = flags.exit ? await endsOf(cluster, topic, info.partitions.length, !flags.uncommitted) : undefined
    const stopping = new Stopping(cluster.clock, {
      hint: flags.group === undefined ? undefined : unansweredHint,
      graceMs: leavingMs,
      onAsk: () => source.interrupt()
    }).onSignal()
    await pump(source, format, flags.count ?? Number.POSITIVE_INFINITY, ends, stopping).finally(() => stopping.end())
  })
}

async function assigned(
  cluster: Cluster,
  topic: string,
  partitions: readonly number[],
  from: Place,
  options: ConsumerOptions
): Promise<Source> {
  const starts = await cluster.retrying(() =>
    Promise.all(
      partitions.map(async partition => {
        if (typeof from === 'object' && 'last' in from) {
          const [first, end] = await Promise.all([
            listOffset(cluster, { topic, partition, at: 'earliest' }, options.readCommitted),
            listOffset(cluster, { topic, partition, at: 'latest' }, options.readCommitted)
          ])
          return { topic, partition, at: Math.max(first.offset, end.offset - from.last) }
        }
        const { offset } = await listOffset(cluster, { topic, partition, at: from }, options.readCommitted)
        return { topic, partition, at: offset }
      })
    )
  )
  const consumer = new Consumer(cluster, { ...options, reset: typeof from === 'number' ? 'none' : 'earliest' })
  consumer.assign(starts)
  return consumer
}

/** The end of each partition now. */
function endsOf(cluster: Cluster, topic: string, partitions: number, readCommitted: boolean): Promise<number[]> {
  return cluster.retrying(() =>
    Promise.all(
      Array.from({ length: partitions }, async (_, partition) => {
        const { offset } = await listOffset(cluster, { topic, partition, at: 'latest' }, readCommitted)
        return offset
      })
    )
  )
}

async function pump(
  source: Source,
  format: (record: ConsumedRecord) => Buffer,
  countMax: number,
  ends: readonly number[] | undefined,
  stopping: Stopping
): Promise<void> {
  const output = new RecordOutput(() => stopping.ask())
  // On a terminal the records themselves show how far it is.
  const progress = new Progress({ quiet: process.stdout.isTTY })
  const done = fractionDone(source, countMax, ends)
  let printed = 0
  let bytes = 0
  try {
    while (!stopping.asked && printed < countMax) {
      const records = await stopping.within(source.poll(ends && printed === 0 ? 100 : 1000, countMax - printed))
      for (const record of records) {
        const line = format(record)
        output.write(line)
        bytes += line.length
      }
      printed += records.length
      await output.flush()
      progress.update({ records: printed, bytes, fraction: done(printed) })
      if (ends && reached(source, ends)) break
    }
  } finally {
    progress.end()
    await stopping.within(Promise.resolve(source.close(!output.closed)))
  }
}

/** How much of what is wanted was printed; undefined where there is no end to it. */
function fractionDone(
  source: Source,
  countMax: number,
  ends: readonly number[] | undefined
): (printed: number) => number | undefined {
  const starts = new Map(source.positions().map(({ partition, position }) => [partition, position]))
  return printed => {
    if (countMax < Number.POSITIVE_INFINITY && !ends) return printed / countMax
    if (!ends) return undefined
    let wanted = 0
    let read = 0
    for (const { partition, position } of source.positions()) {
      if (position < 0) continue
      const start = starts.get(partition) ?? position
      starts.set(partition, start)
      wanted += Math.max(0, Math.min(ends[partition], start + countMax) - start)
      read += Math.max(0, Math.min(position, ends[partition]) - start)
    }
    return wanted > 0 ? read / wanted : undefined
  }
}

/** Whether everything below the ends was polled. A group's member that was given no partition has nothing to wait for. */
function reached(source: Source, ends: readonly number[]): boolean {
  return source.positions().every(({ partition, position }) => position >= ends[partition])
}

/** Where to begin; `last` counts back from the end of each partition. */
type Place = OffsetSpec | { readonly last: number }

function placeOf(text: string): Place {
  if (text === 'beginning' || text === 'earliest') return 'earliest'
  if (text === 'end' || text === 'latest') return 'latest'
  if (/^\d+$/.test(text)) return wholeNumber(0)(text)
  if (/^-\d+$/.test(text)) return { last: wholeNumber(1)(text.slice(1)) }
  try {
    return { timestampMs: timeMs(text) }
  } catch {
    throw new UsageError(`--from takes beginning, end, an offset, -N or a time, not '${text}'.`)
  }
}

function formatOf(flags: ConsumeFlags): (record: ConsumedRecord) => Buffer {
  if (flags.json) {
    if (flags.keySeparator !== undefined) throw new UsageError('JSON has the key already: leave --key-separator out.')
    return record => Buffer.from(`${JSON.stringify(jsonOf(record))}\n`)
  }
  const end = flagBytes(flags.delimiter)
  const separator = flags.keySeparator === undefined ? undefined : flagBytes(flags.keySeparator)
  const empty = Buffer.alloc(0)
  return ({ key, value }) =>
    Buffer.concat(separator ? [key ?? empty, separator, value ?? empty, end] : [value ?? empty, end])
}
