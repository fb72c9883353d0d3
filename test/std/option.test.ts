import assert from 'node:assert/strict'
import { test } from 'node:test'
import { NaruError } from '../../src/std/errors.ts'
import { formatOption, OptionValues, option, parseOption } from '../../src/std/option.ts'

const retention = option({ name: 'retention.ms', type: 'long', default: 604800000n, min: -1, doc: '' })
const count = option({ name: 'num', type: 'int', default: 1, min: 1, max: 10, doc: '' })
const flag = option({ name: 'on', type: 'boolean', default: false, doc: '' })
const kind = option({ name: 'kind', type: 'string', default: 'a', values: ['a', 'b'], doc: '' })
const policy = option({ name: 'policy', type: 'list', default: ['delete'], values: ['delete', 'compact'], doc: '' })

test('values of every type parse, and print as they were', () => {
  assert.equal(parseOption(retention, '9223372036854775807'), 9223372036854775807n)
  assert.equal(formatOption(parseOption(retention, '9223372036854775807')), '9223372036854775807')
  assert.equal(parseOption(count, ' 7 '), 7)
  assert.equal(parseOption(flag, 'TRUE'), true)
  assert.deepEqual(parseOption(policy, 'compact, delete'), ['compact', 'delete'])
  assert.equal(formatOption(parseOption(policy, 'compact, delete')), 'compact,delete')
})

test('bad values are refused with the name of the option and what is wrong', () => {
  for (const [declared, text] of [
    [retention, 'soon'],
    [retention, '-2'],
    [retention, '9223372036854775808'],
    [count, '0'],
    [count, '11'],
    [count, '1.5'],
    [count, ''],
    [flag, 'yes'],
    [kind, 'c'],
    [policy, 'delete,shrink']
  ] as const)
    assert.throws(
      () => parseOption(declared, text),
      (error: unknown) =>
        error instanceof NaruError && error.code === 'INVALID_CONFIG' && error.message.includes(declared.name)
    )
})

test('a value that was set stands in front of the default', () => {
  const values = new OptionValues({ num: '3' })
  assert.equal(values.get(count), 3)
  assert.equal(values.get(flag), false)
  assert.equal(values.textOf('num'), '3')
  assert.equal(values.textOf('on'), undefined)
})
