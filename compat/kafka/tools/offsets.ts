import { call, file, type Step } from './step.ts'

const offsets = (args: string) => call(`kafka-get-offsets ${args}`)
const at = (time: string) => offsets(`--topic oa --time ${time}`)
const records = (name: string, ...partitions: [topic: string, partition: number, offset: number][]): Step =>
  call(
    `kafka-delete-records --offset-json-file ${file(`${name}.json`, {
      version: 1,
      partitions: partitions.map(([topic, partition, offset]) => ({ topic, partition, offset }))
    })}`
  )

const times = file('times.properties', 'default.api.timeout.ms=2000\nrequest.timeout.ms=1500\n')
const short = (slow: Step): Step => ({ ...slow, args: ['--command-config', times, ...slow.args] })

export const offsetSteps: readonly Step[] = [
  call('kafka-topics --create --topic oa --partitions 2'),
  call('kafka-topics --create --topic ob'),
  { ...call('kafka-console-producer --topic oa --reader-property parse.key=true'), input: 'k\tv\n'.repeat(10) },
  offsets('--topic oa'),
  offsets('--topic o.*'),
  offsets('--exclude-internal-topics'),
  offsets('--topic oa --partitions 1'),
  offsets('--topic oa --partitions 0,9'),
  offsets('--topic-partitions oa:0,ob'),
  offsets('--topic-partitions oa:0-1'),
  offsets('--topic-partitions o.*:0'),
  offsets('--topic nope'),
  offsets('--topic oa --time never'),
  ...['latest', 'earliest', 'earliest-local', 'latest-tiered', 'earliest-pending-upload'].map(at),
  ...['-1', '-2', '-4', '-5', '-6', '0', '4102444800000'].map(at),
  // Which of ten records sent together is the first of the newest millisecond is a matter of time.
  ...['max-timestamp', '-3'].map(time => ({ ...at(time), hide: /(?<=oa:0:)\d$/g })),
  records('some', ['oa', 0, 4], ['oa', 1, -1]),
  records('past', ['oa', 0, 100]),
  records('before', ['oa', 0, 1]),
  // Kafka's admin client asks again until it runs out of time.
  { ...short(records('unknown-partition', ['oa', 9, 1], ['ob', 0, 0])), hide: /(?<=TimeoutException: ).*/g },
  records('negative', ['oa', 0, -2]),
  records('twice', ['oa', 0, 5], ['oa', 0, 6]),
  offsets('--topic oa --time earliest'),
  call('kafka-console-consumer --topic oa --partition 0 --offset earliest --max-messages 2'),
  records('all', ['oa', 0, -1]),
  offsets('--topic oa --time earliest'),
  // Kafka names the newest of the records that are gone.
  { ...offsets('--topic oa --time max-timestamp'), otherwise: /^\s*$/, code: 0 },
  call('kafka-log-dirs --describe --topic-list oa,ob'),
  call('kafka-log-dirs --describe --topic-list oa --broker-list 1'),
  call('kafka-log-dirs --describe --topic-list nope'),
  call('kafka-log-dirs --describe --broker-list 7')
]
