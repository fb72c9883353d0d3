import { option } from '../std/option.ts'

/** What a broker is and where it listens. */
export const nodeOptions = {
  nodeId: option({
    name: 'node.id',
    type: 'int',
    default: 1,
    min: 0,
    doc: 'The id of this broker, unique in its cluster.'
  }),
  host: option({
    name: 'host',
    type: 'string',
    default: 'localhost',
    doc: 'The address to listen on: localhost serves this machine only, 0.0.0.0 or :: every network that it is on.'
  }),
  port: option({
    name: 'port',
    type: 'int',
    default: 9092,
    min: 0,
    max: 65_535,
    doc: 'The port for Kafka clients; 0 takes a free one.'
  }),
  advertisedHost: option({
    name: 'advertised.host',
    type: 'string',
    default: '',
    hiddenDefault: true,
    doc: 'The host that clients are told to connect to; needed when they come from other machines. Empty: as listened on, localhost for every network.'
  }),
  advertisedPort: option({
    name: 'advertised.port',
    type: 'int',
    default: 0,
    min: 0,
    max: 65_535,
    doc: 'The port that clients are told to connect to; 0: the one listened on.'
  }),
  rack: option({
    name: 'broker.rack',
    type: 'string',
    default: '',
    hiddenDefault: true,
    doc: 'What this broker shares with those that fail with it: replicas are spread over racks. Empty: unknown.'
  }),
  dataDir: option({
    name: 'data.dir',
    type: 'string',
    default: './naru-data',
    doc: 'The folder that holds everything the broker keeps.'
  }),
  memory: option({
    name: 'memory',
    type: 'boolean',
    default: false,
    doc: 'Keep everything in memory: gone when the process ends.'
  }),
  logLevel: option({
    name: 'log.level',
    type: 'string',
    default: 'info',
    values: ['silent', 'error', 'warn', 'info', 'debug'],
    doc: 'The least severe log lines that are printed (JSON on standard error).'
  })
} as const
