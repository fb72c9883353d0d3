/** Kafka's Java client through the deaths of leaders: nothing that it sent or read is lost, moved, doubled or out of order. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { faultsOf } from '../../test/e2e/cluster/faults.ts'
import { whyNoJavaClient } from '../../test/e2e/cluster/java.ts'
import { runFaults } from '../../test/e2e/cluster/run.ts'
import { superviseThree } from '../../test/e2e/cluster/victims.ts'

const rounds = 10

test('a Java producer and group go through ten kills of leaders', {
  skip: whyNoJavaClient(),
  timeout: 600_000
}, async () => {
  const cluster = await superviseThree()
  try {
    const faults = faultsOf(cluster)
    const next = (round: number) => (round < rounds ? faults['leader-kill'] : undefined)
    const result = await runFaults({ cluster, seed: 43, java: true, next })
    const story = result.story.join('\n')
    assert.deepEqual(result.anomalies, [], story)
    // With the settings that it has it gets over each by itself.
    assert.deepEqual(result.errors.get('kafka-clients'), [], story)
    assert.deepEqual(result.errors.get('kafka-clients (reading)'), [], story)
  } finally {
    await cluster.remove()
  }
})
