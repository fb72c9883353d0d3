import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { openControl } from '../../src/control/control.ts'
import type { Control, ImageChange } from '../../src/control/types.ts'
import { memoryDisk } from '../../src/disk/memory.ts'
import { SimulatedDisk } from '../../src/disk/simulated.ts'
import { openEmbeddedMetastore } from '../../src/metastore/embedded/embedded.ts'
import { type Metastore, MetastoreError } from '../../src/metastore/metastore.ts'
import { ManualClock } from '../../src/std/clock.ts'
import { type ErrorCode, NaruError } from '../../src/std/errors.ts'
import { silent } from '../../src/std/log.ts'
import { below, SeededRandom } from '../../src/std/random.ts'

const clock = new ManualClock()
let seed = 1

function control(metastore: Metastore, nodeId = 1): Promise<Control> {
  return openControl({ metastore, nodeId, host: 'machine', clock, random: new SeededRandom(seed++), logger: silent })
}

async function inMemory(): Promise<{ metastore: Metastore; control: Control }> {
  const metastore = await openEmbeddedMetastore({ clock, logger: silent })
  return { metastore, control: await control(metastore) }
}

const onOne = (partitions: number) => Array.from({ length: partitions }, () => [1])

async function rejects(promise: Promise<unknown>, code: ErrorCode): Promise<void> {
  await assert.rejects(promise, error => error instanceof NaruError && error.code === code)
}

/** What happened in the image, as short texts. */
function recorded(control: Control): string[] {
  const seen: string[] = []
  control.onChange(change => {
    for (const topic of change.created) seen.push(`created ${topic.name}:${topic.partitions.length}`)
    for (const topic of change.deleted) seen.push(`deleted ${topic.name}`)
    for (const topic of change.reconfigured) seen.push(`reconfigured ${topic.name} ${JSON.stringify(topic.configs)}`)
    for (const topic of change.repartitioned) seen.push(`repartitioned ${topic.name}:${topic.partitions.length}`)
    if (change.brokerConfigs) seen.push('broker configs')
  })
  return seen
}

describe('a new cluster', () => {
  it('has an id, one broker, which is the controller, and no topics', async () => {
    const { control } = await inMemory()
    assert.match(control.image.clusterId, /^[\w][\w-]{21}$/)
    assert.equal(control.image.controllerId, 1)
    assert.deepEqual(control.image.brokers(), [
      { nodeId: 1, epoch: 2, endpoint: undefined, rack: undefined, host: 'machine', draining: false, cordoned: false }
    ])
    await control.advertise({ host: 'h', port: 9 })
    assert.deepEqual(control.image.brokers()[0].endpoint, { host: 'h', port: 9 })
    assert.deepEqual([...control.image.topics()], [])
    await control.close()
  })
})

describe('topics', () => {
  it('are in the image when their creation resolves, and their listeners are done', async () => {
    const { control } = await inMemory()
    let opened = ''
    control.onChange(async ({ created }) => {
      await new Promise(resolve => setImmediate(resolve))
      opened = created[0]?.name ?? opened
    })
    const topic = await control.createTopic({ name: 'b', assignments: onOne(3), configs: { 'retention.ms': '5' } })
    assert.equal(opened, 'b')
    assert.match(topic.topicId, /^[\w][\w-]{21}$/)
    assert.deepEqual(control.image.topic('b'), topic)
    assert.deepEqual(control.image.topicById(topic.topicId), topic)
    assert.deepEqual(topic.configs, { 'retention.ms': '5' })
    assert.deepEqual(
      topic.partitions,
      Array(3).fill({ leader: 1, leaderEpoch: 0, leaderBrokerEpoch: 2, replicas: [1], isr: [1] })
    )
    await control.createTopic({ name: 'a', assignments: onOne(1), configs: {} })
    assert.deepEqual(
      [...control.image.topics()].map(({ name }) => name),
      ['a', 'b']
    )
    await control.close()
  })

  it('have unique names, also when made at the same time, and new ids when made again', async () => {
    const { control } = await inMemory()
    const results = await Promise.allSettled(
      Array.from({ length: 5 }, () => control.createTopic({ name: 't', assignments: onOne(200), configs: {} }))
    )
    assert.equal(results.filter(({ status }) => status === 'fulfilled').length, 1)
    await rejects(control.createTopic({ name: 't', assignments: onOne(1), configs: {} }), 'TOPIC_ALREADY_EXISTS')
    const { topicId } = control.image.topic('t')!
    await control.deleteTopic(topicId)
    assert.equal(control.image.topic('t'), undefined)
    assert.equal(control.image.topicById(topicId), undefined)
    await rejects(control.deleteTopic(topicId), 'UNKNOWN_TOPIC_ID')
    const again = await control.createTopic({ name: 't', assignments: onOne(1), configs: {} })
    assert.notEqual(again.topicId, topicId)
    await control.close()
  })

  it('of many partitions appear and go in one step, and leave nothing behind', async () => {
    const { metastore, control } = await inMemory()
    const before = (await metastore.range('')).items.length
    const seen = recorded(control)
    const { topicId } = await control.createTopic({ name: 'big', assignments: onOne(1000), configs: {} })
    await control.addPartitions(topicId, 1000, onOne(500))
    await control.deleteTopic(topicId)
    assert.deepEqual(seen, ['created big:1000', 'repartitioned big:1500', 'deleted big'])
    assert.equal((await metastore.range('')).items.length, before)
    await control.close()
  })

  it('grow from the count that was expected only', async () => {
    const { control } = await inMemory()
    const { topicId } = await control.createTopic({ name: 't', assignments: onOne(2), configs: { a: '1' } })
    await rejects(control.addPartitions(topicId, 1, onOne(3)), 'INVALID_PARTITIONS')
    const results = await Promise.allSettled([
      control.addPartitions(topicId, 2, onOne(1)),
      control.addPartitions(topicId, 2, onOne(2)),
      control.updateTopicConfigs(topicId, configs => ({ ...configs, b: '2' }))
    ])
    assert.deepEqual(
      results.map(({ status }) => status),
      ['fulfilled', 'rejected', 'fulfilled']
    )
    const topic = control.image.topicById(topicId)
    assert.deepEqual([topic?.partitions.length, topic?.configs], [3, { a: '1', b: '2' }])
    await rejects(control.addPartitions('none', 0, onOne(1)), 'UNKNOWN_TOPIC_ID')
    await control.close()
  })

  it('take config changes one after the other, none lost, and tell only what changed', async () => {
    const { control } = await inMemory()
    const { topicId } = await control.createTopic({ name: 't', assignments: onOne(1), configs: {} })
    const seen = recorded(control)
    await Promise.all(
      ['a', 'b', 'c'].map(name => control.updateTopicConfigs(topicId, configs => ({ ...configs, [name]: '1' })))
    )
    assert.deepEqual(Object.keys(control.image.topic('t')?.configs ?? {}).sort(), ['a', 'b', 'c'])
    assert.equal(seen.length, 3)
    seen.length = 0
    await control.updateTopicConfigs(topicId, configs => configs)
    assert.deepEqual(seen, [])
    await rejects(
      control.updateTopicConfigs(topicId, () => {
        throw new NaruError('INVALID_CONFIG', 'no')
      }),
      'INVALID_CONFIG'
    )
    await control.close()
  })
})

describe('brokers', () => {
  it('have configs of their own and for all', async () => {
    const { control } = await inMemory()
    const seen = recorded(control)
    assert.deepEqual(control.image.brokerConfigs(1), {})
    await control.updateBrokerConfigs(1, configs => ({ ...configs, a: '1' }))
    await control.updateBrokerConfigs(undefined, configs => ({ ...configs, a: '2' }))
    assert.deepEqual([control.image.brokerConfigs(1), control.image.brokerConfigs(undefined)], [{ a: '1' }, { a: '2' }])
    assert.deepEqual(seen, ['broker configs', 'broker configs'])
    await control.close()
  })

  it('get producer ids that nobody else gets, in blocks', async () => {
    const { metastore, control: first } = await inMemory()
    const blocks = await Promise.all(Array.from({ length: 10 }, () => first.allocateProducerIds()))
    const again = await control(metastore)
    blocks.push(await again.allocateProducerIds())
    assert.equal(new Set(blocks.map(block => block.first)).size, 11)
    for (const block of blocks) assert.deepEqual([block.count, block.first % 1000], [1000, 0])
    await first.close()
    await again.close()
  })

  it('see what another broker does, and take the control over when it goes', async () => {
    const { metastore, control: first } = await inMemory()
    const second = await control(metastore, 2)
    const seen = recorded(second)
    await first.createTopic({ name: 't', assignments: [[1], [2]], configs: {} })
    assert.deepEqual(seen, ['created t:2'])
    assert.equal(second.image.controllerId, 1)
    assert.deepEqual(
      second.image.brokers().map(({ nodeId }) => nodeId),
      [1, 2]
    )
    await first.close()
    await new Promise(resolve => setImmediate(resolve))
    assert.equal(second.image.controllerId, 2)
    assert.deepEqual(
      second.image.brokers().map(({ nodeId }) => nodeId),
      [2]
    )
    await second.close()
    await rejects(second.createTopic({ name: 'late', assignments: onOne(1), configs: {} }), 'BROKER_NOT_AVAILABLE')
  })

  it('read all again when the watch fell behind, and tell the difference', async () => {
    const real = await openEmbeddedMetastore({ clock, logger: silent })
    const first = await control(real)
    const { topicId } = await first.createTopic({ name: 'gone', assignments: onOne(1), configs: {} })
    await first.createTopic({ name: 'kept', assignments: onOne(1), configs: {} })
    let cut = () => {}
    let unanswered = 0
    const second = await control(
      {
        get: key => real.get(key),
        async range(prefix, page) {
          if (unanswered > 0 && unanswered-- > 0) throw new MetastoreError('unavailable', 'no answer')
          return real.range(prefix, page)
        },
        txn: transaction => real.txn(transaction),
        grantLease: ttlMs => real.grantLease(ttlMs),
        close: () => real.close(),
        watch(prefix, from, watcher) {
          const watch = real.watch(prefix, from, watcher)
          if (prefix === '')
            cut = () => {
              watch.cancel()
              setImmediate(() => watcher.ended('compacted', 0))
            }
          return watch
        }
      },
      2
    )
    const seen = recorded(second)
    cut()
    await first.deleteTopic(topicId)
    await first.createTopic({ name: 'new', assignments: onOne(2), configs: {} })
    assert.deepEqual(seen, [])
    await new Promise(resolve => setImmediate(() => setImmediate(resolve)))
    assert.deepEqual(seen.sort(), ['created new:2', 'deleted gone'])
    await first.createTopic({ name: 'next', assignments: onOne(1), configs: {} })
    assert.equal(seen.at(-1), 'created next:1')
    // The metastore may be silent just then.
    unanswered = 2
    cut()
    await first.createTopic({ name: 'last', assignments: onOne(1), configs: {} })
    for (let turn = 0; turn < 3; turn++) {
      await new Promise(resolve => setImmediate(() => setImmediate(resolve)))
      assert.equal(seen.at(-1), turn < 2 ? 'created next:1' : 'created last:1')
      clock.advance(200)
    }
    await second.close()
    await first.close()
  })
})

describe('a start', () => {
  it('opens a new leader epoch for every partition, durably, and keeps everything else', async () => {
    const disk = memoryDisk()
    await disk.mkdir('/data')
    const open = () => openEmbeddedMetastore({ clock, logger: silent, durable: { disk, folder: '/data/m' } })
    let metastore = await open()
    let broker = await control(metastore)
    const { clusterId } = broker.image
    const made = await broker.createTopic({ name: 't', assignments: onOne(10_000), configs: { a: '1' } })
    for (let life = 1; life <= 3; life++) {
      // A kill leaves no time to sign off: the metastore's files are all that there is.
      metastore.close().catch(() => {})
      metastore = await open()
      const began = process.cpuUsage()
      broker = await control(metastore)
      // Of the processor, not of the clock: other tests run beside this one.
      const { user, system } = process.cpuUsage(began)
      const tookMs = (user + system) / 1000
      assert.ok(tookMs < 1000, `10,000 partitions took ${tookMs} ms`)
      assert.equal(broker.image.clusterId, clusterId)
      assert.equal(broker.image.controllerId, 1)
      const topic = broker.image.topic('t')
      assert.deepEqual([topic?.topicId, topic?.configs], [made.topicId, { a: '1' }])
      assert.ok(topic?.partitions.every(({ leader, leaderEpoch }) => leader === 1 && leaderEpoch === life))
    }
    await broker.close()
  })

  it('removes what a crash left of creations and deletions; what was answered is there, whole', async () => {
    for (let run = 0; run < 150; run++) {
      const random = new SeededRandom(run)
      let disk = new SimulatedDisk({ random })
      await disk.mkdir('/data')
      await disk.syncDir('/')
      const answered = new Map<string, boolean>()
      let epoch = -1
      for (let life = 0; life < 3; life++) {
        const open = openEmbeddedMetastore({ clock, logger: silent, durable: { disk, folder: '/data/m' } })
        if (life < 2) disk.crashAt(disk.operations + 1 + below(random, 40))
        try {
          const metastore = await open
          const broker = await control(metastore)
          for (const [name, exists] of answered)
            assert.equal(broker.image.topic(name) !== undefined, exists, `run ${run}`)
          const topics = [...broker.image.topics()]
          const keys = (await metastore.range('partitions/')).items.length
          assert.equal(
            keys,
            topics.reduce((sum, { partitions }) => sum + partitions.length, 0)
          )
          for (const { partitions } of topics) {
            assert.equal(partitions.length, 300)
            assert.ok(partitions.every(({ leader }) => leader === 1))
          }
          const kept = broker.image.topic('kept')
          if (kept) {
            assert.ok(kept.partitions[0].leaderEpoch > epoch)
            epoch = kept.partitions[0].leaderEpoch
          }
          for (const name of ['kept', `a${life}`, `b${life}`]) {
            answered.delete(name)
            if (!broker.image.topic(name)) await broker.createTopic({ name, assignments: onOne(300), configs: {} })
            answered.set(name, true)
          }
          const { topicId } = broker.image.topic(`a${life}`)!
          answered.delete(`a${life}`)
          await broker.deleteTopic(topicId)
          answered.set(`a${life}`, false)
          await broker.close()
          await metastore.close()
        } catch (error) {
          if (!disk.crashed) throw error
        }
        disk = disk.afterCrash()
      }
    }
  })

  it('tells a listener that throws from one that does its work', async () => {
    const { control } = await inMemory()
    const seen: ImageChange[] = []
    control.onChange(() => {
      throw new Error('a bug')
    })
    const stop = control.onChange(change => void seen.push(change))
    await control.createTopic({ name: 't', assignments: onOne(1), configs: {} })
    assert.equal(seen.length, 1)
    stop()
    await control.createTopic({ name: 'u', assignments: onOne(1), configs: {} })
    assert.equal(seen.length, 1)
    await control.close()
  })
})
