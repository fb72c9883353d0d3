import assert from 'node:assert/strict'
import { once } from 'node:events'
import { before, describe, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { kafkajs, withAdmin } from '../support/kafkajs.ts'
import { consumeAll, kcat, startKcat, whyNoKcat } from '../support/kcat.ts'
import type { RunningBroker } from '../support/naru.ts'
import { packageStanzas, type Stanza } from '../support/packages.ts'
import { brokersAsked, removeAfter, startTarget, targetName, whyNoTarget } from '../support/target.ts'

const partitions = 6
/** In a cluster one that all brokers have to pass on is enough. */
const codecs = brokersAsked() > 1 ? ['zstd'] : ['none', 'gzip', 'snappy', 'lz4', 'zstd']
const kills = targetName === 'naru' ? 3 : 1

/** What kcat reads: key, 0x1f, value, 0x1e. */
function inputOf(stanzas: readonly Stanza[]): Buffer {
  const parts: Buffer[] = []
  for (const { key, value } of stanzas) parts.push(Buffer.from(`${key}\x1f`), value, Buffer.from('\x1e'))
  return Buffer.concat(parts)
}

const producing = ['-P', '-K', '\\x1f', '-D', '\\x1e']

/** Each stanza is there once, byte for byte, and each partition has its keys' stanzas in the order they were sent. */
async function assertHolds(bootstrap: string, topic: string, stanzas: readonly Stanza[]): Promise<void> {
  const records = await consumeAll(bootstrap, topic)
  assert.equal(records.length, stanzas.length, 'records in the topic')
  const home = new Map<string, number>()
  const found: (typeof records)[] = Array.from({ length: partitions }, () => [])
  for (const record of records) {
    assert.equal(home.get(record.key) ?? record.partition, record.partition, `${record.key} is in two partitions`)
    home.set(record.key, record.partition)
    found[record.partition].push(record)
  }
  const next = found.map(() => 0)
  for (const { key, value } of stanzas) {
    const partition = home.get(key) ?? assert.fail(`${key} is missing`)
    const record = found[partition][next[partition]++]
    const place = `partition ${partition}, offset ${record.offset}`
    assert.equal(record.offset, next[partition] - 1, 'offsets without a gap')
    assert.equal(record.key, key, place)
    if (!record.value.equals(value)) assert.equal(record.value.toString(), value.toString(), place)
  }
}

async function countOf(bootstrap: string, topic: string): Promise<number> {
  const offsets = await withAdmin(kafkajs(bootstrap), admin => admin.fetchTopicOffsets(topic))
  return offsets.reduce((sum, { high }) => sum + Number(high), 0)
}

describe('kcat', { skip: whyNoKcat() ?? whyNoTarget(), concurrency: 1 }, () => {
  let broker: RunningBroker
  const { stanzas, source } = packageStanzas()

  before(async () => {
    broker = await startTarget({ 'num.partitions': String(partitions) })
  })
  removeAfter(() => broker?.remove())

  for (const codec of codecs)
    test(`every stanza of ${source} comes back byte for byte and in order: ${codec}`, async () => {
      const topic = `packages-${codec}`
      const extra = codec === 'none' ? [] : ['-z', codec]
      const sent = await kcat(['-b', broker.bootstrap, '-t', topic, ...extra, ...producing], inputOf(stanzas))
      assert.equal(sent.code, 0, sent.stderr)
      await assertHolds(broker.bootstrap, topic, stanzas)
    })

  test('kill -9 in mid-stream: every acknowledged record of an idempotent producer is there, once', async t => {
    const topic = 'packages-killed'
    const settings = [
      'enable.idempotence=true',
      'queue.buffering.max.messages=3000',
      'message.timeout.ms=100000',
      'reconnect.backoff.max.ms=300'
    ]
    const { child, done } = startKcat([
      '-E',
      ...['-b', broker.bootstrap, '-t', topic, ...producing],
      ...settings.flatMap(setting => ['-X', setting])
    ])
    const steps = 24
    const size = Math.ceil(stanzas.length / steps)
    let arrived = 0
    for (let step = 0; step < steps; step++) {
      if (step > 0 && step % Math.floor(steps / (kills + 1)) === 0 && step / Math.floor(steps / (kills + 1)) <= kills) {
        // In mid-stream: librdkafka takes a broker that dies while it is asked for its versions for one of before 0.10.
        while ((await countOf(broker.bootstrap, topic)) <= arrived) await sleep(20)
        await broker.kill9(topic)
        await broker.restart()
        arrived = await countOf(broker.bootstrap, topic)
      }
      const more = child.stdin!.write(inputOf(stanzas.slice(step * size, (step + 1) * size)))
      if (!more) await Promise.race([once(child.stdin!, 'drain'), done])
    }
    child.stdin!.end()
    const { code, stderr } = await done
    t.diagnostic(`${kills} kills: ${stderr.split('\n').length} lines of complaint`)
    // kcat ends with 0 and without a failed delivery only when every record was acknowledged.
    assert.equal(code, 0, stderr)
    assert.doesNotMatch(stderr, /Delivery failed/)
    await assertHolds(broker.bootstrap, topic, stanzas)
  })

  test('an empty value is a tombstone with -Z, and headers come back', async () => {
    const args = ['-b', broker.bootstrap, '-P', '-t', 'small', '-Z', '-K', '=', '-H', 'from=kcat', '-p', '0']
    const sent = await kcat(args, 'a=1\nb=\nc=3\n')
    assert.equal(sent.code, 0, sent.stderr)
    const read = await kcat(['-b', broker.bootstrap, '-C', '-t', 'small', '-p', '0', '-e', '-q', '-f', '%k %S %h\\n'])
    assert.equal(read.stdout.toString(), 'a 1 from=kcat\nb -1 from=kcat\nc 1 from=kcat\n')
  })

  test('-L lists the broker and its topics, -Q finds offsets by time', async () => {
    const listed = await kcat(['-b', broker.bootstrap, '-L', '-t', 'small'])
    assert.match(listed.stdout.toString(), new RegExp(`topic "small" with ${partitions} partitions`))
    for (const address of broker.bootstrap.split(',')) assert.ok(listed.stdout.includes(`at ${address}`), address)
    const queried = await kcat(['-b', broker.bootstrap, '-Q', '-t', 'small:0:0', '-t', 'small:1:-1'])
    assert.match(queried.stdout.toString(), /small \[0\] offset 0/)
  })
})
