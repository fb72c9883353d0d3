import { CreateTopics } from '../../../src/wire/kafka/messages/create-topics.ts'
import { DeleteRecords } from '../../../src/wire/kafka/messages/delete-records.ts'
import { DescribeProducers } from '../../../src/wire/kafka/messages/describe-producers.ts'
import { FindCoordinator } from '../../../src/wire/kafka/messages/find-coordinator.ts'
import { InitProducerId } from '../../../src/wire/kafka/messages/init-producer-id.ts'
import { ListOffsets } from '../../../src/wire/kafka/messages/list-offsets.ts'
import { Produce } from '../../../src/wire/kafka/messages/produce.ts'
import { recordBatch } from '../../support/raw.ts'
import { type Step, step } from './step.ts'

const last = 0x7fff_ffff
const timeoutMs = 10_000

const init = (name: string, request: object = {}, version = 5) =>
  step(name, InitProducerId, version, { transactionalId: null, transactionTimeoutMs: 60_000, ...request })

/** Batches of the producer that InitProducerId made last, for partitions of topic `sequences` in turn. */
const send = (name: string, sequence: number, more: { epoch?: number; count?: number; partition?: number } = {}) =>
  step(name, Produce, 12, ({ producerId }) => {
    const { epoch = 0, count = 1, partition = 0 } = more
    const records = Array.from({ length: count }, (_, at) => ({ key: null, value: `${sequence} ${at}` }))
    const batch = recordBatch({ records, producer: { id: producerId, sequence, epoch } })
    const topicData = [{ name: 'sequences', partitionData: [{ index: partition, records: batch }] }]
    return { transactionalId: null, acks: -1, timeoutMs, topicData }
  })

const producers = (name: string, ...partitionIndexes: number[]) =>
  step(name, DescribeProducers, 0, { topics: [{ name: 'sequences', partitionIndexes }] })
const end = (name: string, partitionIndex: number) =>
  step(name, ListOffsets, 7, {
    replicaId: -1,
    isolationLevel: 0,
    topics: [{ name: 'sequences', partitions: [{ partitionIndex, timestamp: -1 }] }]
  })
const find = (name: string, keyType: number, coordinatorKeys: string[]) =>
  step(name, FindCoordinator, 6, { keyType, coordinatorKeys })

/** Ids and sequence numbers of idempotent producers. */
export const producerSteps: readonly Step[] = [
  find('of a group and of one without a name', 0, ['group', '']),
  find('of nothing', 0, []),
  find('of the same twice', 0, ['group', 'group']),
  step(
    'of a kind that there is not',
    FindCoordinator,
    6,
    { keyType: 9, coordinatorKeys: ['group'] },
    {
      why: 'it can be said more plainly',
      from: 'This most likely occurs because of a request being malformed by the client library or the message was sent to an incompatible broker. See the broker logs for more details.',
      to: 'This broker has no coordinator for key type 9.'
    }
  ),
  step(
    'of a group',
    FindCoordinator,
    3,
    { key: 'group', keyType: 0 },
    { why: 'no error, no words', from: 'NONE', to: '' }
  ),
  step('of a group', FindCoordinator, 0, { key: 'group' }),

  step('a topic', CreateTopics, 7, {
    topics: [{ name: 'sequences', numPartitions: 6, replicationFactor: 1, assignments: [], configs: [] }],
    timeoutMs
  }),
  init('in the first version', {}, 0),
  init('with a transactional id of nothing', { transactionalId: '' }),
  init('with half an identity', { producerId: 5, producerEpoch: -1 }),
  init('with the other half', { producerId: -1, producerEpoch: 5 }),
  init('with a time-out of nothing', { transactionTimeoutMs: 0 }),
  init('with a time-out below', { transactionTimeoutMs: -1 }),
  init('as somebody it may have been', { producerId: 5, producerEpoch: 7 }, 3),
  init('a new producer'),

  // Partition 0: in order, again, and out of it.
  send('the first batch', 0, { count: 2 }),
  send('the first batch again', 0, { count: 2 }),
  send('a part of it', 0),
  send('more than it', 0, { count: 3 }),
  send('the second batch', 2),
  send('one after a gap', 9),
  send('one that is older', 1),
  ...[3, 4, 5, 6].map(sequence => send(`batch ${sequence}`, sequence)),
  send('the oldest of the last five again', 2),
  send('one older than the last five', 0, { count: 2 }),
  send('the newest again', 6),
  producers('after all that', 0),
  send('an older epoch', 7, { epoch: -1 }),
  send('a newer epoch that does not begin at 0', 7, { epoch: 1 }),
  send('a newer epoch', 0, { epoch: 1 }),
  send('a newer epoch again', 0, { epoch: 1 }),
  send('the epoch before', 7),
  send('the epoch before, again', 6),
  producers('in the newer epoch', 0),
  end('nothing was written twice', 0),

  // Partitions 1 and 2: nobody knows the producer there.
  send('an unknown producer in the middle', 5, { partition: 1 }),
  send('it goes on', 6, { partition: 1 }),
  send('it goes back', 0, { partition: 1 }),
  send('an unknown producer of a later epoch', 5, { partition: 2, epoch: 3 }),
  send('a sequence below 0', -1, { partition: 2, epoch: 3 }),
  send('an epoch below 0', 0, { partition: 3, epoch: -1 }),
  producers('of these', 1, 2, 3),

  // Partitions 4 and 5: after the last sequence number comes the first.
  send('the last number', last, { partition: 4 }),
  send('the first number', 0, { partition: 4 }),
  send('the last number again', last, { partition: 4 }),
  send('over the end', last - 1, { partition: 5, count: 3 }),
  send('on from there', 1, { partition: 5 }),
  send('over the end again', last - 1, { partition: 5, count: 3 }),
  producers('at the end', 4, 5),

  // Records go, and what is known of their producer stays.
  step('all records', DeleteRecords, 2, {
    topics: [{ name: 'sequences', partitions: [{ partitionIndex: 0, offset: -1 }] }],
    timeoutMs
  }),
  send('the newest again, without its records', 0, { epoch: 1 }),
  send('the next one', 1, { epoch: 1 }),
  producers('when its records are gone', 0)
]
