import { DeleteTopics } from '../../../../src/wire/kafka/messages/delete-topics.ts'
import { FindCoordinator } from '../../../../src/wire/kafka/messages/find-coordinator.ts'
import { after, at, type Difference, type Step, step } from '../step.ts'
import { commit, committed } from './group-steps.ts'
import { elect, ends, offsets, read, send } from './leader-steps.ts'
import { brokers, chosen, create, grow, lay, pages, sized, timeoutMs, topics } from './metadata-steps.ts'

const all = ['ring', 'pair', 'first', 'strict']
const back = ['ring', 'first', 'third', 'strict', 'lame', 'dead', 'pair']

/** Kafka counts the move of the last member of an ISR to the eligible leaders as an election. */
const lastKept: Difference = { why: 'nothing was elected', from: '"leaderEpoch":1', to: '"leaderEpoch":0' }
const epochKept: Difference = { why: 'one election less', from: '"leaderEpoch":2', to: '"leaderEpoch":1' }

const differing = (step: Step, ...differs: Difference[]): Step => ({ ...step, differs })

const place = (topic: string, partition = 0) => ({ topic, partition })

/** What the others say while broker 3 is dead, and when it is back. */
export const failureSteps: readonly Step[] = [
  after({ kill: 3 }, topics('topics', all)),
  ...Array.from({ length: 14 }, (_, version) => topics('topics', all, version)),
  at(2, topics('topics', all)),
  pages('topics', all),
  topics('a topic whose only replica is gone', ['third'], 0),
  differing(topics('a topic whose only replica is gone', ['third']), lastKept),
  differing(pages('a topic whose only replica is gone', ['third']), lastKept),
  brokers('the cluster'),
  at(2, brokers('the cluster with those that are gone', 2, { includeFencedBrokers: true })),
  create('as many replicas as there were brokers', [sized('wide', 3, 3)]),
  create('with more replicas than there ever were', [sized('wider', 1, 4)]),
  create('on the one that is gone', [chosen('lame', [lay(0, 3, 1), lay(1, 1, 3)]), chosen('dead', [lay(0, 3)])]),
  grow('on the one that is gone', [{ name: 'first', count: 2, assignments: [{ brokerIds: [3] }] }]),
  topics('what came of it', ['lame', 'dead', 'first']),
  send('where two of three are in sync', 12, -1, place('ring'), place('ring', 1), place('ring', 2)),
  at(2, send('where two of three are in sync', 12, -1, place('ring'), place('ring', 1), place('ring', 2))),
  send('where all of three should be', 12, -1, place('strict')),
  send('where all of three should be, with acks=1', 12, 1, place('strict')),
  differing(send('where nobody leads', 12, -1, place('third')), lastKept),
  differing(send('by id where nobody leads', 13, -1, place('third')), lastKept),
  differing(read('where nobody leads', 17, -1, place('third')), lastKept),
  read('with the epoch of before, as a leader', 17, 0, place('ring', 2)),
  ...[9, 12, 16].map(version => read('with the epoch of before, as a leader', version, 0, place('ring', 2))),
  at(2, read('with the epoch of before, as a follower', 17, 0, place('ring', 2))),
  at(2, ends('with the epoch of before, as a follower', 0, 0, place('ring', 2))),
  offsets('where nobody leads', 7, -1, -1, place('third')),
  ends('where nobody leads', 0, -1, place('third')),
  ends('where the epoch of before ends', 0, -1, place('ring', 2)),
  elect('preferred ones', 0, place('ring'), place('ring', 2), place('third'), place('first')),
  elect('any', 1, place('third'), place('ring', 2)),
  step('of a group', FindCoordinator, 6, { keyType: 0, coordinatorKeys: ['crew'] }),
  at({ coordinatorOf: 'crew' }, commit(9, 6)),
  at({ coordinatorOf: 'crew' }, committed(9)),
  step('with a replica that is gone', DeleteTopics, 6, {
    topics: [{ name: 'pair', topicId: 'AAAAAAAAAAAAAAAAAAAAAA' }],
    timeoutMs
  }),

  after({ start: 3 }, differing(topics('topics', back), epochKept)),
  at(3, differing(topics('topics', back), epochKept)),
  brokers('the cluster', 2, { includeFencedBrokers: true }),
  send('where all of three are', 12, -1, place('strict')),
  at(
    3,
    differing(send('where it has led before', 12, -1, place('ring', 2), place('third')), {
      why: 'Kafka forgets deletions of its last minute when it is killed',
      from: '"logStartOffset":0',
      to: '"logStartOffset":1'
    })
  ),
  elect('preferred ones', 0, place('ring', 2)),
  at(3, topics('topics', ['ring'])),
  at(3, offsets('ends', 7, -1, -1, place('ring', 2))),
  at(3, ends('where the epoch of before ends', 0, -1, place('ring', 2)))
]
