import { call, type Step } from './step.ts'

const rates = /\d+\.\d+|\d+(?= ms)/g

export const perfSteps: readonly Step[] = [
  call('kafka-topics --create --topic va'),
  call('kafka-topics --create --topic vb --partitions 2'),
  call('kafka-topics --create --topic vc'),
  { ...call('kafka-verifiable-producer --topic va --max-messages 20'), hide: rates },
  { ...call('kafka-verifiable-producer --topic va --max-messages 6 --acks 1 --value-prefix 3'), hide: rates },
  { ...call('kafka-verifiable-producer --topic va --max-messages 6 --acks 0 --repeating-keys 2'), hide: rates },
  // How many records one fetch brings is a matter of time, so the first poll must bring all.
  call('kafka-verifiable-consumer --topic va --group-id vg --reset-policy earliest --max-messages 32'),
  call(
    'kafka-verifiable-consumer --topic va --group-id vs --group-instance-id one --reset-policy earliest --max-messages 32'
  ),
  {
    ...call('kafka-verifiable-consumer --topic va --group-id vn --enable-autocommit --max-messages 32 --verbose'),
    hide: rates
  },
  ...['none', 'gzip', 'snappy', 'lz4', 'zstd'].map(codec => ({
    ...call(
      `kafka-producer-perf-test --topic vb --num-records 300 --record-size 100 --throughput -1 --command-property compression.type=${codec}`
    ),
    hide: rates
  })),
  ...['0', '1', 'all'].map(acks => ({
    ...call(
      `kafka-producer-perf-test --topic vb --num-records 300 --record-size 2000 --throughput -1 --command-property acks=${acks}`
    ),
    hide: rates
  })),
  { ...call('kafka-consumer-perf-test --topic vb --num-records 2400 --group vp'), hide: /\d[\d :.-]*\d(?=,|$)/g },
  {
    ...call(
      'kafka-consumer-perf-test --topic vb --num-records 2400 --group vq --show-detailed-stats --from-latest --timeout 1000'
    ),
    hide: /\d[\d :.-]*\d(?=,|$)|, \d+/g
  },
  {
    ...call('kafka-e2e-latency --topic vc --num-records 30 --producer-acks all --record-size 20'),
    hide: /\d+\.\d+|\d+/g
  },
  {
    ...call('kafka-e2e-latency --topic vc --num-records 30 --producer-acks 1 --record-size 2000'),
    hide: /\d+\.\d+|\d+/g
  },
  call('kafka-get-offsets --topic v[ac]')
]
