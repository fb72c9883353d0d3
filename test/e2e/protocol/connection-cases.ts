import { frame, Reader, recordBatch, Writer } from '../../support/raw.ts'
import type { Case } from './case.ts'
import * as ask from './requests.ts'

const text = (value: string) => new Writer().string(value).build()

/** What comes back after bytes that are no proper request. */
function afterBytes(name: string, bytes: () => Buffer): Case {
  return {
    name,
    async run(place) {
      const connection = await place.open()
      connection.write(bytes())
      const answer = await connection.next()
      return typeof answer === 'string' ? answer : 'answered'
    },
    expected: 'closed'
  }
}

const bigValue = (bytes: number) => [{ key: 'k', value: Buffer.alloc(bytes, 'x') }]

/** What Apache Kafka 4.3 answers to frames, headers, ApiVersions and Metadata at their edges. */
export const connectionCases: Case[] = [
  {
    name: 'ApiVersions of an unknown version: error 35 in a v0 body that lists only itself',
    async run(place) {
      const answer = await ask.apiVersions(await place.open(), 99, Buffer.alloc(0))
      if (typeof answer === 'string') return answer
      return { error: answer.error, ranges: answer.ranges.map(([key, min]) => [key, min]) }
    },
    expected: { error: 35, ranges: [[18, 0]] }
  },
  {
    name: 'ApiVersions v3 without a software name: INVALID_REQUEST',
    async run(place) {
      const body = new Writer().compactString('').compactString('').uvarint(0).build()
      const answer = await (await place.open()).ask({ key: 18, version: 3, flexible: true }, body)
      return answer instanceof Reader ? answer.int16() : answer
    },
    expected: 42
  },
  {
    name: 'Produce is advertised from version 0',
    async run(place) {
      const answer = await ask.apiVersions(await place.open(), 0, Buffer.alloc(0))
      return typeof answer === 'string' ? answer : answer.ranges.find(([key]) => key === 0)?.[1]
    },
    expected: 0
  },
  afterBytes('Produce v2', () => frame({ key: 0, version: 2 }, 1, Buffer.alloc(20))),
  afterBytes('Metadata of an unknown version', () => frame({ key: 3, version: 99 }, 1, Buffer.alloc(8))),
  afterBytes('an unknown API key', () => frame({ key: 999, version: 0 }, 1, Buffer.alloc(8))),
  afterBytes('a controller-only API key', () => frame({ key: 52, version: 0, flexible: true }, 1, Buffer.alloc(8))),
  afterBytes('a frame of no bytes', () => Buffer.alloc(4)),
  afterBytes('a negative frame length', () => new Writer().int32(-1).build()),
  afterBytes('a frame length over the limit', () => new Writer().int32(0x7fff_ffff).build()),
  afterBytes('an HTTP request', () => Buffer.from('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n')),
  afterBytes('an array that claims 2^31-1 elements', () =>
    frame({ key: 3, version: 1 }, 1, new Writer().int32(0x7fff_ffff).build())
  ),
  {
    name: 'an array count of -5 is taken as null',
    async run(place) {
      const connection = await place.create()
      const answer = await ask.metadata(connection, new Writer().int32(-5).build())
      return typeof answer === 'string' ? answer : answer.some(topic => topic.name === place.topic)
    },
    expected: true
  },
  {
    name: 'bytes after a request are ignored',
    async run(place) {
      const body = new Writer().int32(1).string(place.topic).raw(Buffer.from('left over')).build()
      const answer = await ask.metadata(await place.create(), body)
      return typeof answer === 'string' ? answer : answer.map(({ error, partitions }) => ({ error, partitions }))
    },
    expected: [{ error: 0, partitions: 1 }]
  },
  {
    name: 'a request that arrives byte by byte is answered',
    async run(place) {
      const connection = await place.open()
      for (const byte of frame({ key: 18, version: 0 }, 7, Buffer.alloc(0))) {
        connection.write(Buffer.from([byte]))
        await new Promise(resolve => setImmediate(resolve))
      }
      const answer = await connection.next()
      return typeof answer === 'string' ? answer : answer.readInt32BE(0)
    },
    expected: 7
  },
  {
    name: 'requests sent together are answered in their order',
    async run(place) {
      const connection = await place.create()
      const produced = (id: number) =>
        frame({ key: 0, version: 7 }, id, ask.produceBody(place.topic, 0, recordBatch({ records: bigValue(id) })))
      const versions = (id: number) => frame({ key: 18, version: 0 }, id, Buffer.alloc(0))
      connection.write(Buffer.concat([produced(1), versions(2), produced(3), produced(4), versions(5)]))
      const order: unknown[] = []
      for (let i = 0; i < 5; i++) {
        const answer = await connection.next()
        if (typeof answer === 'string') return answer
        const reader = new Reader(answer)
        const id = reader.int32()
        order.push(id === 2 || id === 5 ? id : [id, ask.readProduce(reader).baseOffset])
      }
      return order
    },
    expected: [[1, 0], 2, [3, 1], [4, 2], 5]
  },
  {
    name: 'Metadata of a name that no topic can have, and of an unknown one',
    async run(place) {
      const body = new Writer()
        .int32(2)
        .raw(text('not/a/topic'))
        .raw(text(`${place.topic}-unknown`))
        .build()
      const answer = await ask.metadata(await place.open(), body)
      return typeof answer === 'string' ? answer : answer.map(topic => topic.error).sort((a, b) => a - b)
    },
    expected: [3, 17]
  }
]
