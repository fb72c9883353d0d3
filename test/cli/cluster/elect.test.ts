import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { createTopic } from '../../../src/client/admin.ts'
import type { Cluster } from '../../../src/client/cluster.ts'
import { type RunningCluster, startCluster } from '../../../src/index.ts'
import { clientOf } from '../../support/client.ts'
import { naru } from '../support.ts'

describe('naru cluster elect', { concurrency: 1 }, () => {
  let cluster: RunningCluster
  let client: Cluster

  before(async () => {
    cluster = await startCluster({ config: { 'offsets.topic.num.partitions': 1, 'broker.session.timeout.ms': 1000 } })
    client = clientOf(cluster.bootstrap)
    await createTopic(client, { name: 'orders', partitions: 6, replicationFactor: 3 })
    await createTopic(client, { name: 'pair', partitions: 1, replicationFactor: 2 })
  })

  after(async () => {
    client.close()
    await cluster.close()
  })

  const elect = async (...flags: string[]) => {
    const { code, stdout, stderr } = await naru(['cluster', 'elect', ...flags], cluster.bootstrap)
    return { code, stdout: stdout.toString(), stderr }
  }
  const partitionsOf = async (topic: string) => (await client.retrying(() => client.fetchTopics([topic])))[0].partitions
  /** Looks until it is so. */
  const until = async (isSo: () => Promise<boolean>) => {
    while (!(await isSo())) await new Promise(resolve => setTimeout(resolve, 50))
  }
  const broker = (nodeId: number) => cluster.brokers().find(found => found.nodeId === nodeId)!
  const led = async () => (await partitionsOf('orders')).filter(({ leader, replicas }) => leader === replicas[0]).length

  it('has preferred replicas lead again, and says which can not yet', async () => {
    assert.match((await elect()).stdout, /Preferred replicas lead already/)
    await broker(2).close()
    await until(async () => (await led()) === 4)
    const early = await elect('orders')
    assert.equal(early.code, 1)
    assert.match(early.stderr, /2 elections failed: orders-\d: .*\n.*naru cluster status/)
    await cluster.start(2)
    await until(async () => (await partitionsOf('orders')).every(({ isr }) => isr.length === 3))
    const [first, second] = (await partitionsOf('orders'))
      .filter(({ leader, replicas }) => leader !== replicas[0])
      .map(({ index }) => index)
    const dry = JSON.parse((await elect('orders', '--dry-run', '--json')).stdout)
    assert.deepEqual(dry, {
      dryRun: true,
      unclean: false,
      partitions: [`orders-${first}`, `orders-${second}`],
      elected: 0,
      failed: []
    })
    assert.equal(await led(), 4)
    assert.match((await elect(`orders:${first}`)).stdout, /1 leader elected/)
    assert.equal(await led(), 5)
    assert.equal((await elect()).code, 0)
    assert.equal(await led(), 6)
  })

  it('has a replica lead that lacks records only of partitions that are named and have no leader', async () => {
    assert.equal((await elect('--unclean')).code, 2)
    assert.match((await elect('pair', '--unclean')).stdout, /None of these is without a leader/)
    const [{ leader, replicas }] = await partitionsOf('pair')
    const other = replicas.find(nodeId => nodeId !== leader)!
    await broker(other).kill()
    await until(async () => (await partitionsOf('pair'))[0].isr.length === 1)
    await broker(leader).kill()
    await until(async () => (await partitionsOf('pair'))[0].leader < 0)
    assert.match(
      (await elect('pair', '--unclean')).stderr,
      /1 election failed: pair-0: .*\nNo broker that has a replica/
    )
    await cluster.start(other)
    assert.equal((await partitionsOf('pair'))[0].leader, -1)
    const { code, stdout } = await elect('pair:0', '--unclean', '--yes')
    assert.equal(code, 0)
    assert.match(stdout, /pair-0 +- .*\n1 leader elected/)
    assert.equal((await partitionsOf('pair'))[0].leader, other)
  })
})
