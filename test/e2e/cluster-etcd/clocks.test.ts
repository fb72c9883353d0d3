import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { whyNoEtcd } from '../../support/etcd.ts'
import { whyNoSteppedClock } from '../../support/stepped-clock.ts'
import { removeAfter } from '../../support/target.ts'
import { type Fault, startWithWrongClock, stepClock } from '../cluster/faults.ts'
import { runFaults } from '../cluster/run.ts'
import { type ClusterInEtcd, threeInEtcd } from './victims.ts'

/*
 * Clocks of brokers are set by minutes and hours, under load. No lease, session or time-out goes by them: leaders stay, members of the group
 * stay, no client sees an error, and nothing is lost, doubled or out of order. etcd goes by a steady clock of its own (Go's),
 * which can't be set from outside.
 */

let cluster: ClusterInEtcd | undefined
removeAfter(async () => cluster?.remove())

describe('brokers under load whose clocks are set', { skip: whyNoEtcd() ?? whyNoSteppedClock() }, () => {
  test('go on as if nothing had happened, and start with a wrong clock too', { timeout: 120_000 }, async () => {
    cluster = await threeInEtcd({ clocks: true })
    const joinedNoMore =
      (fault: Fault): Fault =>
      async world => {
        const { joins } = world.clients
        const done = await fault(world)
        const misdeeds = async () => [
          ...((await done.misdeeds?.()) ?? []),
          ...(world.clients.joins > joins ? ['members of the group had to join again'] : [])
        ]
        return { ...done, misdeeds }
      }
    const faults = [...[0, 1, 2].map(at => joinedNoMore(stepClock(at))), startWithWrongClock]
    const result = await runFaults({ cluster, seed: 31, next: round => faults[round] })
    const story = `${result.story.join('\n')}\n${cluster.output().slice(-5000)}`
    assert.deepEqual(result.anomalies, [], story)
    assert.ok(result.acknowledged > 100, story)
    for (const client of ['kafkajs', '@platformatic/kafka']) assert.deepEqual(result.errors.get(client), [], story)
    if (process.env.NARU_TEST_VERBOSE) console.log(story)
  })
})
