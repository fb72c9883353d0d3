import assert from 'node:assert/strict'
import { before, describe, test } from 'node:test'
import type { RunningBroker } from '../support/naru.ts'
import { removeAfter, startTarget, targetName, whyNoTarget } from '../support/target.ts'
import { groupsReady, runCase } from './protocol/case.ts'
import { cases } from './protocol/cases.ts'

describe('edges of the protocol, as Apache Kafka answers them', { skip: whyNoTarget(), concurrency: 1 }, () => {
  let broker: RunningBroker

  before(async () => {
    broker = await startTarget({ 'auto.create.topics.enable': 'false' }, targetName, 1)
    await groupsReady(broker)
  })
  removeAfter(() => broker?.remove())

  for (const edge of cases)
    test(edge.name, { timeout: 30_000 }, async () => assert.deepEqual(await runCase(broker, edge), edge.expected))
})
