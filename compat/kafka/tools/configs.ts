import { call, file, type Step } from './step.ts'

const topic = 'kafka-configs --entity-type topics --entity-name ca'
const broker = 'kafka-configs --entity-type brokers --entity-name 1'
const brokers = 'kafka-configs --entity-type brokers --entity-default'

export const configSteps: readonly Step[] = [
  call('kafka-topics --create --topic ca --config retention.ms=5000000 --config flush.ms=7'),
  call(`${topic} --describe`),
  {
    ...call(`${topic} --describe --all`),
    // Naru's own options, and its default of flush.messages (GAPS.md).
    hide: /^ {2}(naru\.\S+=|flush\.messages=).*/g
  },
  call('kafka-configs --topic ca --describe'),
  call('kafka-configs --entity-type topics --describe --entity-name nope'),
  call(`${topic} --alter --add-config retention.ms=7700000,cleanup.policy=[delete]`),
  call(`${topic} --alter --add-config message.timestamp.type=LogAppendTime --delete-config flush.ms`),
  call(
    `${topic} --alter --add-config-file ${file('topic.properties', 'retention.bytes=123456\nsegment.ms=86400000\n')}`
  ),
  call(`${topic} --alter --add-config cleanup.policy=[compact,delete],min.compaction.lag.ms=60000`),
  call(`${topic} --describe`),
  call(`${topic} --alter --add-config cleanup.policy=compact --delete-config min.compaction.lag.ms`),
  call(`${topic} --alter --add-config nope.nope=1`),
  call(`${topic} --alter --add-config retention.ms=-5`),
  call(`${topic} --alter --add-config max.message.bytes=abc`),
  call(`${topic} --alter --add-config segment.bytes=1`),
  call(`${topic} --alter --add-config compression.type=lzma`),
  call(`${topic} --alter --add-config min.insync.replicas=0`),
  call(`${topic} --alter --add-config message.timestamp.type=Never`),
  call(`${topic} --alter --add-config unclean.leader.election.enable=perhaps`),
  call(`${topic} --alter --add-config min.cleanable.dirty.ratio=2`),
  call(`${topic} --alter --add-config retention.ms=1,retention.ms=2`),
  call(`${topic} --alter --delete-config retention.ms`),
  call(`${topic} --alter --delete-config retention.ms`),
  call(`${topic} --alter --delete-config no.such`),
  call('kafka-configs --entity-type topics --entity-name nope --alter --add-config retention.ms=77'),
  call('kafka-configs --entity-type topics --describe'),
  call(`${broker} --describe`),
  call(`${brokers} --describe`),
  call('kafka-configs --entity-type brokers --describe'),
  call('kafka-configs --broker 1 --describe'),
  call('kafka-configs --broker-defaults --describe'),
  call('kafka-configs --entity-type brokers --entity-name 7 --describe'),
  call('kafka-configs --entity-type brokers --entity-name abc --describe'),
  call(`${broker} --alter --add-config log.retention.ms=86400000`),
  call(`${brokers} --alter --add-config log.retention.ms=172800000,log.segment.bytes=1048576`),
  call(`${broker} --describe`),
  call(`${brokers} --describe`),
  call(`${topic} --describe`),
  call(`${broker} --alter --add-config log.retention.ms=abc`),
  call(`${broker} --alter --add-config node.id=4`),
  call(`${broker} --alter --add-config auto.create.topics.enable=false`),
  call(`${broker} --alter --delete-config log.retention.ms`),
  call(`${brokers} --alter --delete-config log.retention.ms,log.segment.bytes`),
  call(`${broker} --alter --delete-config log.retention.ms`),
  {
    ...call(`${broker} --alter --add-config no.such=4`),
    otherwise: /Unknown broker config name: no\.such/
  },
  call(`${broker} --describe`),
  call('kafka-configs --entity-type groups --entity-name ga --describe'),
  {
    ...call(
      'kafka-configs --entity-type groups --entity-name ga --alter --add-config consumer.session.timeout.ms=50000'
    ),
    otherwise: /Only classic groups are served, and those have no configs/
  },
  call('kafka-configs --entity-type client-metrics --describe'),
  {
    ...call('kafka-configs --entity-type client-metrics --entity-name m --alter --add-config interval.ms=1000'),
    otherwise: /Metrics of clients are not collected/
  },
  {
    ...call('kafka-configs --entity-type broker-loggers --entity-name 1 --describe'),
    otherwise: /^Dynamic configs for broker-logger 1 are:\n {2}root=INFO sensitive=false synonyms=\{\}\n$/,
    code: 0
  },
  call('kafka-configs --entity-type users --describe'),
  call('kafka-configs --entity-type users --entity-name bob --describe'),
  call('kafka-configs --entity-type clients --entity-default --describe'),
  call('kafka-configs --entity-type ips --describe'),
  call('kafka-configs --entity-type groups --describe'),
  {
    ...call('kafka-configs --entity-type users --entity-name bob --alter --add-config producer_byte_rate=1000'),
    otherwise: /does not support ALTER_CLIENT_QUOTAS/
  },
  {
    ...call('kafka-configs --entity-type users --entity-name bob --alter --add-config SCRAM-SHA-256=[password=x]'),
    otherwise: /does not support ALTER_USER_SCRAM_CREDENTIALS/
  }
]
