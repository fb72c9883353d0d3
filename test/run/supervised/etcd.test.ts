import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { type EtcdTest, startEtcd, whyNoEtcd } from '../../support/etcd.ts'
import { kafkajs, withAdmin } from '../../support/kafkajs.ts'
import { type NaruCluster, startNaruCluster } from '../../support/naru-cluster.ts'

describe('naru start --brokers with --etcd', { skip: whyNoEtcd() }, () => {
  it('runs brokers of one cluster on several machines, which start again by themselves', async () => {
    let etcd: EtcdTest | undefined
    const machines: NaruCluster[] = []
    try {
      etcd = await startEtcd()
      for (const first of [1, 3])
        machines.push(
          await startNaruCluster({
            brokers: 2,
            args: ['--etcd', etcd.endpoints, '--node-id', String(first)],
            settings: { 'broker.session.timeout.ms': '2000', 'group.initial.rebalance.delay.ms': '0' }
          })
        )
      const [one, other] = machines
      assert.equal(one.ready.clusterId, other.ready.clusterId)
      const client = kafkajs(one.bootstrap, { brokers: one.bootstrap.split(',') })
      const replicas = await withAdmin(client, async admin => {
        const { brokers } = await admin.describeCluster()
        assert.deepEqual(brokers.map(({ nodeId }) => nodeId).toSorted(), [1, 2, 3, 4])
        await admin.createTopics({
          topics: [{ topic: 't', numPartitions: 1, replicationFactor: -1 }],
          waitForLeaders: true
        })
        return (await admin.fetchTopicMetadata({ topics: ['t'] })).topics[0].partitions[0].replicas
      })
      assert.equal(replicas.length, 3)
      const again = other.nextRun(4)
      process.kill(other.broker(4).pid, 'SIGKILL')
      assert.equal((await again).port, other.broker(4).port)
    } finally {
      for (const machine of machines) await machine.remove()
      await etcd?.remove()
    }
  })
})
