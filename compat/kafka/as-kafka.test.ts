import { test } from 'node:test'
import { compare, playAll } from '../../test/e2e/as-kafka/compare.ts'
import { whyNoTarget } from '../../test/support/target.ts'

test(
  'Apache Kafka still answers admin requests as recorded',
  {
    skip: whyNoTarget('kafka'),
    timeout: 180_000
  },
  async () => compare('kafka', await playAll('kafka'))
)
