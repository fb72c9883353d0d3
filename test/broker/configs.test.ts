import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { ConfigEntry } from '../../src/broker/config-entries.ts'
import type { ConfigChange, ConfigResource } from '../../src/broker/configs.ts'
import { brokerOptions } from '../../src/config/options.ts'
import { withUnits } from '../../src/std/option.ts'
import { type AdminWorld, adminWorld, make, refuses } from './admin-world.ts'

const topic = { type: 'topic', name: 'a' } as const
const broker = { type: 'broker', name: '1' } as const
const all = { type: 'broker', name: '' } as const

function entry(world: AdminWorld, resource: ConfigResource, name: string): ConfigEntry {
  const found = world.configs.describe(resource).find(one => one.name === name)
  assert.ok(found, `no ${name}`)
  return found
}

const set = (name: string, value: string): ConfigChange => ({ name, operation: 'set', value })
const unset = (name: string): ConfigChange => ({ name, operation: 'delete', value: null })

/** Changes that must succeed. */
async function change(world: AdminWorld, resource: ConfigResource, ...changes: ConfigChange[]): Promise<void> {
  assert.equal(await world.configs.change(resource, changes, false), undefined)
}

async function withTopic(texts: Record<string, string> = {}): Promise<AdminWorld> {
  const world = await adminWorld(texts)
  await make(world, 'a')
  return world
}

describe('describing a topic', () => {
  it('gives every topic option with its default and where that comes from', async () => {
    const world = await withTopic()
    const { value, source, readOnly, synonyms } = entry(world, topic, 'segment.bytes')
    assert.deepEqual([value, source, readOnly], ['1073741824', 'default', false])
    assert.deepEqual(synonyms, [{ name: 'log.segment.bytes', value: '1073741824', source: 'default' }])
  })

  for (const name of ['retention.ms', 'segment.ms', 'flush.ms'])
    it(`gives no default synonym for ${name}, as Kafka`, async () => {
      const { synonyms, source, value } = entry(await withTopic(), topic, name)
      assert.deepEqual([synonyms, source], [[], 'default'])
      assert.match(value ?? '', /^\d+$/)
    })

  it('gives every place that sets a config, strongest first', async () => {
    const world = await withTopic({ 'message.max.bytes': '4' })
    await change(world, all, set('message.max.bytes', '3'))
    await change(world, broker, set('message.max.bytes', '2'))
    await change(world, topic, set('max.message.bytes', '1'))
    const { value, source, synonyms } = entry(world, topic, 'max.message.bytes')
    assert.deepEqual([value, source], ['1', 'topic'])
    assert.deepEqual(
      synonyms.map(synonym => [synonym.name, synonym.value, synonym.source]),
      [
        ['max.message.bytes', '1', 'topic'],
        ['message.max.bytes', '2', 'dynamicBroker'],
        ['message.max.bytes', '3', 'dynamicDefault'],
        ['message.max.bytes', '4', 'static'],
        ['message.max.bytes', '1048588', 'default']
      ]
    )
  })

  it('refuses topics that are unknown or impossible', async () => {
    const { configs } = await adminWorld()
    refuses(() => configs.describe(topic), 'UNKNOWN_TOPIC_OR_PARTITION')
    refuses(() => configs.describe({ type: 'topic', name: 'a b' }), 'INVALID_TOPIC_EXCEPTION')
  })
})

describe('describing a broker', () => {
  it('gives all of its options; those that give topics their defaults can be changed', async () => {
    const world = await adminWorld({ 'num.partitions': '3' })
    assert.deepEqual(
      world.configs.describe(broker).map(({ name }) => name),
      brokerOptions.flatMap(withUnits).map(({ name }) => name)
    )
    const partitions = entry(world, broker, 'num.partitions')
    assert.deepEqual([partitions.value, partitions.source, partitions.readOnly], ['3', 'static', true])
    assert.deepEqual(partitions.synonyms, [
      { name: 'num.partitions', value: '3', source: 'static' },
      { name: 'num.partitions', value: '1', source: 'default' }
    ])
    assert.equal(entry(world, broker, 'log.retention.ms').readOnly, false)
  })

  it('gives no value for what is unset and has no default, as Kafka', async () => {
    const unsetRack = entry(await adminWorld(), broker, 'broker.rack')
    assert.deepEqual([unsetRack.value, unsetRack.source, unsetRack.synonyms], [null, 'default', []])
    const { value, source, synonyms } = entry(await adminWorld({ 'broker.rack': 'a' }), broker, 'broker.rack')
    assert.deepEqual([value, source], ['a', 'static'])
    assert.deepEqual(synonyms, [{ name: 'broker.rack', value: 'a', source: 'static' }])
  })

  it('gives what is set for all brokers, and nothing else, for the empty name', async () => {
    const world = await adminWorld()
    assert.deepEqual(world.configs.describe(all), [])
    await change(world, all, set('log.retention.ms', '5'))
    const [{ name, value, source, synonyms }, ...more] = world.configs.describe(all)
    assert.deepEqual([name, value, source, more], ['log.retention.ms', '5', 'dynamicDefault', []])
    assert.deepEqual(synonyms, [{ name: 'log.retention.ms', value: '5', source: 'dynamicDefault' }])
  })

  it('refuses other brokers', async () => {
    const { configs } = await adminWorld()
    refuses(
      () => configs.describe({ type: 'broker', name: '2' }),
      'INVALID_REQUEST',
      /expected 1 or empty string, but received 2$/
    )
    refuses(
      () => configs.describe({ type: 'broker', name: 'x' }),
      'INVALID_REQUEST',
      /must be an integer, but it is: x$/
    )
  })
})

describe('changing configs one by one', () => {
  it('sets, resets, and leaves the others', async () => {
    const world = await withTopic()
    const texts = () => world.control.image.topic('a')?.configs
    await change(world, topic, set('retention.ms', '1'), set('segment.ms', '2'))
    assert.deepEqual(texts(), { 'retention.ms': '1', 'segment.ms': '2' })
    await change(world, topic, unset('retention.ms'), set('flush.ms', '3'))
    assert.deepEqual(texts(), { 'segment.ms': '2', 'flush.ms': '3' })
    await change(world, topic, unset('retention.ms'))
    assert.deepEqual(texts(), { 'segment.ms': '2', 'flush.ms': '3' })
  })

  it('appends to lists and subtracts from them, beginning with the default', async () => {
    const world = await withTopic()
    await change(world, topic, { name: 'cleanup.policy', operation: 'append', value: 'delete' })
    assert.equal(entry(world, topic, 'cleanup.policy').value, 'delete')
    const more = { name: 'cleanup.policy', operation: 'append', value: 'compact' } as const
    await change(world, topic, more)
    assert.equal(entry(world, topic, 'cleanup.policy').value, 'delete,compact')
    const wrong = { name: 'retention.ms', operation: 'subtract', value: '1' } as const
    assert.deepEqual(await world.configs.change(topic, [wrong], false), {
      error: 'INVALID_CONFIG',
      message: "Can't SUBTRACT to key retention.ms because its type is not LIST."
    })
  })

  it('only checks when it is to validate', async () => {
    const world = await withTopic()
    assert.equal(await world.configs.change(topic, [set('retention.ms', '1')], true), undefined)
    assert.deepEqual(world.control.image.topic('a')?.configs, {})
    assert.equal((await world.configs.change(topic, [set('retention.ms', 'x')], true))?.error, 'INVALID_CONFIG')
  })

  it('loses no change that others make at the same time', async () => {
    const world = await withTopic()
    const names = ['retention.ms', 'segment.ms', 'flush.ms', 'file.delete.delay.ms']
    await Promise.all(names.map(name => change(world, topic, set(name, '7'))))
    assert.deepEqual(world.control.image.topic('a')?.configs, Object.fromEntries(names.map(name => [name, '7'])))
  })

  const refused: [ConfigResource, ConfigChange[], string, RegExp][] = [
    [topic, [set('nope', '1')], 'INVALID_CONFIG', /^Unknown topic config name: nope$/],
    [topic, [set('flush.ms', '1'), set('flush.ms', '2')], 'INVALID_REQUEST', /^Error due to duplicate config keys$/],
    [
      topic,
      [{ name: 'flush.ms', operation: 'set', value: null }],
      'INVALID_REQUEST',
      /^Null value not supported for : flush\.ms$/
    ],
    [
      { type: 'topic', name: '' },
      [set('flush.ms', '1')],
      'INVALID_REQUEST',
      /^Default topic resources are not allowed\.$/
    ],
    [{ type: 'topic', name: 'a b' }, [set('flush.ms', '1')], 'INVALID_TOPIC_EXCEPTION', /ASCII/],
    [
      { type: 'topic', name: 'b' },
      [set('flush.ms', '1')],
      'UNKNOWN_TOPIC_OR_PARTITION',
      /^The topic 'b' does not exist\.$/
    ],
    [
      broker,
      [set('num.partitions', '3')],
      'INVALID_REQUEST',
      /^Cannot update these configs dynamically: \[num\.partitions\]$/
    ],
    [broker, [set('nope', '3')], 'INVALID_REQUEST', /Unknown broker config name: nope$/],
    [broker, [set('log.retention.ms', '-5')], 'INVALID_REQUEST', /Value must be at least -1$/],
    [{ type: 'broker', name: '2' }, [set('log.retention.ms', '5')], 'INVALID_REQUEST', /^Unexpected broker id/]
  ]
  for (const [resource, changes, code, message] of refused)
    it(`refuses ${JSON.stringify(changes)} of ${resource.type} '${resource.name}' as ${code}`, async () => {
      const world = await withTopic()
      const refusal = await world.configs.change(resource, changes, false)
      assert.equal(refusal?.error, code)
      assert.match(refusal?.message ?? '', message)
    })
})

describe('replacing configs', () => {
  it('resets what it does not name', async () => {
    const world = await withTopic()
    await change(world, topic, set('retention.ms', '1'), set('segment.ms', '2'))
    const only = [{ name: 'segment.ms', value: '3' }]
    assert.equal(await world.configs.replace(topic, only, true), undefined)
    assert.equal(entry(world, topic, 'retention.ms').value, '1')
    assert.equal(await world.configs.replace(topic, only, false), undefined)
    assert.deepEqual(world.control.image.topic('a')?.configs, { 'segment.ms': '3' })
  })

  it('refuses what can not be', async () => {
    const world = await withTopic()
    const replace = async (value: string | null, name = 'flush.ms') =>
      (await world.configs.replace(topic, [{ name, value }], false))?.error
    assert.equal(await replace(null), 'INVALID_REQUEST')
    assert.equal(await replace('soon'), 'INVALID_CONFIG')
    assert.equal(await replace('1', 'nope'), 'INVALID_CONFIG')
  })

  it('works for the internal topic, which stays compacted', async () => {
    const world = await adminWorld()
    await world.topics.ensureInternalTopics()
    const offsets = { type: 'topic', name: '__consumer_offsets' } as const
    await change(world, offsets, set('segment.bytes', '2000000'))
    assert.equal(entry(world, offsets, 'cleanup.policy').value, 'compact')
  })
})
