import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { openStore, Seen } from '../../metastore/etcd/world.ts'
import { whyNoEtcd } from '../../support/etcd.ts'
import { kafkajs, withAdmin } from '../../support/kafkajs.ts'
import { removeAfter } from '../../support/target.ts'
import { type Fault, killLeader } from '../cluster/faults.ts'
import { type RunResult, runFaults } from '../cluster/run.ts'
import { etcdFaultsOf, lastingSessionMs } from './faults.ts'
import { type ClusterInEtcd, type InEtcdOptions, threeInEtcd } from './victims.ts'

/*
 * Three brokers in processes of their own that know one another by a real etcd, under the load of ../cluster. Longer faults
 * and more of them: `npm run faults -- --etcd 3`.
 */

let cluster: ClusterInEtcd | undefined
removeAfter(async () => cluster?.remove())

async function survives(
  options: InEtcdOptions,
  seed: number,
  faultsOf: (cluster: ClusterInEtcd) => readonly Fault[]
): Promise<RunResult> {
  const own = await threeInEtcd(options)
  cluster = own
  const faults = faultsOf(own)
  try {
    const result = await runFaults({ cluster: own, seed, next: round => faults[round] })
    const story = `seed ${seed}\n${result.story.join('\n')}`
    assert.deepEqual(result.anomalies, [], story)
    assert.ok(result.acknowledged > 100, story)
    if (process.env.NARU_TEST_VERBOSE) console.log(story)
    return result
  } catch (error) {
    throw new Error(`${error}\n${own.output().slice(-5000)}`, { cause: error })
  } finally {
    await own.remove()
    cluster = undefined
  }
}

/** No client that tries again saw an error. */
function assertNoErrors({ errors }: RunResult): void {
  for (const client of ['kafkajs', '@platformatic/kafka']) assert.deepEqual(errors.get(client), [], client)
}

describe('brokers under load whose cluster is kept in etcd', { skip: whyNoEtcd(), concurrency: 1 }, () => {
  test('go on while a single etcd is stopped and killed, and no leader moves', { timeout: 120_000 }, async () => {
    const result = await survives({}, 21, cluster => {
      const { pause, kill } = etcdFaultsOf(cluster)
      return [pause(5000), kill(500)]
    })
    assertNoErrors(result)
  })

  test('go on while one of three etcd nodes is lost and its leader moves', { timeout: 120_000 }, async () => {
    // On a busy machine a broker may need seconds to find another node: that would be a cause.
    const settings = { 'broker.session.timeout.ms': String(lastingSessionMs) }
    const result = await survives({ etcdNodes: 3, settings }, 22, cluster => {
      const { loseNode, moveLeader, pauseNode } = etcdFaultsOf(cluster)
      return [moveLeader(), loseNode(500), pauseNode(1500)]
    })
    assertNoErrors(result)
  })

  test('lose nothing when a broker is cut off from etcd until others lead, or killed', {
    timeout: 120_000
  }, async () => {
    await survives({}, 23, cluster => [etcdFaultsOf(cluster).cutOff(5000), killLeader])
  })

  test('go on when one is cut off from the others only, who say no more than once that it is gone', {
    timeout: 120_000
  }, async () => {
    const own = await threeInEtcd({ links: true })
    cluster = own
    const store = openStore(own.etcd, { prefix: 'naru/' })
    try {
      await createTopic(own)
      await own.healed(['t'])
      const seen = new Seen()
      store.watch('registrations/1', (await store.get('')).revision + 1, seen)
      await own.links[0].set({ type: 'cut' })
      await seen.until(({ values }) => values.length >= 2)
      await sleep(2000)
      // Each of the others may have found it closed.
      const times = seen.values.filter(value => value.startsWith('-')).length
      assert.ok(times <= 2, `reported ${times} times`)
      assert.ok((await store.get('registrations/1')).item, 'it lives')
      await own.links[0].open()
      await own.healed(['t'])
    } finally {
      await store.close()
      await own.remove()
      cluster = undefined
    }
  })
})

async function createTopic({ bootstraps }: ClusterInEtcd): Promise<void> {
  await withAdmin(kafkajs(bootstraps[0]), async admin => {
    await admin.createTopics({ topics: [{ topic: 't', numPartitions: 3, replicationFactor: 3 }], waitForLeaders: true })
  })
}
