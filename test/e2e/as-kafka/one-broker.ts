import { startTarget } from '../../support/target.ts'
import { adminSteps } from './admin-steps.ts'
import type { Suite } from './compare.ts'
import { configSteps } from './config-steps.ts'
import { producerSteps } from './producer-steps.ts'
import { unconfiguredSteps } from './unconfigured-steps.ts'

export const oneBroker: Suite = {
  scenarios: {
    admin: adminSteps,
    configs: configSteps,
    unconfigured: unconfiguredSteps,
    producers: producerSteps
  },
  golden: 'admin-kafka.jsonl',
  start: target => startTarget({ 'auto.create.topics.enable': 'false' }, target, 1)
}
