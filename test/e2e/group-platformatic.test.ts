import { test } from 'node:test'
import { brokersAsked, whyNoTarget } from '../support/target.ts'
import { millionRecords } from './group/scenario.ts'

test(
  "@platformatic/kafka: a group consumes a million records through a join, its leader's death and kill -9 of the broker",
  {
    skip: whyNoTarget(),
    // Three brokers on a machine with two cores take longer.
    timeout: brokersAsked() > 1 ? 500_000 : 180_000
  },
  t => millionRecords('./member-platformatic.ts', text => t.diagnostic(text))
)
