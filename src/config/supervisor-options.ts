import { option } from '../std/option.ts'
import type { Texts } from './sources.ts'

/** What `naru start` does beside running a broker: several of them on one machine. */
export const supervisorOptions = {
  brokers: option({
    name: 'brokers',
    type: 'int',
    default: 0,
    min: 0,
    max: 100,
    doc: 'Run so many brokers that replicate for one another, a process each; ids and ports follow those of the first. 0: one broker by itself, in this process.'
  }),
  restartBackoffMs: option({
    name: 'naru.restart.backoff.ms',
    type: 'int',
    default: 100,
    unit: 'ms',
    min: 0,
    doc: 'How long the first restart of a broker whose process has ended waits; each further one waits twice as long, until the broker has run for naru.restart.backoff.max.ms.'
  }),
  restartBackoffMaxMs: option({
    name: 'naru.restart.backoff.max.ms',
    type: 'int',
    default: 30_000,
    unit: 'ms',
    min: 1,
    doc: 'The longest wait before a broker is started again.'
  }),
  stopTimeoutMs: option({
    name: 'naru.stop.timeout.ms',
    type: 'int',
    default: 30_000,
    unit: 'ms',
    min: 1,
    doc: 'How long a broker may take to stop before its process is killed.'
  })
} as const

/** Option texts without those of the supervisor, which mean nothing to a broker by itself. */
export function brokerTextsIn(texts: Texts): Texts {
  const own = new Set(Object.values(supervisorOptions).map(({ name }) => name as string))
  return Object.fromEntries(Object.entries(texts).filter(([name]) => !own.has(name)))
}
