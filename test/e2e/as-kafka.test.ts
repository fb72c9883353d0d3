/**
 * Requests of every kind, right and wrong, compared with what Apache Kafka answers, which is kept in test/golden. To ask
 * Kafka again: NARU_RECORD=kafka node --import tsx --test test/e2e/as-kafka.test.ts
 */
import { test } from 'node:test'
import { targetName, whyNoTarget } from '../support/target.ts'
import { compare, playAll, record, type Suite } from './as-kafka/compare.ts'
import { oneBroker } from './as-kafka/one-broker.ts'
import { threeBrokers } from './as-kafka/three-brokers.ts'

function testSuite(name: string, suite: Suite): void {
  test(name, { skip: whyNoTarget(), timeout: 300_000 }, async () => {
    if (process.env.NARU_RECORD === 'kafka') record(suite, await playAll(suite, 'kafka', true))
    compare(suite, targetName, await playAll(suite, targetName))
  })
}

testSuite('admin requests are answered as Apache Kafka answers them', oneBroker)
testSuite('three brokers answer as three brokers of Apache Kafka do', threeBrokers)
