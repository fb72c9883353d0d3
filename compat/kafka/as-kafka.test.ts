import { test } from 'node:test'
import { compare, playAll } from '../../test/e2e/as-kafka/compare.ts'
import { oneBroker } from '../../test/e2e/as-kafka/one-broker.ts'
import { threeBrokers } from '../../test/e2e/as-kafka/three-brokers.ts'
import { whyNoTarget } from '../../test/support/target.ts'

const whyNotThree =
  process.env.NARU_E2E_BROKERS === undefined ? 'three of Apache Kafka are asked with NARU_E2E_BROKERS=3' : undefined

for (const [name, suite, why] of [
  ['Apache Kafka', oneBroker, undefined],
  ['a cluster of Apache Kafka', threeBrokers, whyNotThree]
] as const)
  test(`${name} still answers as recorded`, { skip: whyNoTarget('kafka') ?? why, timeout: 300_000 }, async () =>
    compare(suite, 'kafka', await playAll(suite, 'kafka'))
  )
