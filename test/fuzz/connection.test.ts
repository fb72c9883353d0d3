import assert from 'node:assert/strict'
import { connect, type Socket } from 'node:net'
import { after, before, describe, test } from 'node:test'
import fc from 'fast-check'
import { handlers } from '../../src/doors/kafka/handlers/index.ts'
import { buildBatch } from '../../src/record/build.ts'
import { walkBatches, writeCrc } from '../../src/record/check.ts'
import { compress } from '../../src/record/compression.ts'
import { compressionCodecs } from '../../src/record/header.ts'
import { iterateRecords } from '../../src/record/iterate.ts'
import { type RunningBroker, runBroker } from '../../src/run/start-broker.ts'
import { SeededRandom } from '../../src/std/random.ts'
import { LogKeeper } from '../doors/kafka/support.ts'
import * as ask from '../e2e/protocol/requests.ts'
import { arbitraryStruct } from '../schema/arbitrary.ts'
import { frame, RawConnection, recordBatch, Writer } from '../support/raw.ts'
import { mutated, randomBytes } from './mutate.ts'

// A long run: NARU_FUZZ_RUNS=200 NARU_FUZZ_SEED=9 npm test -- test/fuzz/connection.test.ts
const runs = Number(process.env.NARU_FUZZ_RUNS ?? 2)
const seed = Number(process.env.NARU_FUZZ_SEED ?? 1)

describe('a broker among hostile clients', { concurrency: 1 }, () => {
  let broker: RunningBroker
  let polite: RawConnection
  const log = new LogKeeper()
  let sent = 0

  before(async () => {
    broker = await runBroker(
      { memory: 'true', port: '0', host: '127.0.0.1', 'group.initial.rebalance.delay.ms': '0' },
      log
    )
    polite = await RawConnection.open(broker.host, broker.port)
    assert.equal(await ask.createTopic(polite, 'polite'), 0)
  })
  after(async () => {
    polite.close()
    await broker.close()
  })

  /** A well-behaved client writes and reads, and gets everything. */
  async function served(): Promise<void> {
    const answer = await ask.produce(polite, 'polite', 0, recordBatch())
    assert.deepEqual(answer, { error: 0, baseOffset: sent++ })
    const read = await ask.fetch(polite, 'polite', sent - 1)
    assert.ok(typeof read !== 'string' && read.error === 0 && read.records.length > 61)
    const bugs = log.lines.filter(({ level, message }) => level === 'error' || message.includes('bug'))
    assert.deepEqual(bugs, [])
  }

  function open(): Socket {
    const socket = connect({ host: broker.host, port: broker.port, noDelay: true })
    socket.on('error', () => {})
    return socket
  }

  /** Sends bytes and waits for the broker to close; gives how many bytes came back. */
  function closedAfter(bytes: Buffer): Promise<number> {
    return new Promise((resolve, reject) => {
      const socket = open()
      let received = 0
      const timer = setTimeout(() => reject(new Error(`not closed after ${bytes.toString('hex')}`)), 10_000)
      socket.on('data', chunk => {
        received += chunk.length
      })
      socket.on('close', () => {
        clearTimeout(timer)
        resolve(received)
      })
      socket.write(bytes)
    })
  }

  const requests = (count: number, from = 0) =>
    Buffer.concat(Array.from({ length: count }, (_, id) => frame({ key: 18, version: 0 }, from + id, Buffer.alloc(0))))

  const neverAnswered: [string, Buffer][] = [
    ['an HTTP request', Buffer.from('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n')],
    ['an HTTP/2 preface', Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n')],
    ['a TLS hello', Buffer.from('16030100f8010000f40303'.padEnd(506, '0'), 'hex')],
    ['an SSH banner', Buffer.from('SSH-2.0-OpenSSH_9.2p1\r\n')],
    ['an AMQP header', Buffer.from('AMQP\0\0\x09\x01')],
    ['a Redis command', Buffer.from('*1\r\n$4\r\nPING\r\n')],
    ['a frame of no bytes', Buffer.alloc(4)],
    ['a negative length', new Writer().int32(-1).build()],
    ['the smallest length', new Writer().int32(-0x8000_0000).build()],
    ['the largest length', new Writer().int32(0x7fff_ffff).build()],
    ['a frame of one byte', Buffer.from([0, 0, 0, 1, 0])],
    ['a header that ends in the client id', new Writer().bytes(Buffer.from('0012000000000001000961', 'hex')).build()],
    [
      'a client id of -2 bytes and nothing else',
      new Writer().bytes(Buffer.from('00030001000000010ffe', 'hex')).build()
    ],
    ['an unknown API', frame({ key: 12345, version: 0 }, 1, Buffer.alloc(8))],
    ['a negative API', frame({ key: -1, version: 0 }, 1, Buffer.alloc(8))],
    ['a negative version', frame({ key: 3, version: -1 }, 1, Buffer.alloc(8))],
    ['a version of the future', frame({ key: 3, version: 0x7fff }, 1, Buffer.alloc(8))]
  ]

  test('bytes that are no request close the connection', async () => {
    for (const [what, bytes] of neverAnswered) {
      assert.equal(await closedAfter(bytes), 0, what)
      // Behind proper requests: those are answered first.
      assert.ok((await closedAfter(Buffer.concat([requests(2), bytes]))) > 300, what)
    }
    await served()
  })

  test('requests byte by byte, and thousands at once, are answered in order', async () => {
    const slow = await RawConnection.open(broker.host, broker.port)
    for (const byte of requests(3)) {
      slow.write(Buffer.from([byte]))
      await new Promise(resolve => setImmediate(resolve))
    }
    for (let id = 0; id < 3; id++) assert.equal(((await slow.next()) as Buffer).readInt32BE(0), id)
    slow.write(requests(5000, 3))
    for (let id = 3; id < 5003; id++) assert.equal(((await slow.next()) as Buffer).readInt32BE(0), id)
    slow.close()
    await served()
  })

  test('half requests, silence, resets in the middle of answers and clients that never read', async () => {
    const sockets: Socket[] = []
    const bigFrame = Buffer.concat([new Writer().int32(100_000_000).build(), Buffer.alloc(1000)])
    for (let i = 0; i < 30; i++) {
      const half = open()
      half.write(bigFrame)
      const unread = open()
      unread.pause()
      unread.write(requests(3000))
      const reset = open()
      reset.write(requests(1000))
      reset.once('data', () => reset.resetAndDestroy())
      const gone = open()
      gone.write(requests(10).subarray(0, -3), () => gone.resetAndDestroy())
      sockets.push(half, unread)
    }
    for (let i = 0; i < 5; i++) await served()
    const held = broker.metrics().naru_kafka_request_queued_bytes
    assert.ok(held > 30_000 && held < 8_000_000, `${held} bytes for what arrived of 3 GB that were declared`)
    for (const socket of sockets) socket.destroy()
    await served()
  })

  test('record batches with anything done to them never reach the log, unless they are right', async () => {
    assert.equal(await ask.createTopic(polite, 'batches'), 0)
    const random = new SeededRandom(seed + 1)
    const errors = new Set<number>()
    for (const codec of compressionCodecs)
      for (let run = 0; run < 40 * runs; run++) {
        const records = Array.from({ length: 1 + (run % 5) }, (_, i) => ({
          key: Buffer.from(`key ${i}`),
          value: Buffer.from(`value ${i} `.repeat(run % 50)),
          timestamp: Date.now()
        }))
        const good = buildBatch(records, { codec })
        // Behind the CRC, so that it is not the CRC alone that keeps them out.
        const bad = Buffer.concat([good.subarray(0, 21), mutated(random, good.subarray(21))])
        if (bad.length > 61) {
          bad.writeInt32BE(bad.length - 12, 8)
          writeCrc(bad)
        }
        const answer = await ask.produce(polite, 'batches', 0, bad)
        assert.ok(typeof answer !== 'string', `${codec} ${bad.toString('hex')}`)
        errors.add(answer.error)
      }
    // None, CORRUPT_MESSAGE, MESSAGE_TOO_LARGE, UNKNOWN_SERVER_ERROR (a codec that doesn't exist), INVALID_RECORD, ...
    const allowed = [-1, 0, 2, 10, 32, 45, 47, 48, 76, 87]
    assert.deepEqual(
      [...errors].filter(error => !allowed.includes(error)),
      []
    )
    assert.ok(errors.has(87))
    for (let offset = 0; ; ) {
      const read = await ask.fetch(polite, 'batches', offset)
      assert.ok(typeof read !== 'string' && read.error === 0)
      if (read.records.length === 0) break
      walkBatches(read.records, at => {
        for (const record of iterateRecords(read.records, at)) offset = record.offset + 1
      })
    }
    await served()
  })

  test('a few kilobytes that decompress to a great deal are refused', async () => {
    for (const codec of compressionCodecs.filter(name => name !== 'none')) {
      const packed = compress(codec, Buffer.alloc(80_000_000))
      const batch = Buffer.concat([
        buildBatch([{ value: Buffer.from('x'), timestamp: 0 }], { codec }).subarray(0, 61),
        packed
      ])
      batch.writeInt32BE(batch.length - 12, 8)
      writeCrc(batch)
      // Snappy's bomb is larger than a message may be anyway.
      assert.equal(((await ask.produce(polite, 'polite', 0, batch)) as { error: number }).error, 10, codec)
    }
    await served()
  })

  test('requests of every API and version with anything done to them', { timeout: 250_000 }, async () => {
    const random = new SeededRandom(seed)
    for (const { api, versions } of handlers)
      for (let version = versions[0]; version <= versions[1]; version++) {
        const bytes: Buffer[] = []
        const values = fc.sample(arbitraryStruct(api.request.fields, version), { numRuns: runs, seed: seed + version })
        for (const value of values) {
          const head = { key: api.key, version, flexible: api.request.isFlexible(version) }
          const whole = frame(head, 1, api.request.encode(value, version))
          bytes.push(whole, mutated(random, whole), frame(head, 2, mutated(random, whole.subarray(17))))
          bytes.push(frame(head, 3, randomBytes(random, 60)))
        }
        const read = () => broker.metrics().naru_kafka_read_bytes_total
        const expected = read() + bytes.reduce((sum, { length }) => sum + length, 0)
        const sockets = bytes.map(content => {
          const socket = open()
          socket.resume()
          socket.end(content)
          return socket
        })
        // Some are answered in days, so it is their arrival that is waited for.
        for (let turn = 0; turn < 100_000 && read() < expected; turn++) await new Promise(setImmediate)
        await served()
        for (const socket of sockets) socket.destroy()
      }
    const requests = broker.metrics()['naru_kafka_requests_total{api="OffsetFetch"}']
    assert.ok(requests > 10 * runs, `${requests} OffsetFetch requests were decoded`)
    await served()
  })
})
