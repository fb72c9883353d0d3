import { type OptionValue, option } from '../../std/option.ts'

/** Limits of each listener. */
export const listenerOptions = {
  connectionsMax: option({
    name: 'max.connections',
    type: 'int',
    default: 2147483647,
    min: 1,
    dynamic: true,
    doc: 'How many connections may be open; further ones are closed at once. Never more than the open files that the system allows the process leave room for, beside naru.open.files.max.'
  }),
  connectionsPerHostMax: option({
    name: 'max.connections.per.ip',
    type: 'int',
    default: 2147483647,
    min: 0,
    dynamic: true,
    doc: 'How many connections may be open from one address; further ones are closed at once.'
  }),
  connectionsPerHostOverrides: option({
    name: 'max.connections.per.ip.overrides',
    type: 'string',
    default: '',
    dynamic: true,
    check: text => overridesOf(text).why,
    doc: 'Other limits than max.connections.per.ip for some addresses, such as `10.0.0.1:200,::1:50`.'
  }),
  creationRateMax: option({
    name: 'max.connection.creation.rate',
    type: 'int',
    default: 2147483647,
    unit: 'connections per second',
    min: 1,
    dynamic: true,
    doc: 'How many new connections are served in a second; further ones wait for their turn.'
  })
} as const

/** The values of `listenerOptions`, by the same names. */
export type ListenerLimits = { readonly [K in keyof typeof listenerOptions]: OptionValue<(typeof listenerOptions)[K]> }

/** The limits by address of `max.connections.per.ip.overrides`; `why` says what is wrong with it. */
export function overridesOf(text: string): { readonly limits: ReadonlyMap<string, number>; readonly why?: string } {
  const limits = new Map<string, number>()
  for (const item of text.split(',').map(part => part.trim())) {
    if (item === '') continue
    const at = item.lastIndexOf(':')
    const count = Number(item.slice(at + 1))
    if (at < 1 || !/^\d+$/.test(item.slice(at + 1)) || count > 0x7fff_ffff)
      return { limits, why: `${item} is no address:count` }
    limits.set(item.slice(0, at), count)
  }
  return { limits }
}
