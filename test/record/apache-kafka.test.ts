import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { createTopic } from '../../src/client/admin.ts'
import type { Cluster } from '../../src/client/cluster.ts'
import { buildBatch } from '../../src/record/build.ts'
import { checkProduceBatch } from '../../src/record/check.ts'
import { compressionCodecs } from '../../src/record/header.ts'
import { codeOf } from '../../src/std/errors.ts'
import { errorOfNumber } from '../../src/wire/kafka/errors.ts'
import { Produce } from '../../src/wire/kafka/messages/produce.ts'
import { type ApacheKafka, startApacheKafka, whyNoApacheKafka } from '../support/apache-kafka.ts'
import { clientOf } from '../support/client.ts'
import { changed, record, refusedCases, three } from './cases.ts'
import { lenient } from './support.ts'

const whyNot = whyNoApacheKafka()

/** Where Naru knowingly answers otherwise: what, and what Kafka answers. */
const otherwise: Readonly<Record<string, string>> = {
  // Kafka stores uncompressed batches with such deltas, and consumers then see offsets that overlap the next batch.
  'deltas that start at 1': 'accepted',
  // An exception that Kafka does not foresee. Ours tells the producer not to try again.
  'plain records that claim to be gzip': 'UNKNOWN_SERVER_ERROR',
  // Kafka refuses these for topics with LogAppendTime only, and rewrites them for others. No client writes them.
  'LogAppendTime from a producer': 'accepted'
}
/** Where the offset deltas of the two records below are: Kafka does not look at them. */
const deltaPositions = [64, 87]

describe('checkProduceBatch refuses what Apache Kafka refuses, with the same code', { skip: whyNot ?? false }, () => {
  let kafka: ApacheKafka
  let cluster: Cluster
  before(async () => {
    kafka = await startApacheKafka({ heap: '512M' })
    cluster = clientOf(kafka.bootstrap)
    const configs = { 'max.message.bytes': '1000' }
    await createTopic(cluster, { name: 't', partitions: 1, configs })
    await cluster.retrying(() => cluster.leaderOf('t', 0))
  })
  after(async () => {
    cluster.close()
    await kafka.stop()
  })

  const limits = { ...lenient, maxBytes: 1000, decompressedBytesMax: 1 << 26 }
  const ours = (records: Buffer): string => {
    try {
      checkProduceBatch(records, limits)
      return 'accepted'
    } catch (error) {
      return codeOf(error)
    }
  }
  const theirs = async (records: Buffer): Promise<string> => {
    const connection = await cluster.broker(await cluster.leaderOf('t', 0))
    const response = await connection.request(Produce, {
      transactionalId: null,
      acks: 1,
      timeoutMs: 5000,
      topicData: [{ name: 't', partitionData: [{ index: 0, records }] }]
    })
    return errorOfNumber(response.responses[0].partitionResponses[0].errorCode) ?? 'accepted'
  }

  for (const [, what, make] of refusedCases)
    test(what, async () => {
      const answer = await theirs(make())
      assert.equal(otherwise[what] ?? ours(make()), answer)
    })

  for (const codec of compressionCodecs)
    test(`accepts every codec as written here: ${codec}`, async () => {
      const batch = buildBatch(three, { codec })
      assert.equal(ours(batch), 'accepted')
      assert.equal(await theirs(batch), 'accepted')
    })

  test('changes of any byte of uncompressed records, with the CRC made right', async () => {
    const good = buildBatch([record('a'), record('b')])
    const differences: string[] = []
    for (let at = 61; at < good.length; at++)
      for (const bits of [1, 2, 0x80]) {
        const bad = changed(b => (b[at] ^= bits), Buffer.from(good))
        const [mine, kafkas] = [ours(bad), await theirs(bad)]
        if (mine !== kafkas && !deltaPositions.includes(at))
          differences.push(`byte ${at} ^ ${bits}: ${mine}, Kafka ${kafkas}`)
      }
    assert.deepEqual(differences, [])
  })
})
