import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { whyNoSmallDisk } from '../../support/small-disk.ts'
import { removeAfter } from '../../support/target.ts'
import { faultsOf } from './faults.ts'
import { type RunResult, runFaults } from './run.ts'
import { type FaultyCluster, type SupervisedOptions, superviseThree } from './victims.ts'

/*
 * Three brokers in processes of their own, three replicas, acks=all, min.insync.replicas=2, and real clients. Each test does
 * some faults, whom to and for how long by a seed; `npm run faults` does more of them, and for longer.
 */

let cluster: FaultyCluster | undefined
removeAfter(async () => cluster?.remove())

async function survives(options: SupervisedOptions, seed: number, names: readonly string[]): Promise<RunResult> {
  cluster = await superviseThree(options)
  const faults = faultsOf(cluster)
  try {
    const result = await runFaults({ cluster, seed, next: round => faults[names[round]] })
    const story = `seed ${seed}\n${result.story.join('\n')}`
    assert.deepEqual(result.anomalies, [], story)
    assert.ok(result.acknowledged > 100, story)
    return result
  } catch (error) {
    throw new Error(`${error}\n${cluster.output().slice(-5000)}`, { cause: error })
  } finally {
    await cluster.remove()
    cluster = undefined
  }
}

describe('a cluster of processes under load', { concurrency: 1 }, () => {
  test('loses, moves and doubles nothing when its brokers are killed', { timeout: 120_000 }, async () => {
    const kills = ['leader-kill', 'follower-kill', 'coordinator-kill', 'controller-kill', 'leader-kill']
    const { errors } = await survives({}, 11, kills)
    // kafkajs gets over each by itself, with the settings that it has.
    assert.deepEqual(errors.get('kafkajs'), [])
  })

  test('nor when all of it dies at once, or a leader stands still and wakes', { timeout: 120_000 }, async () => {
    await survives({}, 12, ['all-kill', 'leader-pause', 'supervisor-kill'])
  })

  test('goes on through a rolling restart, and no client sees an error', { timeout: 120_000 }, async () => {
    const { errors } = await survives({}, 13, ['rolling-restart'])
    for (const [client, own] of errors) assert.deepEqual(own, [], client)
  })

  test('nor when its connections are cut, silent or slow', { timeout: 120_000 }, async () => {
    await survives({ links: true }, 14, ['link-cut', 'link-silent', 'link-delay'])
  })

  test('nor when the disk of one broker is full, which others lead for meanwhile', {
    timeout: 120_000,
    skip: whyNoSmallDisk('ext4')
  }, async () => {
    await survives({ smallDisk: { broker: 2, megabytes: 64 } }, 15, ['disk-full'])
  })
})
