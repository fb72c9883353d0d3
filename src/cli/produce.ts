import { createReadStream } from 'node:fs'
import { readFile, stat } from 'node:fs/promises'
import { buffer } from 'node:stream/consumers'
import { Command, Option } from 'commander'
import { Producer, type ProducerRecord } from '../client/producer.ts'
import { type Codec, compressionCodecs } from '../record/header.ts'
import { type ClientFlags, gather, nameAndValue, wholeNumber, withClientFlags, withCluster } from './client.ts'
import { UsageError } from './failure.ts'
import { printJson } from './output.ts'
import { Progress } from './progress.ts'
import { recordOf } from './record-json.ts'
import { flagBytes, split } from './split.ts'

interface ProduceFlags extends ClientFlags {
  key?: string
  keySeparator?: string
  header: string[]
  delimiter: string
  wholeFiles?: boolean
  fromJson?: boolean
  emptyAsNull?: boolean
  partition?: number
  codec: Codec
  acks: '0' | '1' | 'all'
  batchBytes: number
  lingerMs: number
  autoCreate: boolean
  json?: boolean
}

/** `naru produce`. */
export function produceCommand(): Command {
  return withClientFlags(new Command('produce'))
    .description('Send records: each line of the files, or of standard input, is one.')
    .argument('<topic>')
    .argument('[files...]', "files to send; '-' or none is standard input")
    .option('-k, --key <text>', 'the key of every record')
    .option('-K, --key-separator <text>', 'what stands in front of it is the key: --key-separator :')
    .option('-H, --header <name=value>', 'a header of every record (may be repeated)', gather, [])
    .addOption(new Option('-D, --delimiter <text>', 'what ends a record; \\n\\n for paragraphs').default('\\n', '\\n'))
    .option('--whole-files', 'each file is one record')
    .option('--from-json', "each line is a record as 'naru consume --json' prints it")
    .option('--empty-as-null', 'an empty value is null: a tombstone in a compacted topic')
    .option('-p, --partition <number>', 'the partition (default: by key, else any)', wholeNumber(0))
    .addOption(new Option('-z, --codec <codec>', 'compression').choices(compressionCodecs).default('none'))
    .addOption(
      new Option('-a, --acks <acks>', 'how safe is safe: 0 sent, 1 on the leader, all on every in-sync replica')
        .choices(['0', '1', 'all'])
        .default('all')
    )
    .option('--batch-bytes <number>', 'a batch is sent when it has this many bytes', wholeNumber(1), 262_144)
    .option('--linger-ms <number>', 'or after so long', wholeNumber(0), 5)
    .option('--no-auto-create', 'fail when the topic does not exist, even if the broker would create it')
    .option('--json', 'print where each record landed, as a line of JSON')
    .addHelpText(
      'after',
      `
Examples:
  $ echo 'hello' | naru produce greetings
  $ naru produce orders orders.txt --key-separator : --codec zstd
  $ naru produce documents *.pdf --whole-files --header type=pdf
  $ naru consume orders --from beginning --exit --json | naru produce copy --from-json

With --acks all (the default) the producer is idempotent: whatever is sent again arrives once.
`
    )
    .action((topic: string, files: string[], flags: ProduceFlags) => produce(topic, files, flags))
}

async function produce(topic: string, files: string[], flags: ProduceFlags): Promise<void> {
  if (flags.fromJson && (flags.key !== undefined || flags.keySeparator !== undefined || flags.wholeFiles))
    throw new UsageError(
      '--from-json takes keys from the JSON; --key, --key-separator and --whole-files do not go with it.'
    )
  if (flags.key !== undefined && flags.keySeparator !== undefined)
    throw new UsageError('Either every record has the same --key, or each brings its own before a --key-separator.')
  const toRecord = recordMaker(topic, flags)
  const sources = files.length === 0 ? ['-'] : files
  const totalBytes = await sizeOf(sources)
  await withCluster(flags, async cluster => {
    const producer = new Producer(cluster, {
      acks: flags.acks === 'all' ? -1 : flags.acks === '1' ? 1 : 0,
      codec: flags.codec,
      batchBytes: flags.batchBytes,
      lingerMs: flags.lingerMs,
      createTopics: flags.autoCreate
    })
    const progress = new Progress()
    let sent = 0
    let delivered = 0
    let bytes = 0
    let failure: unknown
    try {
      for await (const pieces of flags.wholeFiles
        ? wholeFiles(sources)
        : piecesOf(sources, flagBytes(flags.delimiter))) {
        for (const piece of pieces) {
          const delivery = producer.send(toRecord(piece))
          sent++
          bytes += piece.length + 1
          delivery.then(
            landed => {
              delivered++
              if (flags.json) printJson(landed)
            },
            error => {
              failure ??= error
            }
          )
        }
        progress.update({ records: delivered, bytes, fraction: totalBytes ? bytes / totalBytes : undefined })
        await producer.ready()
        if (failure) break
      }
    } finally {
      await producer.close()
      progress.end()
      if (failure || process.stderr.isTTY) process.stderr.write(`${delivered} of ${sent} records delivered.\n`)
    }
    if (failure) throw failure
  })
}

function recordMaker(topic: string, flags: ProduceFlags): (piece: Buffer) => ProducerRecord {
  if (flags.fromJson)
    return piece => ({
      ...recordOf(piece, topic),
      ...(flags.partition !== undefined && { partition: flags.partition })
    })
  const headers = flags.header.map(pair => {
    const [key, value] = nameAndValue(pair, '--header')
    return { key, value: Buffer.from(value) }
  })
  const fixedKey = flags.key === undefined ? null : Buffer.from(flags.key)
  const separator = flags.keySeparator === undefined ? undefined : flagBytes(flags.keySeparator)
  if (separator?.length === 0) throw new UsageError('--key-separator must not be empty.')
  const { partition, emptyAsNull } = flags
  return piece => {
    const at = separator ? piece.indexOf(separator) : -1
    const key = at >= 0 ? piece.subarray(0, at) : fixedKey
    const value = at >= 0 ? piece.subarray(at + separator!.length) : piece
    return { topic, partition, key, value: emptyAsNull && value.length === 0 ? null : value, headers }
  }
}

/** Bytes of all files together; undefined when standard input is among them. */
async function sizeOf(sources: readonly string[]): Promise<number | undefined> {
  if (sources.includes('-')) return undefined
  let total = 0
  for (const source of sources) total += (await stat(source)).size
  return total
}

async function* piecesOf(sources: readonly string[], delimiter: Buffer): AsyncGenerator<Buffer[], void> {
  if (delimiter.length === 0) throw new UsageError('--delimiter must not be empty.')
  for (const source of sources) yield* split(source === '-' ? process.stdin : createReadStream(source), delimiter)
}

async function* wholeFiles(sources: readonly string[]): AsyncGenerator<Buffer[], void> {
  for (const source of sources) yield [source === '-' ? await buffer(process.stdin) : await readFile(source)]
}
