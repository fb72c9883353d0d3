import { test } from 'node:test'
import { compare, playAll } from '../../test/e2e/as-kafka/compare.ts'
import { oneBroker } from '../../test/e2e/as-kafka/one-broker.ts'
import { threeBrokers } from '../../test/e2e/as-kafka/three-brokers.ts'
import { whyNoTarget } from '../../test/support/target.ts'

for (const [name, suite] of Object.entries({ 'Apache Kafka': oneBroker, 'a cluster of Apache Kafka': threeBrokers }))
  test(`${name} still answers as recorded`, { skip: whyNoTarget('kafka'), timeout: 300_000 }, async () =>
    compare(suite, 'kafka', await playAll(suite, 'kafka'))
  )
