import { option } from '../std/option.ts'

/** Broker options of membership and elections. */
export const controlOptions = {
  sessionTimeoutMs: option({
    name: 'broker.session.timeout.ms',
    type: 'int',
    default: 9000,
    unit: 'ms',
    min: 1,
    doc: 'How long a broker counts as alive after it was last heard of. A process that is gone is noticed sooner where its port refuses connections.'
  }),
  autoRebalance: option({
    name: 'auto.leader.rebalance.enable',
    type: 'boolean',
    default: true,
    doc: 'Whether partitions that are not led by their first replica are given back to it once it is in sync again.'
  }),
  rebalanceIntervalSeconds: option({
    name: 'leader.imbalance.check.interval.seconds',
    type: 'long',
    default: 300n,
    unit: 's',
    min: 1,
    doc: 'How often leaders are given back, where auto.leader.rebalance.enable is true: at most a hundred partitions a second.'
  })
} as const
