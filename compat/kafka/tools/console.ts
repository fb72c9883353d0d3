import { call, type Step, step } from './step.ts'

const produce = (args: string, input: string): Step => ({
  ...call(`kafka-console-producer --topic pa --reader-property parse.key=true${args ? ` ${args}` : ''}`),
  input
})
const parts = ['key', 'value', 'headers', 'offset', 'partition', 'timestamp', 'delivery', 'epoch']
const printed = parts.map(part => `--formatter-property print.${part}=true`).join(' ')
const readers = 'kafka-console-consumer --group pr'

/** One key for all records: which partition a record goes to must not be a matter of luck. */
export const consoleSteps: readonly Step[] = [
  call('kafka-topics --create --topic pa --partitions 2'),
  produce('--compression-codec none --sync', 'k\tplain\n'),
  produce('--compression-codec gzip', 'k\tgzip\n'),
  produce('--compression-codec snappy', 'k\tsnappy\n'),
  produce('--compression-codec lz4', 'k\tlz4\n'),
  produce('--compression-codec zstd', 'k\tzstd\n'),
  produce('--request-required-acks 0', 'k\tacks 0\n'),
  produce('--request-required-acks 1 --command-property enable.idempotence=false', 'k\tacks 1\n'),
  produce('--request-required-acks all --command-property enable.idempotence=true', 'k\tidempotent\n'),
  produce('--reader-property key.separator=|', 'k|with a bar\n'),
  produce(
    '--reader-property parse.headers=true --reader-property null.marker=NULL',
    'h1:a,h2:b\tk\twith headers\nh:NULL\tk\tNULL\nNULL\tk\tno headers\n'
  ),
  produce('', Array.from({ length: 500 }, (_, i) => `k\tline ${i} ${'나'.repeat(i % 50)}\n`).join('')),
  produce('', 'no separator\n'),
  produce('--command-property transactional.id=tx --command-property max.block.ms=2000', 'k\tno transaction\n'),
  produce('--command-property max.request.size=10', 'k\ttoo large for the producer\n'),
  { ...call('kafka-console-producer --topic made.by.producing'), input: 'hello\n' },
  { ...step('kafka-console-producer', '--topic', 'bad name'), input: 'hello\n' },
  {
    ...call(
      `${readers} --topic pa --from-beginning --max-messages 512 ${printed} --formatter-property null.literal=NIL`
    ),
    hide: /CreateTime:\d+/g
  },
  call(`${readers}2 --topic pa --from-beginning --max-messages 5 --isolation-level read_committed`),
  // Twelve were read: the next reader of the group goes on behind them.
  call(`${readers}3 --topic pa --from-beginning --max-messages 12`),
  call(`${readers}3 --topic pa --max-messages 5`),
  call(`${readers}4 --topic pa --timeout-ms 1500`),
  call(`${readers}5 --topic pa --timeout-ms 1500 --command-property auto.offset.reset=none`),
  call(`${readers}6 --include pa|made.* --from-beginning --max-messages 513`),
  call(`${readers}7 --topic pa --from-beginning --max-messages 3 --command-property max.poll.records=1`),
  call(`${readers}8 --topic pa --from-beginning --max-messages 512 --command-property max.partition.fetch.bytes=100`),
  call(`${readers}9 --topic nope --timeout-ms 1500`),
  call('kafka-console-consumer --topic pa --partition 0 --offset earliest --max-messages 3'),
  call('kafka-console-consumer --topic pa --partition 1 --offset 0 --timeout-ms 1000'),
  call('kafka-console-consumer --topic pa --partition 0 --offset latest --timeout-ms 1000'),
  call('kafka-console-consumer --topic pa --partition 0 --offset 7 --max-messages 1'),
  call('kafka-console-consumer --topic pa --partition 0 --offset 20000 --timeout-ms 1000'),
  call('kafka-console-consumer --topic pa --partition 5 --offset 0 --timeout-ms 1500'),
  {
    ...call(`${readers} --topic pa --timeout-ms 3000 --command-property group.protocol=consumer`),
    otherwise: /does not support CONSUMER_GROUP_HEARTBEAT/,
    code: 0
  },
  { ...call('kafka-console-share-consumer --topic pa --timeout-ms 1500'), otherwise: /SHARE_GROUP_HEARTBEAT/, code: 0 }
]
