import { type OptionValue, option } from '../std/option.ts'

/** Kafka's names of the selectors that it has. */
export const rackAwareSelector = 'org.apache.kafka.common.replica.RackAwareReplicaSelector'
const leaderSelector = 'org.apache.kafka.common.replica.LeaderSelector'

/** Broker options of replication. */
export const replicationOptions = {
  lagTimeMaxMs: option({
    name: 'replica.lag.time.max.ms',
    type: 'long',
    default: 30_000n,
    unit: 'ms',
    min: 1,
    doc: 'A follower that has lacked something of its leader for so long is no longer in sync.'
  }),
  lagMessagesMax: option({
    name: 'replica.lag.max.messages',
    type: 'long',
    default: 0n,
    unit: 'messages',
    min: 0,
    doc: 'A follower that lacks more messages of its leader than this is no longer in sync, when the leader looks, which it does twice in replica.lag.time.max.ms. 0: only time counts, as in Kafka since 0.9.'
  }),
  fetchWaitMaxMs: option({
    name: 'replica.fetch.wait.max.ms',
    type: 'int',
    default: 500,
    unit: 'ms',
    min: 0,
    doc: 'How long a follower lets its leader wait for something to send.'
  }),
  fetchMaxBytes: option({
    name: 'replica.fetch.max.bytes',
    type: 'int',
    default: 1_048_576,
    unit: 'bytes',
    min: 1024,
    doc: 'The most that a follower fetches of one partition at a time; a larger batch comes alone.'
  }),
  fetchResponseMaxBytes: option({
    name: 'replica.fetch.response.max.bytes',
    type: 'int',
    default: 10_485_760,
    unit: 'bytes',
    min: 1024,
    doc: 'The most that a follower fetches at a time, of all partitions together.'
  }),
  selector: option({
    name: 'replica.selector.class',
    type: 'string',
    default: '',
    hiddenDefault: true,
    values: ['', leaderSelector, rackAwareSelector],
    doc: `Who consumers read from (KIP-392). \`${rackAwareSelector}\`: an in-sync replica in the rack that a consumer names (\`client.rack\`), where there is one; else the leader, as when it is empty.`
  }),
  fetchBackoffMs: option({
    name: 'replica.fetch.backoff.ms',
    type: 'int',
    default: 200,
    unit: 'ms',
    min: 0,
    doc: 'How long a follower leaves a partition, or a leader, alone after an error.'
  }),
  socketTimeoutMs: option({
    name: 'replica.socket.timeout.ms',
    type: 'int',
    default: 30_000,
    unit: 'ms',
    min: 1,
    doc: 'How long a leader may take for an answer beyond the wait it is allowed; then the follower connects anew.'
  })
} as const

export type ReplicationConfig = {
  readonly [K in keyof typeof replicationOptions]: OptionValue<(typeof replicationOptions)[K]>
}
