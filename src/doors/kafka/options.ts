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
  queuedRequestBytesMax: option({
    name: 'queued.max.request.bytes',
    type: 'int',
    default: 268435456,
    unit: 'bytes',
    min: 1,
    doc: 'Requests of all connections that arrived in part or wait to be worked on. At this bound further requests that do not come in one piece wait, and connections on which one arrives too slowly (64 KB/s) are dropped; far above it (twice the bound, or the bound and one request of the largest size) those that hold most are dropped.'
  }),
  waitingRequestBytesMax: option({
    name: 'naru.waiting.request.bytes.max',
    type: 'int',
    default: 536870912,
    unit: 'bytes',
    min: 1,
    doc: 'Memory, as estimated, of the requests of all connections that wait for their answer, such as long polls (3.5 KB for a fetch of one partition). Above it the connections that hold most of it are dropped.'
  }),
  requestElementsMax: option({
    name: 'naru.request.elements.max',
    type: 'int',
    default: 200000,
    min: 1,
    doc: 'Elements of all arrays in one request, such as topics and partitions; a request with more is refused and its connection closed. A small frame can hold many, and each takes memory and time.'
  }),
  queuedResponseBytesMax: option({
    name: 'naru.queued.response.bytes.max',
    type: 'int',
    default: 268435456,
    unit: 'bytes',
    min: 1,
    doc: 'Memory of responses that clients have not read yet, of all connections; records that are in the memory tail anyway do not count. At this bound a client that has not read its earlier responses gets no further ones, the others get as few records as can be, and clients that read nothing for five seconds are dropped; at twice the bound those that hold most.'
  }),
  turnMsMax: option({
    name: 'naru.connection.turn.ms.max',
    type: 'int',
    default: 10,
    unit: 'ms',
    min: 1,
    doc: 'How long the requests that one connection sent together are worked on before others have their turn.'
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
    doc: 'A client that takes nothing of what waits for it for so long is dropped; so is a connection that was to end when its last requests are answered, and they still are not.'
  })
} as const

/** The values of `kafkaDoorOptions`, by the same names. */
export type KafkaDoorLimits = {
  readonly [K in keyof typeof kafkaDoorOptions]: OptionValue<(typeof kafkaDoorOptions)[K]>
}
