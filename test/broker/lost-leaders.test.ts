import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { LostLeaders } from '../../src/broker/lost-leaders.ts'
import type { ImageChange, MetadataImage, PartitionImage, TopicImage } from '../../src/control/types.ts'
import { ManualClock } from '../../src/std/clock.ts'

const topicId = 'AAAAAAAAAAAAAAAAAAAAAA'
const partition = (leader: number, isr: number[]): PartitionImage => ({
  leader,
  leaderEpoch: 1,
  leaderBrokerEpoch: 10 * leader,
  replicas: [1, 2, 3],
  isr
})
const nothing: ImageChange = {
  created: [],
  deleted: [],
  reconfigured: [],
  repartitioned: [],
  partitions: [],
  brokerConfigs: false,
  brokers: false
}

/** Brokers 1 to 3 with epochs 10, 20, 30; partitions led by 1, 2 and 1. */
function world() {
  const clock = new ManualClock()
  const partitions = [partition(1, [1, 2, 3]), partition(2, [2, 3]), partition(1, [1, 3])]
  const brokers = new Map([1, 2, 3].map(nodeId => [nodeId, { nodeId, epoch: 10 * nodeId }]))
  const topic = (): TopicImage => ({ name: 't', topicId, configs: {}, partitions })
  const image = {
    topics: () => [topic()],
    topicById: (id: string) => (id === topicId ? topic() : undefined),
    broker: (nodeId: number) => brokers.get(nodeId)
  } as unknown as MetadataImage
  const lost = new LostLeaders(image, clock)
  const state = { settled: false }
  const watch = () => {
    void lost.settled()?.then(() => {
      state.settled = true
    })
  }
  const elect = async (index: number, leader: number) => {
    partitions[index] = partition(leader, [leader])
    lost.imageChanged({ ...nothing, partitions: [{ topicId, index }] })
    await Promise.resolve()
    await new Promise(resolve => setImmediate(resolve))
  }
  return { clock, lost, brokers, topic, state, watch, elect }
}

const turn = () => new Promise(resolve => setImmediate(resolve))

describe('whoever asks for leaders when one was lost', () => {
  it('is told at once while none is', () => {
    assert.equal(world().lost.settled(), undefined)
  })

  it('is told when each of its partitions has another leader', async () => {
    const { lost, brokers, state, watch, elect } = world()
    lost.disconnected(1, 10)
    watch()
    brokers.delete(1)
    lost.imageChanged({ ...nothing, brokers: true })
    await elect(0, 2)
    assert.equal(state.settled, false)
    await elect(2, 3)
    assert.equal(state.settled, true)
    assert.equal(lost.settled(), undefined)
  })

  it('is told what was when no election comes, and nobody waits again for that', async () => {
    const { clock, lost, state, watch } = world()
    lost.disconnected(1, 10)
    watch()
    clock.advance(299)
    await turn()
    assert.equal(state.settled, false)
    clock.advance(1)
    await turn()
    assert.equal(state.settled, true)
    lost.disconnected(1, 10)
    assert.equal(lost.settled(), undefined)
    lost.connected(1)
    lost.disconnected(1, 10)
    assert.notEqual(lost.settled(), undefined)
  })

  it('is told at once when the leader is there again, or leads nothing that another could lead', async () => {
    const { lost, brokers, state, watch } = world()
    lost.disconnected(1, 10)
    watch()
    lost.connected(1)
    await turn()
    assert.equal(state.settled, true)
    brokers.delete(3)
    lost.disconnected(2, 20)
    lost.disconnected(3, 30)
    assert.equal(lost.settled(), undefined)
  })

  it('does not wait for a topic that is deleted meanwhile', async () => {
    const { lost, topic, state, watch } = world()
    lost.disconnected(1, 10)
    watch()
    lost.imageChanged({ ...nothing, deleted: [topic()] })
    await turn()
    assert.equal(state.settled, true)
  })
})
