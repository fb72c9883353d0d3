import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { startBroker } from '../../src/index.ts'
import { type AdminWorld, adminWorld, wanted } from './admin-world.ts'

const mark = { name: 'cordoned.log.dirs', operation: 'set', value: '*' } as const

/** Sets a broker's config as its own process would. */
const cordon = (world: AdminWorld, nodeId: number, value = '*') =>
  world.control.updateBrokerConfigs(nodeId, () => ({ 'cordoned.log.dirs': value }))

const replicasOf = (world: AdminWorld, name: string) =>
  world.control.image.topic(name)!.partitions.map(({ replicas }) => replicas)

describe('a cordoned broker', () => {
  it('gets no replicas of new topics and partitions', async () => {
    const world = await adminWorld({}, [2, 3])
    await cordon(world, 2)
    const [made] = await world.topics.create([wanted('t', { numPartitions: 6, replicationFactor: 2 })], false)
    assert.equal(made.error, undefined)
    await world.topics.addPartitions([{ name: 't', count: 12, assignments: null }], false)
    assert.deepEqual(new Set(replicasOf(world, 't').flat()), new Set([1, 3]))
    const [refused] = await world.topics.create([wanted('u', { replicationFactor: 3 })], false)
    assert.equal(refused.error, 'INVALID_REPLICATION_FACTOR')
    assert.match(
      refused.message ?? '',
      /only 2 broker\(s\) are registered or some brokers have all their log directories cordoned/
    )
    await cordon(world, 2, '')
    const [again] = await world.topics.create([wanted('u', { replicationFactor: 3 })], false)
    assert.equal(again.error, undefined)
  })

  it('is refused where a client chooses it, and keeps what it has', async () => {
    const world = await adminWorld({}, [2, 3])
    const chosen = (name: string, ...brokerIds: number[]) =>
      wanted(name, { numPartitions: -1, replicationFactor: -1, assignments: [{ partitionIndex: 0, brokerIds }] })
    await world.topics.create([chosen('old', 2, 3), chosen('other', 1)], false)
    await cordon(world, 2)
    const [refused] = await world.topics.create([chosen('new', 1, 2)], false)
    assert.equal(refused.error, 'INVALID_REPLICA_ASSIGNMENT')
    assert.match(refused.message ?? '', /broker 2.*cordoned/)
    const move = (topic: string, ...replicas: number[]) =>
      world.replicas.reassign([{ topic, index: 0, replicas }], true).then(([refused]) => refused?.code)
    assert.equal(await move('other', 2), 'INVALID_REPLICA_ASSIGNMENT')
    assert.equal(await move('old', 3, 2), undefined)
    assert.deepEqual(replicasOf(world, 'old'), [[3, 2]])
  })

  it('is marked by its folder or by *, and by nothing else', async () => {
    const { configs, control } = await adminWorld()
    const change = async (value: string) =>
      (await configs.change({ type: 'broker', name: '1' }, [{ ...mark, value }], false))?.message
    assert.match((await change('/elsewhere')) ?? '', /Invalid entry in cordoned.log.dirs: \/elsewhere/)
    assert.match((await change('*,/data')) ?? '', /it must not contain other values/)
    assert.equal(await change('/data'), undefined)
    assert.equal(control.image.broker(1)!.cordoned, true)
    assert.equal(await change(''), undefined)
    assert.equal(control.image.broker(1)!.cordoned, false)
  })

  it('is marked by itself, and not with all others', async () => {
    const { configs } = await adminWorld()
    for (const value of ['*', '']) {
      const refused = await configs.change({ type: 'broker', name: '' }, [{ ...mark, value }], false)
      assert.equal(refused?.error, 'INVALID_REQUEST')
      assert.match(
        refused?.message ?? '',
        /at default cluster level, broker id must be specified: \[cordoned\.log\.dirs\]/
      )
    }
  })

  it('may be started as one', async () => {
    await assert.rejects(startBroker({ config: { 'cordoned.log.dirs': '/elsewhere' } }), { code: 'INVALID_CONFIG' })
  })
})
