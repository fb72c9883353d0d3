import assert from 'node:assert/strict'
import { test } from 'node:test'
import { mergeTexts, textsFromEnvironment } from '../../src/config/sources.ts'
import { textsFromYaml } from '../../src/config/yaml.ts'
import { NaruError } from '../../src/std/errors.ts'
import { type CoarserOption, OptionValues, option } from '../../src/std/option.ts'

const known = [
  option({ name: 'log.retention.ms', type: 'long', default: 1n, doc: '' }),
  option({ name: 'num.partitions', type: 'int', default: 1, doc: '' })
]

const refused = (part: string) => (error: unknown) =>
  error instanceof NaruError && error.code === 'INVALID_CONFIG' && error.message.includes(part)

test('a YAML file may nest names or write them out, and keeps long numbers exact', () => {
  const texts = textsFromYaml('num.partitions: 3\nlog:\n  retention:\n    ms: 9223372036854775807\n', 'naru.yaml')
  assert.deepEqual(texts, { 'num.partitions': '3', 'log.retention.ms': '9223372036854775807' })
  assert.deepEqual(textsFromYaml('', 'naru.yaml'), {})
})

test('what is no mapping of options is refused with the name of the file', () => {
  for (const yaml of ['- a\n- b', 'just text', 'a: [', 'num.partitions:'])
    assert.throws(() => textsFromYaml(yaml, 'naru.yaml'), refused('naru.yaml'))
})

test('a flag wins over the environment, that over the file', () => {
  const environment = textsFromEnvironment({ NARU_NUM_PARTITIONS: '5', NARU_BOOTSTRAP: 'x', HOME: '/' }, known)
  assert.deepEqual(environment, { 'num.partitions': '5' })
  const file = { 'num.partitions': '2', 'log.retention.ms': '7' }
  assert.deepEqual(mergeTexts(known, file, environment, { 'num.partitions': '9' }), {
    'num.partitions': '9',
    'log.retention.ms': '7'
  })
})

test('unknown names and bad values are refused, a typing error with the name that was meant', () => {
  assert.throws(() => mergeTexts(known, { 'num.partition': '1' }), refused('Did you mean num.partitions?'))
  assert.throws(() => mergeTexts(known, { 'num.partitions': 'many' }), refused('num.partitions'))
})

test('what is set in a coarser unit counts where no finer one is set', () => {
  const coarser: readonly CoarserOption[] = [
    { name: 'log.retention.minutes', type: 'int', factor: 60_000n },
    { name: 'log.retention.hours', type: 'int', factor: 3_600_000n }
  ]
  const retention = [option({ name: 'log.retention.ms', type: 'long', default: 1n, min: -1, coarser, doc: '' })]
  const merge = (...sources: Record<string, string>[]) =>
    String(new OptionValues(mergeTexts(retention, ...sources)).get(retention[0]))
  assert.equal(merge({ 'log.retention.hours': '2' }), '7200000')
  assert.equal(merge({ 'log.retention.minutes': '3' }, { 'log.retention.hours': '2' }), '180000')
  assert.equal(merge({ 'log.retention.ms': '5' }, { 'log.retention.minutes': '3' }), '5')
  assert.equal(merge({ 'log.retention.hours': '-1' }), '-1')
  assert.throws(() => merge({ 'log.retention.hours': '99999999999' }), refused('log.retention.hours'))
  assert.deepEqual(textsFromEnvironment({ NARU_LOG_RETENTION_HOURS: '1' }, retention), { 'log.retention.hours': '1' })
  assert.throws(() => merge({ 'log.retention.hours': 'many' }), refused('log.retention.hours'))
})
