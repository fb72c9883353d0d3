/**
 * Admin requests of every kind, right and wrong, compared with what Apache Kafka answers, which is kept in
 * test/golden/admin-kafka.jsonl. To ask Kafka again: NARU_RECORD=kafka node --import tsx --test test/e2e/as-kafka.test.ts
 */
import { test } from 'node:test'
import { targetName, whyNoTarget } from '../support/target.ts'
import { compare, playAll, record } from './as-kafka/compare.ts'

test('admin requests are answered as Apache Kafka answers them', {
  skip: whyNoTarget(),
  timeout: 180_000
}, async () => {
  if (process.env.NARU_RECORD === 'kafka') record(await playAll('kafka', true))
  compare(targetName, await playAll(targetName))
})
