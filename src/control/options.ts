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
  })
} as const
