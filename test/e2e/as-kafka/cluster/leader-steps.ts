import { AlterReplicaLogDirs } from '../../../../src/wire/kafka/messages/alter-replica-log-dirs.ts'
import { DeleteRecords } from '../../../../src/wire/kafka/messages/delete-records.ts'
import { DescribeProducers } from '../../../../src/wire/kafka/messages/describe-producers.ts'
import { ElectLeaders } from '../../../../src/wire/kafka/messages/elect-leaders.ts'
import { Fetch } from '../../../../src/wire/kafka/messages/fetch.ts'
import { InitProducerId } from '../../../../src/wire/kafka/messages/init-producer-id.ts'
import { ListOffsets } from '../../../../src/wire/kafka/messages/list-offsets.ts'
import { OffsetForLeaderEpoch } from '../../../../src/wire/kafka/messages/offset-for-leader-epoch.ts'
import { Produce } from '../../../../src/wire/kafka/messages/produce.ts'
import { recordBatch } from '../../../support/raw.ts'
import { at, type Step, step } from '../step.ts'
import { nodes, timeoutMs, topics } from './metadata-steps.ts'

const noId = 'AAAAAAAAAAAAAAAAAAAAAA'
const unknownId = 'AAAAAAAAAAAAAAAAAAAB8A'
const batch = () => recordBatch({ timestamp: 1_700_000_000_000, records: [{ value: 'one' }, { value: 'two' }] })

interface Place {
  topic: string
  partition: number
}
const place = (topic: string, partition = 0): Place => ({ topic, partition })

/** Topics with the partitions named of each: some clients can't read a topic twice. */
function byTopic<T>(places: readonly Place[], lay: (partition: number) => T): [string, T[]][] {
  const topics = new Map<string, T[]>()
  for (const { topic, partition } of places) topics.set(topic, [...(topics.get(topic) ?? []), lay(partition)])
  return [...topics]
}

/** Since version 13 topics are named by id. */
const named = (version: number, topic: string) =>
  version >= 13
    ? { name: '', topicId: topic === 'nowhere' ? unknownId : `id of ${topic}` }
    : { name: topic, topicId: noId }

export const send = (name: string, version: number, acks: number, ...places: Place[]) => {
  const topicData = byTopic(places, index => ({ index, records: batch() })).map(([topic, partitionData]) => ({
    ...named(version, topic),
    partitionData
  }))
  return step(name, Produce, version, { transactionalId: null, acks, timeoutMs, topicData })
}

export const read = (name: string, version: number, currentLeaderEpoch: number, ...places: Place[]) =>
  step(name, Fetch, version, {
    maxWaitMs: 0,
    minBytes: 0,
    maxBytes: 1_000_000,
    isolationLevel: 0,
    sessionId: 0,
    sessionEpoch: -1,
    topics: byTopic(places, partition => ({
      partition,
      currentLeaderEpoch,
      fetchOffset: 0,
      logStartOffset: -1,
      partitionMaxBytes: 100_000
    })).map(([topic, partitions]) => {
      const { name, topicId } = named(version, topic)
      return { topic: name, topicId, partitions }
    }),
    forgottenTopicsData: [],
    rackId: ''
  })

export const offsets = (name: string, version: number, replicaId: number, timestamp: number, ...places: Place[]) =>
  step(name, ListOffsets, version, {
    replicaId,
    isolationLevel: 0,
    topics: byTopic(places, partitionIndex => ({ partitionIndex, timestamp })).map(([name, partitions]) => ({
      name,
      partitions
    })),
    timeoutMs
  })

export const ends = (name: string, leaderEpoch: number, currentLeaderEpoch: number, ...places: Place[]) =>
  step(name, OffsetForLeaderEpoch, 4, {
    replicaId: -1,
    topics: byTopic(places, partition => ({ partition, currentLeaderEpoch, leaderEpoch })).map(
      ([topic, partitions]) => ({ topic, partitions })
    )
  })

const removeWithin = (timeoutMs: number, name: string, offset: number, ...places: Place[]) =>
  step(name, DeleteRecords, 2, {
    topics: byTopic(places, partitionIndex => ({ partitionIndex, offset })).map(([name, partitions]) => ({
      name,
      partitions
    })),
    timeoutMs
  })

export const remove = (name: string, offset: number, ...places: Place[]) =>
  removeWithin(timeoutMs, name, offset, ...places)

export const elect = (name: string, electionType: number, ...places: Place[]) =>
  step(name, ElectLeaders, 2, {
    electionType,
    topicPartitions: byTopic(places, partition => partition).map(([topic, partitions]) => ({ topic, partitions })),
    timeoutMs
  })

const everywhere = [place('ring', 0), place('ring', 1), place('ring', 2), place('first'), place('third')]

/** What brokers say that lead a partition, follow in it, or have nothing of it. */
export const leaderSteps: readonly Step[] = [
  topics('topics', ['ring', 'first', 'third']),
  ...nodes.map(node => at(node, send('wherever it leads', 12, -1, ...everywhere))),
  ...[3, 7, 8, 9, 10, 11, 12].map(version =>
    at(2, send('to a follower and to a stranger', version, -1, place('ring'), place('first')))
  ),
  at(2, send('by id, to a follower, a stranger and nobody', 13, -1, place('ring'), place('first'), place('nowhere'))),
  at(2, send('with acks=1 to a follower', 12, 1, place('ring'))),
  at(1, send('with acks=1 to the leader', 12, 1, place('ring'))),
  at(1, send('a partition that there is not', 12, -1, place('ring', 9))),
  ...nodes.map(node => at(node, offsets('ends', 7, -1, -1, ...everywhere))),
  ...nodes.map(node => at(node, offsets('starts', 11, -1, -2, ...everywhere))),
  at(2, {
    ...offsets('ends, as if to debug', 7, -2, -1, place('ring'), place('first')),
    differs: [
      {
        why: 'only the leader tells, whoever asks',
        from: '"errorCode":0,"timestamp":-1,"offset":4,"leaderEpoch":0',
        to: '"errorCode":6,"timestamp":-1,"offset":-1,"leaderEpoch":-1'
      }
    ]
  }),
  at(1, read('the leader', 12, -1, place('ring'), place('first'))),
  at(1, read('the leader', 17, -1, place('ring'), place('first'))),
  ...[4, 10].map(version => at(2, read('a follower', version, -1, place('ring')))),
  ...[10, 11, 12, 13, 15, 16, 17, 18].map(version => at(2, read('a stranger', version, -1, place('first')))),
  at(2, {
    ...read('by id a stranger, and nobody', 17, -1, place('first'), place('nowhere')),
    differs: [{ why: 'nothing was asked', from: '"abortedTransactions":[]', to: '"abortedTransactions":null' }]
  }),
  ...[9, 12, 16, 17].flatMap(version => [
    at(1, read('with an epoch from the future', version, 5, place('ring'))),
    at(2, read('with an epoch from the future', version, 5, place('first')))
  ]),
  ...nodes.map(node => at(node, ends('where the epoch ends', 0, -1, ...everywhere))),
  at(1, ends('of an epoch from the future', 7, -1, place('ring'))),
  at(1, ends('with an epoch from the future', 0, 7, place('ring'))),
  at(2, ends('with an epoch from the future', 0, 7, place('ring'))),
  at(1, ends('with the epoch of now', 0, 0, place('ring'))),
  at(1, removeWithin(0, 'the first record, without time for followers', 1, place('ring'))),
  ...nodes.map(node => at(node, remove('the first record', 1, ...everywhere))),
  ...nodes.map(node => at(node, offsets('starts', 8, -1, -2, place('ring'), place('third')))),
  ...nodes.map(node =>
    at(
      node,
      step('producers', DescribeProducers, 0, {
        topics: [
          { name: 'ring', partitionIndexes: [0, 1, 2, 9] },
          { name: 'first', partitionIndexes: [0] }
        ]
      })
    )
  ),
  ...nodes.map(node =>
    at(
      node,
      step('to a folder that is not there', AlterReplicaLogDirs, 2, {
        dirs: [
          {
            path: '/nowhere/at/all',
            topics: [
              { name: 'ring', partitions: [0] },
              { name: 'first', partitions: [0] },
              { name: 'nowhere', partitions: [0] }
            ]
          }
        ]
      })
    )
  ),
  ...nodes.map(node => at(node, elect('that lead already', 0, ...everywhere))),
  at(3, elect('any that lead already', 1, ...everywhere)),
  ...nodes.map(node =>
    at(node, step('an id', InitProducerId, 5, { transactionalId: null, transactionTimeoutMs: 60_000 }))
  )
]
