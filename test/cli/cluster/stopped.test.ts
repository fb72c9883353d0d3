import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { createTopic } from '../../../src/client/admin.ts'
import { listReassignments } from '../../../src/client/admin-replicas.ts'
import { Cluster } from '../../../src/client/cluster.ts'
import { Producer } from '../../../src/client/producer.ts'
import { connectTcp } from '../../../src/run/connect.ts'
import { systemClock, systemRandom } from '../../../src/run/system.ts'
import { type NaruCluster, startNaruCluster } from '../../support/naru-cluster.ts'
import { ended, naru, startNaru } from '../support.ts'

describe('a command that moves partitions and is stopped', { concurrency: 1 }, () => {
  let cluster: NaruCluster
  let client: Cluster

  before(async () => {
    const settings = { 'offsets.topic.num.partitions': '1', 'replica.fetch.max.bytes': '65536' }
    cluster = await startNaruCluster({ brokers: 4, settings })
    client = new Cluster({
      bootstrap: cluster.bootstrap.split(','),
      connect: connectTcp,
      clock: systemClock,
      random: systemRandom
    })
    await createTopic(client, { name: 'orders', partitions: 8, replicationFactor: 3 })
    const producer = new Producer(client, { acks: -1 })
    for (let partition = 0; partition < 8; partition++)
      for (let i = 0; i < 5; i++) await producer.send({ topic: 'orders', partition, value: Buffer.alloc(100_000) })
    await producer.close()
  })

  after(async () => {
    client?.close()
    await cluster?.remove()
  })

  const signal = (name: NodeJS.Signals) => {
    for (const { pid } of cluster.ready.brokers) process.kill(pid, name)
  }
  const moving = async () => (await listReassignments(client)).filter(({ topic }) => topic === 'orders').length

  it('ends though no broker answers it any more, and the cluster goes on with what was begun', async () => {
    const child = startNaru(
      ['cluster', 'drain', '2', '--yes', '--throttle', '1', '--in-flight', '3'],
      cluster.bootstrap
    )
    const stopped = ended(child)
    // It looks how far that is, again and again: such a request is under way, or comes, when nobody answers.
    while ((await moving()) < 3) await new Promise(resolve => setTimeout(resolve, 50))
    signal('SIGSTOP')
    try {
      const fromMs = performance.now()
      child.kill('SIGINT')
      const { code, stderr } = await stopped
      if (process.env.NARU_TEST_VERBOSE) console.log(`ended after ${Math.round(performance.now() - fromMs)} ms`)
      assert.equal(code, 1, stderr)
      assert.match(stderr, /Stopped: 3 partitions being moved, \d+ not begun\.\n.*naru cluster cancel/)
    } finally {
      signal('SIGCONT')
    }
    assert.equal(await moving(), 3)
    const cancelled = await naru(['cluster', 'cancel', '--yes'], cluster.bootstrap)
    assert.equal(cancelled.code, 0, cancelled.stderr)
    assert.equal(await moving(), 0)
  })
})
