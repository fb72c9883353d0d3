import { type OptionValue, option } from '../../std/option.ts'

/** Limits of each listener. */
export const listenerOptions = {
  connectionsMax: option({
    name: 'max.connections',
    type: 'int',
    default: 2147483647,
    min: 0,
    doc: 'How many connections may be open; further ones are closed at once.'
  }),
  connectionsPerHostMax: option({
    name: 'max.connections.per.ip',
    type: 'int',
    default: 2147483647,
    min: 0,
    doc: 'How many connections may be open from one address; further ones are closed at once.'
  })
} as const

/** The values of `listenerOptions`, by the same names. */
export type ListenerLimits = { readonly [K in keyof typeof listenerOptions]: OptionValue<(typeof listenerOptions)[K]> }
