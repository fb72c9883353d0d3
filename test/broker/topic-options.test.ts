import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { checkTopicConfigs, topicConfig, topicDefaultOptions, topicOptions } from '../../src/broker/topic-options.ts'
import { formatOption, OptionValues } from '../../src/std/option.ts'
import { adminWorld, refuses } from './admin-world.ts'

/** Every topic config of Kafka 4.3. */
const kafkaNames = [
  'cleanup.policy',
  'compression.gzip.level',
  'compression.lz4.level',
  'compression.type',
  'compression.zstd.level',
  'delete.retention.ms',
  'file.delete.delay.ms',
  'flush.messages',
  'flush.ms',
  'follower.replication.throttled.replicas',
  'index.interval.bytes',
  'leader.replication.throttled.replicas',
  'local.retention.bytes',
  'local.retention.ms',
  'max.compaction.lag.ms',
  'max.message.bytes',
  'message.timestamp.after.max.ms',
  'message.timestamp.before.max.ms',
  'message.timestamp.type',
  'min.cleanable.dirty.ratio',
  'min.compaction.lag.ms',
  'min.insync.replicas',
  'preallocate',
  'remote.log.copy.disable',
  'remote.log.delete.on.disable',
  'remote.storage.enable',
  'retention.bytes',
  'retention.ms',
  'segment.bytes',
  'segment.index.bytes',
  'segment.jitter.ms',
  'segment.ms',
  'unclean.leader.election.enable'
]

describe('topic options', () => {
  it("are Kafka's and Naru's own", () => {
    const names = [...topicOptions.keys()].filter(name => !name.startsWith('naru.'))
    assert.deepEqual(names, kafkaNames)
  })

  it('take their default, whatever they take otherwise', () => {
    for (const option of topicOptions.values()) {
      const text = formatOption(option, option.default)
      assert.deepEqual(checkTopicConfigs({ [option.name]: text }), { [option.name]: text })
    }
  })

  it('take an empty cleanup policy: records are kept for ever', async () => {
    const texts = checkTopicConfigs({ 'cleanup.policy': '', 'retention.ms': '1' })
    const { control } = await adminWorld()
    assert.equal(topicConfig(texts, control.image, 1, new OptionValues()).log.retentionMs, -1)
  })

  it('compact, and delete besides', async () => {
    const { control } = await adminWorld()
    const texts = checkTopicConfigs({
      'cleanup.policy': 'compact,delete',
      'retention.ms': '1',
      'max.compaction.lag.ms': '7',
      'delete.retention.ms': '2'
    })
    const { log, partition } = topicConfig(texts, control.image, 1, new OptionValues())
    assert.deepEqual([log.compact, log.retentionMs, log.deleteRetentionMs], [true, 1, 2])
    // A segment must end before what is in it can be compacted.
    assert.equal(log.segmentMs, 7)
    assert.ok(partition.requireKeys)
  })

  const refused: Record<string, string> = {
    'compression.gzip.level': '9',
    'local.retention.ms': '1000',
    preallocate: 'true',
    'remote.storage.enable': 'true',
    'segment.index.bytes': '1024',
    'segment.jitter.ms': '5'
  }
  for (const [name, text] of Object.entries(refused))
    it(`refuse ${name}=${text}, which would have no effect, and say why`, () => {
      refuses(
        () => checkTopicConfigs({ [name]: text }),
        'INVALID_CONFIG',
        new RegExp(`^Invalid value .* for configuration ${name}: .*supported$`)
      )
    })

  it('are refused out of range, of the wrong type, and when Kafka has no such thing', () => {
    refuses(() => checkTopicConfigs({ 'retention.ms': '-2' }), 'INVALID_CONFIG', /Value must be at least -1$/)
    refuses(
      () => checkTopicConfigs({ 'retention.ms': '9223372036854775808' }),
      'INVALID_CONFIG',
      /Not a number of type LONG$/
    )
    refuses(() => checkTopicConfigs({ 'max.message.bytes': '1e3' }), 'INVALID_CONFIG', /Not a number of type INT$/)
    refuses(() => checkTopicConfigs({ preallocate: 'no' }), 'INVALID_CONFIG', /either true or false$/)
    refuses(
      () => checkTopicConfigs({ 'message.timestamp.type': 'Both' }),
      'INVALID_CONFIG',
      /String must be one of: CreateTime, LogAppendTime$/
    )
    refuses(
      () => checkTopicConfigs({ 'message.format.version': '3.0' }),
      'INVALID_CONFIG',
      /^Unknown topic config name: message\.format\.version$/
    )
  })

  it('are kept in their plain form', () => {
    assert.deepEqual(checkTopicConfigs({ 'retention.ms': ' +1000 ', preallocate: 'FALSE' }), {
      'retention.ms': '1000',
      preallocate: 'false'
    })
  })

  it('each have one broker option for their default', () => {
    const names = topicDefaultOptions.map(({ name }) => name)
    assert.equal(new Set(names).size, names.length)
    assert.ok(names.includes('log.retention.ms') && names.includes('message.max.bytes'))
  })
})

describe("a topic's config", () => {
  const resolve = async (texts: Record<string, string>, started: Record<string, string> = {}) => {
    const { control } = await adminWorld()
    return {
      control,
      retentionMs: () => topicConfig(texts, control.image, 1, new OptionValues(started)).log.retentionMs
    }
  }

  it("comes from the topic, else this broker, else all brokers, else the broker's start, else the default", async () => {
    const set = (text: string | undefined) => (): Record<string, string> => (text ? { 'log.retention.ms': text } : {})
    assert.equal((await resolve({})).retentionMs(), 604_800_000)
    const { control, retentionMs } = await resolve({}, { 'log.retention.ms': '4' })
    assert.equal(retentionMs(), 4)
    await control.updateBrokerConfigs(undefined, set('3'))
    assert.equal(retentionMs(), 3)
    await control.updateBrokerConfigs(1, set('2'))
    assert.equal(retentionMs(), 2)
    await control.updateBrokerConfigs(2, set('7'))
    assert.equal(retentionMs(), 2)
    await control.updateBrokerConfigs(1, set(undefined))
    assert.equal(retentionMs(), 3)
    assert.equal((await resolve({ 'retention.ms': '1' }, { 'log.retention.ms': '4' })).retentionMs(), 1)
  })

  it('reaches storage and the partition', async () => {
    const { control } = await adminWorld()
    const texts = { 'segment.bytes': '2000000', 'max.message.bytes': '5', 'message.timestamp.type': 'LogAppendTime' }
    const { log, partition } = topicConfig(texts, control.image, 1, new OptionValues())
    assert.equal(log.segmentBytes, 2_000_000)
    assert.equal(partition.maxMessageBytes, 5)
    assert.equal(partition.timestampType, 'LogAppendTime')
  })

  it('deletes nothing from a topic that is only compacted', async () => {
    const { control } = await adminWorld()
    const texts = checkTopicConfigs({ 'cleanup.policy': 'compact', 'retention.ms': '1' })
    const { log } = topicConfig(texts, control.image, 1, new OptionValues({ 'log.retention.bytes': '1' }))
    assert.deepEqual([log.retentionMs, log.retentionBytes], [-1, -1])
  })
})
