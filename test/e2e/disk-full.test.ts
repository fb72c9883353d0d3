import assert from 'node:assert/strict'
import { after, describe, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { type RunningBroker, startNaru } from '../support/naru.ts'
import { RawConnection, recordBatch } from '../support/raw.ts'
import { type DiskKind, mountSmallDisk, type SmallDisk, whyNoSmallDisk } from '../support/small-disk.ts'
import * as ask from './protocol/requests.ts'

const storageError = 56
const requestTimedOut = 7
const notCoordinator = 16
const topic = 'full'
const valueBytes = 200_000

/** Small files, so that a small disk has room for them; deleted ones go at once. */
const settings = {
  NARU_NARU_JOURNAL_FILE_BYTES: String(4 * 1024 * 1024),
  NARU_NARU_JOURNAL_FILES: '2',
  NARU_OFFSETS_TOPIC_NUM_PARTITIONS: '2',
  NARU_LOG_SEGMENT_DELETE_DELAY_MS: '0'
}

/** An idempotent producer that counts what was acknowledged to it, and reads it back. */
class Client {
  readonly acknowledged: number[] = []
  private readonly broker: RunningBroker
  private connection: RawConnection | undefined
  private readonly id: number

  constructor(broker: RunningBroker, id: number) {
    this.broker = broker
    this.id = id
  }

  async connect(): Promise<RawConnection> {
    this.connection?.close()
    this.connection = await RawConnection.open(this.broker.host, this.broker.port)
    return this.connection
  }

  /** Sends the next record, or again the one that failed; gives the error. */
  async send(): Promise<number | 'closed' | 'silent'> {
    const sequence = this.acknowledged.length
    const value = Buffer.alloc(valueBytes, `${sequence}.`)
    const batch = recordBatch({ records: [{ key: String(sequence), value }], producer: { id: this.id, sequence } })
    const connection = this.connection ?? (await this.connect())
    const answer = await ask.produce(connection, topic, 0, batch, -1, 1000)
    if (typeof answer === 'string') return answer
    if (answer.error === 0) this.acknowledged.push(answer.baseOffset)
    return answer.error
  }

  /** Sends until an error comes, and gives it. */
  async sendUntilError(): Promise<number | 'closed' | 'silent'> {
    for (let i = 0; i < 2000; i++) {
      const error = await this.send()
      if (error !== 0) return error
    }
    throw new Error('the disk did not fill up')
  }

  /** Sends again until it is accepted. */
  async sendAtLast(): Promise<void> {
    for (let i = 0; i < 100; i++) {
      const error = await this.send()
      if (error === 0) return
      if (typeof error === 'string') throw new Error(error)
      await sleep(100)
    }
    throw new Error('still refused after 10 s')
  }

  /** The keys in the log, in order. */
  async keys(): Promise<number[]> {
    const connection = await this.connect()
    const keys: number[] = []
    const start = await ask.listOffset(connection, topic, -2)
    assert.ok(typeof start !== 'string' && start.error === 0)
    for (let offset = start.offset; ; ) {
      const answer = await ask.fetch(connection, topic, offset)
      assert.ok(typeof answer !== 'string', `fetch at ${offset}: ${answer}`)
      assert.equal(answer.error, 0, `fetch at ${offset}`)
      const batches = ask.batchesIn(answer.records).filter(({ whole }) => whole)
      if (batches.length === 0) return keys
      let at = 0
      for (const { baseOffset } of batches) {
        // One record to a batch: its key stands behind its length, attributes and two deltas, a varint each.
        const record = at + 61
        const length = varintBytes(answer.records, record)
        const keyAt = record + length + 3
        const keyBytes = answer.records[keyAt] >> 1
        keys.push(Number(answer.records.toString('utf8', keyAt + 1, keyAt + 1 + keyBytes)))
        at += 12 + answer.records.readInt32BE(at + 8)
        offset = baseOffset + 1
      }
    }
  }

  close(): void {
    this.connection?.close()
  }
}

function varintBytes(bytes: Buffer, at: number): number {
  let length = 1
  while (bytes[at + length - 1] >= 0x80) length++
  return length
}

for (const kind of ['ext4', 'tmpfs'] satisfies DiskKind[])
  describe(`a full disk (${kind})`, { skip: whyNoSmallDisk(kind), concurrency: 1 }, () => {
    let disk: SmallDisk
    let broker: RunningBroker
    let client: Client
    after(async () => {
      client?.close()
      await broker?.kill9()
      disk?.remove()
    })

    /** Everything that was acknowledged is there, once and in order; more only if its answer got lost. */
    async function checkLog(unanswered = 0): Promise<void> {
      const keys = await client.keys()
      assert.deepEqual(keys, [...keys.keys()], 'each record once, in order')
      const { length } = client.acknowledged
      assert.ok(keys.length >= length && keys.length <= length + unanswered, `${keys.length} of ${length} are there`)
    }

    test('producers are told, readers go on, and with room so do producers, without a restart', async () => {
      disk = mountSmallDisk(kind, 80)
      broker = await startNaru({ dataDir: `${disk.path}/data`, env: settings })
      client = new Client(broker, 4711)
      const created = await ask.createTopic(await client.connect(), topic, 1, [['segment.bytes', '1048576']])
      assert.equal(created, 0)
      assert.equal(await client.send(), 0)
      disk.fill(20 * 1024 * 1024)
      const error = await client.sendUntilError()
      // What met the end of the disk may wait for room until its time-out; what comes later is refused at once.
      assert.ok(error === storageError || error === requestTimedOut, `error ${error}`)
      assert.equal(await client.send(), storageError)
      await checkLog(1)
      const connection = await client.connect()
      const commit = await ask.commitOffset(connection, 'group', topic, 1)
      assert.ok([0, notCoordinator].includes(commit as number), `commit: ${commit}`)
      disk.fill()
      assert.equal(await fillMetastore(connection), storageError)
      disk.free()
      await client.sendAtLast()
      for (let i = 0; i < 10; i++) assert.equal(await client.send(), 0)
      await checkLog()
      const again = await client.connect()
      assert.equal(await ask.createTopic(again, 'another'), 0)
      assert.equal(await ask.commitOffset(again, 'group', topic, 2), 0)
    })

    test('killed while it is full, a start says so; with room nothing is lost and nothing repeated', async () => {
      disk.fill(4 * 1024 * 1024)
      assert.notEqual(await client.sendUntilError(), 0)
      disk.fill()
      await broker.kill9()
      await assert.rejects(broker.restart(), /The disk of the data folder .* is full.*make room/s)
      disk.free()
      await broker.restart()
      await client.connect()
      await checkLog(1)
      for (let i = 0; i < 10; i++)
        assert.equal(await client.send(), 0, 'the first of these may repeat one that is there')
      await checkLog()
      assert.equal(await ask.fetchOffset(await client.connect(), 'group', topic).then(offsetOf), 2)
    })

    test('stopped while it is full, and started on a read-only disk, which it says', async () => {
      disk.fill(4 * 1024 * 1024)
      assert.notEqual(await client.sendUntilError(), 0)
      await broker.stop()
      disk.free()
      disk.makeReadOnly(true)
      await assert.rejects(broker.restart(), /The data folder .* is on a read-only filesystem/s)
      disk.makeReadOnly(false)
      await broker.restart()
      await client.connect()
      await checkLog(1)
      assert.equal(await client.send(), 0)
      await checkLog()
    })
  })

/** Makes topics until one is refused, and gives the error. */
async function fillMetastore(connection: RawConnection): Promise<unknown> {
  for (let i = 0; i < 200; i++) {
    const error = await ask.createTopic(connection, `topic-${i}`, 20)
    if (error !== 0) return error
  }
  return 0
}

function offsetOf(answer: { offset: number } | string): unknown {
  return typeof answer === 'string' ? answer : answer.offset
}
