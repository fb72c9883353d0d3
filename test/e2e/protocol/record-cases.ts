import { type BatchOptions, frame, type RawConnection, recordBatch } from '../../support/raw.ts'
import type { Case, Place } from './case.ts'
import * as ask from './requests.ts'

/** What Apache Kafka 4.3 answers to batches, fetches, offsets, groups and topics at their edges. */

/** The error of a produced batch; nothing may be in the log when it is refused. */
function produced(name: string, batch: () => Buffer, error: number, configs?: [string, string][]): Case {
  return {
    name: `produce: ${name}`,
    async run(place) {
      const connection = await place.create(configs)
      const answer = await ask.produce(connection, place.topic, 0, batch())
      return { answer, end: await ask.listOffset(await place.open(), place.topic, -1) }
    },
    expected: {
      answer: error === 0 ? { error: 0, baseOffset: 0 } : { error, baseOffset: -1 },
      end: { error: 0, offset: error === 0 ? 1 : 0 }
    }
  }
}

const batch = (options: BatchOptions) => () => recordBatch(options)
const hourMs = 3_600_000

const bigValue = (bytes: number) => [{ key: 'k', value: Buffer.alloc(bytes, 'x') }]

/** Ten batches of 1,000 bytes and a bit, one record each. */
async function fill(place: Place, count = 10): Promise<RawConnection> {
  const connection = await place.create()
  for (let i = 0; i < count; i++) await ask.produce(connection, place.topic, 0, recordBatch({ records: bigValue(700) }))
  return connection
}

export const recordCases: Case[] = [
  produced('a right batch', batch({}), 0),
  produced('a count that is too high', batch({ count: 2 }), 87),
  produced(
    'count and last offset delta that claim 2^31-1',
    batch({ count: 0x7fff_ffff, lastOffsetDelta: 0x7fff_fffe }),
    87
  ),
  produced('a last offset delta that is too high', batch({ lastOffsetDelta: 5 }), 87),
  produced('two batches for one partition', () => Buffer.concat([recordBatch(), recordBatch()]), 87),
  produced('no records', batch({ records: [] }), 87),
  produced('a batch length that is too long', batch({ lengthError: 5 }), 87),
  {
    // CORRUPT_MESSAGE or INVALID_RECORD: both say what is wrong with it.
    name: 'produce: a batch length that is too short',
    async run(place) {
      const connection = await place.create()
      const answer = await ask.produce(connection, place.topic, 0, recordBatch({ lengthError: -5 }))
      return typeof answer === 'string' ? answer : [2, 87].includes(answer.error)
    },
    expected: true
  },
  produced('a control batch', batch({ attributes: 0x20 }), 87),
  produced('magic 1', batch({ magic: 1 }), 87),
  produced('magic 9', batch({ magic: 9 }), 2),
  produced('a wrong CRC', batch({ crcError: true }), 2),
  produced('an unknown codec', batch({ attributes: 7 }), -1),
  produced('a batch over the limit', batch({ records: bigValue(1_200_000) }), 10),
  produced("a batch over the topic's limit", batch({ records: bigValue(2000) }), 10, [['max.message.bytes', '1000']]),
  produced('a record without a key to a compacted topic', batch({ records: [{ key: null, value: 'v' }] }), 87, [
    ['cleanup.policy', 'compact']
  ]),
  produced('a timestamp two hours ahead', () => recordBatch({ timestamp: Date.now() + 2 * hourMs }), 32),
  {
    name: 'produce: acks=2',
    async run(place) {
      return ask.produce(await place.create(), place.topic, 0, recordBatch(), 2)
    },
    expected: { error: 21, baseOffset: -1 }
  },
  {
    name: 'produce: an unknown partition and an unknown topic',
    async run(place) {
      const connection = await place.create()
      const partition = await ask.produce(connection, place.topic, 9, recordBatch())
      return [partition, await ask.produce(connection, `${place.topic}-unknown`, 0, recordBatch())]
    },
    expected: [
      { error: 3, baseOffset: -1 },
      { error: 3, baseOffset: -1 }
    ]
  },
  {
    name: 'produce: acks=0 is not answered; with an error the connection closes',
    async run(place) {
      const connection = await place.create()
      connection.write(frame({ key: 0, version: 7 }, 5, ask.produceBody(place.topic, 0, recordBatch(), 0)))
      // Nobody promised when it is there.
      let end = await ask.listOffset(connection, place.topic, -1)
      for (let i = 0; i < 50 && typeof end !== 'string' && end.offset === 0; i++) {
        await new Promise(resolve => setTimeout(resolve, 20))
        end = await ask.listOffset(connection, place.topic, -1)
      }
      connection.write(frame({ key: 0, version: 7 }, 6, ask.produceBody(place.topic, 9, recordBatch(), 0)))
      return { end, afterError: await connection.next() }
    },
    expected: { end: { error: 0, offset: 1 }, afterError: 'closed' }
  },
  {
    name: 'produce: acks=0 of an idempotent producer: a repeat is dropped, a gap closes the connection',
    async run(place) {
      const connection = await place.create()
      const send = (sequence: number, acks: number) => {
        const batch = recordBatch({ producer: { id: 987_654, sequence } })
        return frame({ key: 0, version: 7 }, 10 + sequence, ask.produceBody(place.topic, 0, batch, acks))
      }
      // The one with an answer comes last, so all are done when it is there.
      for (const [sequence, acks] of [
        [0, 0],
        [0, 0],
        [1, 0],
        [1, 0],
        [2, 1]
      ])
        connection.write(send(sequence, acks))
      const answered = typeof (await connection.next()) !== 'string'
      const end = await ask.listOffset(connection, place.topic, -1)
      connection.write(send(9, 0))
      return { answered, end, afterGap: await connection.next() }
    },
    expected: { answered: true, end: { error: 0, offset: 3 }, afterGap: 'closed' }
  },

  {
    name: 'fetch: one batch that is larger than asked for comes whole',
    async run(place) {
      const answer = await ask.fetch(await fill(place), place.topic, 3, { maxBytes: 1 })
      return typeof answer === 'string' ? answer : ask.batchesIn(answer.records)
    },
    expected: [{ baseOffset: 3, whole: true }]
  },
  {
    name: 'fetch: a bounded answer begins with whole batches, at most the last is cut',
    async run(place) {
      const answer = await ask.fetch(await fill(place), place.topic, 0, { maxBytes: 5000 })
      if (typeof answer === 'string') return answer
      const batches = ask.batchesIn(answer.records)
      return {
        first: batches[0].baseOffset,
        enough: batches.filter(batch => batch.whole).length >= 5,
        cut: batches.slice(0, -1).some(batch => !batch.whole),
        bounded: answer.records.length <= 5000
      }
    },
    expected: { first: 0, enough: true, cut: false, bounded: true }
  },
  {
    name: 'fetch: an offset in the middle of a batch gives the whole batch',
    async run(place) {
      const connection = await place.create()
      const records = Array.from({ length: 10 }, (_, i) => ({ key: 'k', value: String(i) }))
      await ask.produce(connection, place.topic, 0, recordBatch({ records }))
      const answer = await ask.fetch(connection, place.topic, 7)
      return typeof answer === 'string' ? answer : ask.batchesIn(answer.records)
    },
    expected: [{ baseOffset: 0, whole: true }]
  },
  {
    name: 'fetch: out of range, at the end, of an unknown partition',
    async run(place) {
      const connection = await fill(place, 2)
      const answers = []
      for (const [offset, partition] of [
        [99, 0],
        [-1, 0],
        [2, 0],
        [0, 7]
      ]) {
        const answer = await ask.fetch(connection, place.topic, offset, { partition })
        if (typeof answer === 'string') return answer
        answers.push([answer.error, answer.highWatermark, answer.logStartOffset, answer.records.length])
      }
      return answers
    },
    expected: [
      [1, -1, -1, 0],
      [1, -1, -1, 0],
      [0, 2, 0, 0],
      [3, -1, -1, 0]
    ]
  },
  {
    name: 'fetch: waits for records, and is answered as soon as they are there',
    async run(place) {
      const connection = await place.create()
      const startedMs = Date.now()
      const waiting = ask.fetch(connection, place.topic, 0, { waitMs: 4000, minBytes: 1 })
      await ask.produce(await place.open(), place.topic, 0, recordBatch())
      const answer = await waiting
      const quick = Date.now() - startedMs < 3000
      return typeof answer === 'string' ? answer : { quick, batches: ask.batchesIn(answer.records) }
    },
    expected: { quick: true, batches: [{ baseOffset: 0, whole: true }] }
  },
  {
    name: 'offsets: earliest, latest, by time, after the last',
    async run(place) {
      const connection = await place.create()
      const now = Date.now() - 10_000
      for (let i = 0; i < 3; i++)
        await ask.produce(connection, place.topic, 0, recordBatch({ timestamp: now + i * 1000 }))
      const answers = []
      for (const timestamp of [-2, -1, 0, now + 500, now + 2000, now + 5000])
        answers.push(await ask.listOffset(connection, place.topic, timestamp))
      return answers
    },
    expected: [0, 3, 0, 1, 2, -1].map(offset => ({ error: 0, offset }))
  },
  {
    name: 'offsets: asked for behind a request that moves them, without waiting for its answer',
    async run(place) {
      const connection = await fill(place, 3)
      return Promise.all([
        ask.deleteRecords(connection, place.topic, 2),
        ask.listOffset(connection, place.topic, -2),
        ask.deleteRecords(connection, place.topic, -1),
        ask.listOffset(connection, place.topic, -2)
      ])
    },
    expected: [0, { error: 0, offset: 2 }, 0, { error: 0, offset: 3 }]
  },
  {
    name: 'groups: a committed offset of -2 is accepted and read back, with its metadata',
    async run(place) {
      const connection = await place.create()
      const error = await ask.commitOffset(connection, place.topic, place.topic, -2, 'a note')
      return { error, read: await ask.fetchOffset(connection, place.topic, place.topic) }
    },
    expected: { error: 0, read: { offset: -2, metadata: 'a note', error: 0 } }
  },
  {
    name: 'groups: an unknown topic, too much metadata, nothing committed',
    async run(place) {
      const connection = await place.create()
      return [
        await ask.commitOffset(connection, place.topic, `${place.topic}-unknown`, 1),
        await ask.commitOffset(connection, place.topic, place.topic, 1, 'x'.repeat(5000)),
        await ask.fetchOffset(connection, place.topic, place.topic)
      ]
    },
    expected: [3, 12, { offset: -1, metadata: '', error: 0 }]
  },
  {
    name: 'groups: an unknown one is Dead in old versions, and GROUP_ID_NOT_FOUND in v6',
    async run(place) {
      const connection = await place.open()
      return [
        await ask.describeGroup(connection, 0, `${place.topic}-unknown`),
        await ask.describeGroup(connection, 6, `${place.topic}-unknown`)
      ]
    },
    expected: [
      { error: 0, state: 'Dead' },
      { error: 69, state: 'Dead' }
    ]
  },
  {
    name: 'topics: created twice, without partitions, with an unknown config, with a bad name',
    async run(place) {
      const connection = await place.create()
      return [
        await ask.createTopic(connection, place.topic),
        await ask.createTopic(connection, `${place.topic}-none`, 0),
        await ask.createTopic(connection, `${place.topic}-config`, 1, [['no.such.config', '1']]),
        await ask.createTopic(connection, `${place.topic}-value`, 1, [['retention.ms', 'long']]),
        await ask.createTopic(connection, 'not/a/topic'),
        await ask.createTopic(connection, 'x'.repeat(250)),
        await ask.createTopic(connection, '..')
      ]
    },
    expected: [36, 37, 40, 40, 17, 17, 17]
  }
]
