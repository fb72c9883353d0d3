import { type OptionValue, option } from '../../std/option.ts'

/** Limits of the connections that speak Kafka's protocol. */
export const kafkaDoorOptions = {
  requestBytesMax: option({
    name: 'socket.request.max.bytes',
    type: 'int',
    default: 104857600,
    unit: 'bytes',
    min: 1,
    doc: 'The largest request that is read. Memory for a request is taken as its bytes arrive.'
  }),
  idleMaxMs: option({
    name: 'connections.max.idle.ms',
    type: 'long',
    default: 600000n,
    unit: 'ms',
    min: 1,
    doc: 'A connection on which nothing was read for so long, and no request waits for an answer, is closed.'
  }),
  inFlightMax: option({
    name: 'naru.connection.requests.in.flight.max',
    type: 'int',
    default: 256,
    min: 1,
    doc: 'Requests of one connection that are worked on at a time; more are not read until one is answered.'
  }),
  responseBytesMax: option({
    name: 'naru.connection.response.bytes.max',
    type: 'int',
    default: 16777216,
    unit: 'bytes',
    min: 1,
    doc: 'Response bytes waiting for one client to read them; above it no more of its requests are read.'
  }),
  writeStallMs: option({
    name: 'naru.connection.write.stall.ms',
    type: 'long',
    default: 30000n,
    unit: 'ms',
    min: 1,
    doc: 'A client that takes nothing of what waits for it for so long is dropped.'
  })
} as const

/** The values of `kafkaDoorOptions`, by the same names. */
export type KafkaDoorLimits = {
  readonly [K in keyof typeof kafkaDoorOptions]: OptionValue<(typeof kafkaDoorOptions)[K]>
}
