import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { groupsReady, runCase } from '../../test/e2e/protocol/case.ts'
import { cases } from '../../test/e2e/protocol/cases.ts'
import type { RunningBroker } from '../../test/support/naru.ts'
import { startTarget, whyNoTarget } from '../../test/support/target.ts'

describe('edges of the protocol: Naru answers what Apache Kafka answers', {
  skip: whyNoTarget('kafka'),
  concurrency: 1
}, () => {
  const settings = { 'auto.create.topics.enable': 'false' }
  let naru: RunningBroker
  let kafka: RunningBroker

  before(async () => {
    kafka = await startTarget(settings, 'kafka', 1)
    naru = await startTarget(settings, 'naru', 1)
    await groupsReady(kafka)
    await groupsReady(naru)
  })
  after(async () => {
    await naru?.remove()
    await kafka?.remove()
  })

  for (const edge of cases)
    test(edge.name, { timeout: 30_000 }, async () => {
      const expected = await runCase(kafka, edge)
      assert.deepEqual(expected, edge.expected, 'Apache Kafka answers otherwise than the table says')
      assert.deepEqual(await runCase(naru, edge), expected)
    })
})
