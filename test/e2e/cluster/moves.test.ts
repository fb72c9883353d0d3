import assert from 'node:assert/strict'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { type Cluster, ensureOk } from '../../../src/client/cluster.ts'
import { CreateTopics } from '../../../src/wire/kafka/messages/create-topics.ts'
import { naru } from '../../cli/support.ts'
import { clientOf } from '../../support/client.ts'
import { type NaruCluster, startNaruCluster } from '../../support/naru-cluster.ts'
import { standStill } from '../../support/stand-still.ts'
import { removeAfter } from '../../support/target.ts'
import { Clients } from './clients.ts'
import { anomaliesOf } from './history.ts'

const topic = 'moving'
const partitions = 6

let cluster: NaruCluster | undefined
let client: Cluster | undefined
removeAfter(async () => {
  client?.close()
  await cluster?.remove()
})

/** How many replicas each broker has, of all topics; all must be in sync. */
async function replicasOf(client: Cluster): Promise<Map<number, number>> {
  const counts = new Map<number, number>()
  for (const { partitions } of await client.fetchTopics(null))
    for (const { replicas, isr } of partitions) {
      assert.deepEqual(isr.toSorted(), replicas.toSorted())
      for (const nodeId of replicas) counts.set(nodeId, (counts.get(nodeId) ?? 0) + 1)
    }
  return counts
}

async function until(holds: () => boolean | Promise<boolean>): Promise<void> {
  for (let attempt = 0; attempt < 1200; attempt++) {
    if (await holds()) return
    await new Promise(resolve => setTimeout(resolve, 50))
  }
  assert.fail('it never came so')
}

test('brokers are added, drained and given up for dead under load: nothing is lost, doubled or passed over', {
  timeout: 240_000
}, async () => {
  const running = await startNaruCluster({
    brokers: 4,
    settings: {
      'offsets.topic.num.partitions': '3',
      'min.insync.replicas': '2',
      'broker.session.timeout.ms': '3000',
      'group.initial.rebalance.delay.ms': '0'
    }
  })
  cluster = running
  const asked = clientOf(running.bootstrap)
  client = asked
  const assignments = Array.from({ length: partitions }, (_, partitionIndex) => ({
    partitionIndex,
    brokerIds: [0, 1, 2].map(at => 1 + ((partitionIndex + at) % 3))
  }))
  const made = await asked.askController(CreateTopics, {
    topics: [{ name: topic, numPartitions: -1, replicationFactor: -1, assignments, configs: [] }],
    timeoutMs: 30_000
  })
  ensureOk(made.topics[0].errorCode, topic)
  const command = async (...args: string[]) => {
    const ran = await naru(['cluster', ...args, '--yes'], running.bootstrap)
    assert.equal(
      ran.code,
      0,
      `naru cluster ${args.join(' ')}: ${ran.stdout}${ran.stderr}\n${running.output().slice(-3000)}`
    )
  }
  const bootstraps = running.bootstrap.split(',')
  const clients = new Clients({ bootstraps, topic, partitions, group: 'movers', paddingBytes: 2000 })
  await clients.start()
  const logsOf = (nodeId: number) =>
    readdirSync(join(running.dataDir, `broker-${nodeId}`, 'logs')).filter(name => !name.endsWith('.deleted'))

  // Broker 4 has nothing of the topic yet, and at most its share of the groups' topic.
  await command('add', '4')
  const shares = [...(await replicasOf(asked)).values()]
  assert.ok(shares.length === 4 && Math.max(...shares) - Math.min(...shares) <= 1, `${shares}`)

  await command('drain', '1')
  assert.equal((await replicasOf(asked)).get(1), undefined)
  await until(() => logsOf(1).length === 0)
  await command('add', '1')
  assert.ok((await replicasOf(asked)).get(1))

  // It stands still for longer than its lease: dead, as far as anybody can tell.
  const victim = running.broker(3)
  standStill(victim.pid)
  try {
    await until(async () => {
      await asked.retrying(() => asked.fetchTopics([]))
      return !asked.brokerList().some(({ id }) => id === 3)
    })
    await command('remove', '--dead', '3')
    assert.equal((await replicasOf(asked)).get(3), undefined)
  } finally {
    process.kill(victim.pid, 'SIGCONT')
  }
  // And it was not: what it still had is of no use to anybody.
  await until(() => logsOf(3).length === 0)

  await clients.stop()
  const anomalies = anomaliesOf(clients.history, await clients.readAll())
  assert.deepEqual(anomalies, [])
  const acknowledged = clients.history.producers.reduce((sum, producer) => sum + producer.acknowledged.length, 0)
  assert.ok(acknowledged > 500, `${acknowledged} records`)
})
