import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { type RunningCluster, startCluster } from '../../src/index.ts'
import { kafkajs, withAdmin } from '../support/kafkajs.ts'

describe('metrics of a cluster', () => {
  let cluster: RunningCluster

  before(async () => {
    cluster = await startCluster({
      config: { 'broker.session.timeout.ms': 1000, 'offsets.topic.num.partitions': 1, 'min.insync.replicas': 2 }
    })
    await withAdmin(kafkajs(cluster.bootstrap, { brokers: cluster.bootstrap.split(',') }), admin =>
      admin.createTopics({ topics: [{ topic: 't', numPartitions: 3, replicationFactor: 3 }], waitForLeaders: true })
    )
  })

  // The timers of a cluster whose brokers are about to stop keep no process alive.
  const alive = setInterval(() => {}, 1000)

  after(async () => {
    await cluster.close()
    clearInterval(alive)
  })

  /** Of all brokers together. */
  const total = (name: string) => cluster.brokers().reduce((sum, broker) => sum + broker.metrics()[name], 0)

  async function until(holds: () => boolean): Promise<void> {
    for (let attempt = 0; attempt < 300 && !holds(); attempt++) await new Promise(resolve => setTimeout(resolve, 20))
    assert.ok(holds())
  }

  it('count leaders and replicas where they are, and the cluster on its controller', () => {
    const { length } = cluster.brokers()
    assert.equal(total('naru_replica_partitions'), 4 * length)
    assert.equal(total('naru_replica_leaders'), 4)
    assert.equal(total('naru_controller_active'), 1)
    assert.deepEqual(
      [total('naru_controller_active_brokers'), total('naru_controller_partitions')],
      [3, 4],
      'the others say nothing'
    )
    for (const state of ['under_replicated', 'under_min_isr', 'at_min_isr', 'offline'])
      assert.equal(total(`naru_replica_${state}_partitions`), 0, state)
    assert.equal(total('naru_controller_offline_partitions'), 0)
  })

  it('tell what brokers that die leave behind', async () => {
    const [, second, third] = cluster.brokers()
    await third.kill()
    await until(() => total('naru_replica_at_min_isr_partitions') === 4)
    assert.equal(total('naru_replica_under_replicated_partitions'), 4)
    assert.ok(total('naru_leader_elections_total') > 0)
    assert.ok(total('naru_controller_preferred_replica_imbalance') > 0)
    await second.kill()
    await until(() => total('naru_replica_under_min_isr_partitions') === 4)
    assert.equal(total('naru_controller_eligible_leader_partitions'), 4)
    assert.equal(total('naru_unclean_leader_elections_total'), 0)
    await cluster.start(2)
    await until(() => total('naru_replica_under_min_isr_partitions') === 0)
    assert.ok(total('naru_isr_expands_total') > 0)
  })
})
