import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { LeadershipCheck } from '../../src/broker/leadership-check.ts'
import type { Control, PartitionImage } from '../../src/control/types.ts'
import type { Partition } from '../../src/partition/partition.ts'
import { ManualClock } from '../../src/std/clock.ts'
import { codeOf } from '../../src/std/errors.ts'
import { silent } from '../../src/std/log.ts'
import { settle } from './world.ts'

/** Broker 1, which leads a partition in epoch 5 as far as it knows; the others can't be reached. `epochNow`: by the metastore, which is silent without. */
function leading(rivals: number[], epochNow?: number) {
  const clock = new ManualClock()
  const overtaken: number[] = []
  let asked = 0
  const partitionNow = () => {
    asked++
    const now = { leader: 2, leaderEpoch: epochNow ?? -1, leaderBrokerEpoch: 1, replicas: [1, 2], isr: [1, 2] }
    return epochNow === undefined ? new Promise<never>(() => {}) : Promise.resolve<PartitionImage>(now)
  }
  const check = new LeadershipCheck({
    control: { nodeId: 1, image: { broker: () => undefined }, partitionNow } as unknown as Control,
    clock,
    logger: silent,
    connect: () => Promise.reject(new Error('nobody is there')),
    overtaken: (_, epoch) => void overtaken.push(epoch)
  })
  const leader = { epoch: 5, rivals }
  const partition = { topic: 't', topicId: 'id', index: 0, leader } as unknown as Partition
  /** What becomes of a question in so much time. */
  const within = async (ms: number, question: Promise<void>): Promise<string> => {
    let heard = 'nothing'
    question.then(
      () => {
        heard = 'leads'
      },
      error => {
        heard = codeOf(error)
      }
    )
    await settle()
    clock.advance(ms)
    await settle()
    return heard
  }
  return { check, partition, leader, overtaken, within, asked: () => asked }
}

describe('whether a broker leads still', () => {
  it('is plain where nobody else could, and nobody is asked', async () => {
    const { check, partition, within, asked } = leading([])
    assert.equal(await within(0, check.confirm(partition)), 'leads')
    assert.equal(asked(), 0)
  })

  it('is for the metastore to say where those who could do not answer', async () => {
    const { check, partition, within } = leading([2], 5)
    assert.equal(await within(0, check.confirm(partition)), 'leads')
  })

  it('is denied, and this broker told, where there is a newer epoch', async () => {
    const { check, partition, overtaken, within } = leading([2], 6)
    assert.equal(await within(0, check.confirm(partition)), 'NOT_LEADER_OR_FOLLOWER')
    assert.deepEqual(overtaken, [6])
  })

  it('is not claimed where nobody says anything', async () => {
    const { check, partition, within } = leading([2, 3])
    const first = check.confirm(partition)
    assert.equal(await within(1999, first), 'nothing')
    const second = check.confirm(partition)
    assert.equal(await within(1, second), 'nothing', 'what was asked before says nothing to who comes later')
    assert.equal(await within(0, first), 'NOT_LEADER_OR_FOLLOWER')
    assert.equal(await within(2000, second), 'NOT_LEADER_OR_FOLLOWER')
  })

  it('is plain, too, where those who could went while somebody waited for his turn to ask', async () => {
    const { check, partition, leader, within } = leading([2])
    const first = check.confirm(partition).catch(() => {})
    const second = check.confirm(partition)
    leader.rivals = []
    assert.equal(await within(2000, second), 'leads')
    await first
  })
})
