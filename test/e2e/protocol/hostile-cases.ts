import { frame, Reader, recordBatch, Writer } from '../../support/raw.ts'
import type { Case, Place } from './case.ts'
import * as ask from './requests.ts'

const names = (...topics: string[]) => {
  const body = new Writer().int32(topics.length)
  for (const topic of topics) body.string(topic)
  return body.build()
}

/** Produces with a time-out, and gives the error. */
const produced = async (place: Place, timeoutMs: number, partition = 0) => {
  const answer = await ask.produce(await place.create(), place.topic, partition, recordBatch(), -1, timeoutMs)
  return typeof answer === 'string' ? answer : answer.error
}

const fetched = async (place: Place, options: Parameters<typeof ask.fetch>[3], offset = 0) => {
  const connection = await place.create()
  await ask.produce(connection, place.topic, 0, recordBatch())
  const answer = await ask.fetch(connection, place.topic, offset, options)
  return typeof answer === 'string' ? answer : { error: answer.error, bytes: answer.records.length > 0 }
}

/** Error of a JoinGroup v1 of a newcomer. */
async function joined(place: Place, group: string, sessionMs: number, rebalanceMs: number, type = 'consumer') {
  const body = new Writer().string(group).int32(sessionMs).int32(rebalanceMs).string('').string(type)
  body.int32(1).string('range').bytes(Buffer.alloc(4))
  const answer = await (await place.open()).ask({ key: 11, version: 1 }, body.build())
  return answer instanceof Reader ? answer.int16() : answer
}

/** What Apache Kafka 4.3 answers to requests that are right in form and odd in content. */
export const hostileCases: Case[] = [
  { name: 'Produce with a time-out of 2^31-1 ms', run: place => produced(place, 0x7fff_ffff), expected: 0 },
  { name: 'Produce to a negative partition', run: place => produced(place, 1000, -1), expected: 3 },
  { name: 'Produce to partition 2^31-1', run: place => produced(place, 1000, 0x7fff_ffff), expected: 3 },
  {
    name: 'Fetch that waits -1 ms for 2^31-1 bytes',
    run: place => fetched(place, { waitMs: -1, minBytes: 0x7fff_ffff }),
    expected: { error: 0, bytes: true }
  },
  {
    name: 'Fetch that waits 2^31-1 ms for what is there',
    run: place => fetched(place, { waitMs: 0x7fff_ffff, minBytes: 1 }),
    expected: { error: 0, bytes: true }
  },
  {
    name: 'Fetch from a negative offset',
    run: place => fetched(place, {}, -5),
    expected: { error: 1, bytes: false }
  },
  {
    name: 'Fetch of a negative partition',
    run: place => fetched(place, { partition: -1 }),
    expected: { error: 3, bytes: false }
  },
  {
    name: 'a client id of 32,767 bytes',
    async run(place) {
      const connection = await place.open()
      const request = new Writer().int16(18).int16(0).int32(5).string('c'.repeat(32_767)).build()
      connection.write(new Writer().bytes(request).build())
      const answer = await connection.next()
      return typeof answer === 'string' ? answer : answer.readInt32BE(0)
    },
    expected: 5
  },
  {
    name: 'Metadata of names of every badness',
    async run(place) {
      const bad = ['', '.', '..', 'a b', 'a/b', 'ü', 'x'.repeat(250), '\0', 'a:b', '*']
      const answer = await ask.metadata(await place.open(), names(...bad))
      return typeof answer === 'string' ? answer : answer.map(({ error }) => error)
    },
    expected: Array(10).fill(17)
  },
  {
    name: 'Metadata of one unknown name, a thousand times',
    async run(place) {
      const answer = await ask.metadata(await place.open(), names(...Array(1000).fill(`${place.topic}-no`)))
      return typeof answer === 'string' ? answer : [...new Set(answer.map(({ error }) => error))]
    },
    expected: [3]
  },
  {
    name: 'CreateTopics of 2^31-1 partitions',
    run: async place => ask.createTopic(await place.open(), `${place.topic}-many`, 0x7fff_ffff),
    expected: 44
  },
  {
    name: 'CreateTopics of -2 partitions',
    run: async place => ask.createTopic(await place.open(), `${place.topic}-few`, -2),
    expected: 37
  },
  { name: 'JoinGroup of a group without a name', run: place => joined(place, '', 10_000, 10_000), expected: 24 },
  { name: 'JoinGroup with a session time-out of -1', run: place => joined(place, 'g', -1, 10_000), expected: 26 },
  {
    name: 'JoinGroup with a session time-out of 2^31-1',
    run: place => joined(place, 'g', 0x7fff_ffff, 10_000),
    expected: 26
  },
  { name: 'JoinGroup without a protocol type', run: place => joined(place, 'g', 10_000, 10_000, ''), expected: 23 },
  {
    name: 'OffsetCommit of a metadata text of 5,000 bytes',
    async run(place) {
      await place.create()
      return ask.commitOffset(await place.open(), place.topic, place.topic, 1, 'm'.repeat(5000))
    },
    expected: 12
  },
  {
    name: 'OffsetCommit of offset -5',
    async run(place) {
      await place.create()
      return ask.commitOffset(await place.open(), place.topic, place.topic, -5)
    },
    expected: 0
  },
  {
    name: 'a TLS hello',
    async run(place) {
      const connection = await place.open()
      connection.write(Buffer.from('16030100f8010000f40303'.padEnd(506, '0'), 'hex'))
      return connection.next()
    },
    expected: 'closed'
  },
  {
    name: 'two requests, rubbish and a third: two answers, and the end',
    async run(place) {
      const connection = await place.open()
      const versions = (id: number) => frame({ key: 18, version: 0 }, id, Buffer.alloc(0))
      connection.write(Buffer.concat([versions(1), versions(2), new Writer().int32(-7).build(), versions(3)]))
      const seen: unknown[] = []
      for (let i = 0; i < 3; i++) {
        const answer = await connection.next()
        seen.push(typeof answer === 'string' ? answer : answer.readInt32BE(0))
      }
      return seen
    },
    expected: [1, 2, 'closed']
  }
]
