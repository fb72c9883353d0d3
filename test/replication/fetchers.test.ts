import assert from 'node:assert/strict'
import { it } from 'node:test'
import type { FollowerRole } from '../../src/partition/follower.ts'
import type { Partition } from '../../src/partition/partition.ts'
import { Fetchers } from '../../src/replication/fetchers.ts'
import { replicationOptions } from '../../src/replication/options.ts'
import { ManualClock } from '../../src/std/clock.ts'
import { silent } from '../../src/std/log.ts'
import { OptionValues } from '../../src/std/option.ts'
import { Fetch } from '../../src/wire/kafka/messages/fetch.ts'
import { FakeBrokers } from '../client/fake-broker.ts'

function followed(index: number): Partition {
  const role = { settling: undefined, active: true, position: () => ({ offset: 0, lastEpoch: -1 }) }
  const follow = () => role as unknown as FollowerRole
  return { topic: 't', topicId: 'AAAAAAAAAAAAAAAAAAAAAQ', index, startOffset: 0, follow } as unknown as Partition
}

it('both lanes to a leader tell once that nobody listens there any more', async () => {
  const clock = new ManualClock()
  const config = new OptionValues({}).of(replicationOptions)
  const brokers = new FakeBrokers().on(Fetch, () => 'silence')
  const refusal = Object.assign(new Error('refused'), { code: 'ECONNREFUSED' })
  let told = 0
  let fails = true
  const fetchers = new Fetchers({
    nodeId: 1,
    clock,
    logger: silent,
    config,
    connect: (_host, port) => (brokers.refuse ? Promise.reject(refusal) : brokers.connect(port)),
    brokerEpoch: () => 1,
    // Cut off from this broker only, it registers again at once, as the same life.
    leaderAt: () => ({ nodeId: 2, epoch: 7, host: 'fake', port: 1 }),
    async refused() {
      told++
      if (fails) throw new Error('the metastore is silent')
    },
    renew: () => Promise.resolve()
  })
  const tries = async (count: number) => {
    for (let time = 0; time < count; time++) {
      for (let turn = 0; turn < 5; turn++) await new Promise(resolve => setImmediate(resolve))
      clock.advance(config.fetchBackoffMs)
    }
  }
  brokers.refuse = true
  fetchers.follow(followed(0), 2, 1, true)
  fetchers.follow(followed(1), 2, 1, false)
  await tries(3)
  assert.equal(told, 0, 'it may not listen yet')

  brokers.refuse = false
  await tries(3)
  assert.equal(brokers.streams.length, 2)

  brokers.refuse = true
  for (const stream of brokers.streams) stream.destroy()
  await tries(3)
  assert.ok(told >= 2, `told ${told} times while that failed`)
  fails = false
  told = 0
  await tries(10)
  assert.equal(told, 1)

  const closed = fetchers.close()
  clock.advance(config.fetchBackoffMs)
  await closed
})
