import { call, file, type Step } from './step.ts'

const reassign = (what: string, topic: string, replicas: number[], more = '') =>
  call(
    `kafka-reassign-partitions --${what} --reassignment-json-file ${file(`${topic}-${replicas.join('-')}.json`, {
      version: 1,
      partitions: [{ topic, partition: 0, replicas }]
    })}${more}`
  )
const election = file('election.json', { partitions: [0, 1].map(partition => ({ topic: 'ea', partition })) })
const move = file('move.json', { version: 1, topics: [{ topic: 'ea' }] })
const unserved = (line: string, api: string, code = 1): Step => ({
  ...call(line),
  otherwise: new RegExp(`does not support ${api}`),
  code
})

export const clusterSteps: readonly Step[] = [
  call('kafka-topics --create --topic ea --partitions 2'),
  call('kafka-leader-election --election-type preferred --all-topic-partitions'),
  call('kafka-leader-election --election-type preferred --topic ea --partition 0'),
  call(`kafka-leader-election --election-type preferred --path-to-json-file ${election}`),
  call('kafka-leader-election --election-type preferred --topic nope --partition 0'),
  call('kafka-leader-election --election-type unclean --topic ea --partition 9'),
  call('kafka-leader-election --election-type unclean --all-topic-partitions'),
  call('kafka-reassign-partitions --list'),
  call(`kafka-reassign-partitions --generate --topics-to-move-json-file ${move} --broker-list 1`),
  reassign('execute', 'ea', [1]),
  reassign('verify', 'ea', [1]),
  reassign('cancel', 'ea', [1]),
  reassign('execute', 'ea', [1, 2]),
  reassign('verify', 'nope', [1]),
  reassign('execute', 'nope', [1]),
  reassign('execute', 'ea', [1], ' --throttle 1000'),
  reassign('verify', 'ea', [1], ' --preserve-throttles'),
  reassign('verify', 'ea', [1]),
  call('kafka-cluster cluster-id'),
  call('kafka-cluster list-endpoints'),
  call('kafka-cluster unregister --id 7'),
  unserved('kafka-transactions list', 'LIST_TRANSACTIONS'),
  {
    ...call('kafka-transactions describe --transactional-id tx'),
    otherwise: /transactionalId .*tx.* failed due to authorization failure/
  },
  call('kafka-transactions describe-producers --topic ea --partition 0'),
  call('kafka-transactions find-hanging --topic ea'),
  call('kafka-transactions abort --topic ea --partition 0 --start-offset 0'),
  {
    ...call('kafka-metadata-quorum describe --status'),
    // How often the metadata changed, and the controller's listener, which is the clients' with Naru.
    hide: /(?<=ClusterId: +)\S+|(?<=(LeaderEpoch|HighWatermark): +)\d+|(?<=endpoints": \[").*(?=")/g
  },
  {
    ...call('kafka-metadata-quorum describe --replication'),
    hide: /(?<=A\t)\d+ +|\d{13} +|(?<=LogEndOffset) +/g
  },
  { ...call('kafka-features describe'), otherwise: /^\s*$/, code: 0 },
  {
    ...call('kafka-features upgrade --release-version 4.3'),
    otherwise: /Invalid update version 1 for feature group.version. Local controller 1 does not support this feature/
  },
  {
    ...call('kafka-features downgrade --feature group.version=0 --dry-run'),
    otherwise: /Invalid update version 0 for feature group.version/
  },
  call('kafka-acls --list'),
  call('kafka-acls --add --allow-principal User:bob --operation Read --topic ea'),
  call('kafka-acls --remove --allow-principal User:bob --operation Read --topic ea --force'),
  call('kafka-client-metrics --list'),
  call('kafka-client-metrics --describe'),
  {
    ...call('kafka-client-metrics --alter --name m --interval 1000 --metrics a.b'),
    otherwise: /Metrics of clients are not collected/
  },
  call('kafka-share-groups --list'),
  call('kafka-share-groups --describe --all-groups'),
  unserved('kafka-share-groups --describe --group s', 'SHARE_GROUP_DESCRIBE', 0),
  call('kafka-streams-groups --list'),
  unserved('kafka-streams-groups --describe --group s', 'STREAMS_GROUP_DESCRIBE')
]
