import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { Kafka, logLevel } from 'kafkajs'
import { whyNoEtcd } from '../../support/etcd.ts'
import { removeAfter } from '../../support/target.ts'
import { type ClusterInEtcd, threeInEtcd } from './victims.ts'

let cluster: ClusterInEtcd | undefined
removeAfter(async () => cluster?.remove())

/** As docs/operations.md tells it. */
describe('a cluster whose etcd was lost', { skip: whyNoEtcd() }, () => {
  test('is there again from a backup, with what was written and elected after it', { timeout: 120_000 }, async () => {
    const folder = mkdtempSync(join(tmpdir(), 'naru-backup-'))
    const own = await threeInEtcd()
    cluster = own
    try {
      const kafka = new Kafka({ brokers: [...own.bootstraps], logLevel: logLevel.NOTHING, retry: { retries: 20 } })
      const admin = kafka.admin()
      await admin.connect()
      await admin.createTopics({
        topics: [{ topic: 't', numPartitions: 3, replicationFactor: 3 }],
        waitForLeaders: true
      })
      const producer = kafka.producer()
      await producer.connect()
      const produce = async (value: string) => {
        for (let partition = 0; partition < 3; partition++)
          await producer.send({ topic: 't', acks: -1, messages: [{ partition, value }] })
      }
      await produce('before')
      const file = join(folder, 'etcd.db')
      await own.etcd.ctl(['snapshot', 'save', file], own.etcd.nodes[0].url)
      await own.brokers[0].kill()
      await own.healed(['t'])
      await produce('after')
      await own.healed(['t'])
      await producer.disconnect()
      await admin.disconnect()
      await Promise.all(own.naru.map(broker => broker.stop()))
      await own.etcd.restore(file)
      await Promise.all(own.naru.map(broker => broker.restart()))
      await own.healed(['t'])
      // What was elected after the backup is elected by other epochs now.
      for (const [key, { leaderEpoch }] of await own.partitions()) assert.ok(leaderEpoch > 1_000_000, key)
      const read = await readAll(kafka, 6)
      assert.deepEqual(read.toSorted(), ['after', 'after', 'after', 'before', 'before', 'before'])
      const again = kafka.producer()
      await again.connect()
      for (let partition = 0; partition < 3; partition++)
        await again.send({ topic: 't', acks: -1, messages: [{ partition, value: 'again' }] })
      await again.disconnect()
      await own.healed(['t'])
    } catch (error) {
      throw new Error(`${error}\n${own.output().slice(-6000)}`, { cause: error })
    } finally {
      await own.remove()
      cluster = undefined
      rmSync(folder, { recursive: true })
    }
  })
})

async function readAll(kafka: Kafka, count: number): Promise<string[]> {
  const consumer = kafka.consumer({ groupId: 'reader' })
  const values: string[] = []
  await consumer.connect()
  await consumer.subscribe({ topic: 't', fromBeginning: true })
  await new Promise<void>(resolve => {
    void consumer.run({
      eachMessage: async ({ message }) => {
        if (values.push(String(message.value)) === count) resolve()
      }
    })
  })
  await consumer.disconnect()
  return values
}
