import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { FollowerRole } from '../../src/partition/follower.ts'
import type { Partition } from '../../src/partition/partition.ts'
import { Following } from '../../src/replication/following.ts'
import { Lane } from '../../src/replication/lane.ts'
import { replicationOptions } from '../../src/replication/options.ts'
import { ManualClock } from '../../src/std/clock.ts'
import { silent } from '../../src/std/log.ts'
import { OptionValues } from '../../src/std/option.ts'

async function settle(): Promise<void> {
  for (let turn = 0; turn < 5; turn++) await new Promise(resolve => setImmediate(resolve))
}

function following(index: number): Following {
  const role = { settling: undefined, active: true, position: () => ({ offset: 0, lastEpoch: -1 }) }
  const partition = { topic: 't', topicId: 'AAAAAAAAAAAAAAAAAAAAAQ', index, startOffset: 0 }
  return new Following(partition as unknown as Partition, role as unknown as FollowerRole)
}

describe('a lane', () => {
  it('looks for its leader for whoever comes, also just after the last one went', async () => {
    const clock = new ManualClock()
    const config = new OptionValues({}).of(replicationOptions)
    let looked = 0
    const lane = new Lane(2, {
      nodeId: 1,
      clock,
      logger: silent,
      config,
      connect: () => Promise.reject(new Error('nobody is there')),
      brokerEpoch: () => 1,
      leaderAt() {
        looked++
        return undefined
      },
      refused: () => Promise.resolve(),
      renew: () => Promise.resolve()
    })
    for (let turns = 0; turns < 12; turns++) {
      const last = following(0)
      lane.add(last)
      await settle()
      lane.remove(last)
      clock.advance(config.fetchBackoffMs)
      for (let turn = 0; turn < turns; turn++) await undefined
      const next = following(1)
      const before = looked
      lane.add(next)
      for (let time = 0; time < 2; time++) {
        await settle()
        clock.advance(config.fetchBackoffMs)
      }
      assert.ok(looked > before, `${turns} turns after the last one went`)
      lane.remove(next)
      await settle()
    }
    const closed = lane.close()
    clock.advance(config.fetchBackoffMs)
    await closed
  })
})
