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
  assert.equal(formatOption(retention, parseOption(retention, '9223372036854775807')), '9223372036854775807')
  assert.equal(parseOption(count, ' 7 '), 7)
  assert.equal(parseOption(flag, 'TRUE'), true)
  assert.deepEqual(parseOption(policy, 'compact, delete'), ['compact', 'delete'])
  assert.equal(formatOption(policy, parseOption(policy, 'compact, delete')), 'compact,delete')
})

test('doubles are read and printed as Java does it', () => {
  const share = option({ name: 'share', type: 'double', default: 0.5, min: 0, max: 1e300, doc: '' })
  for (const [text, printed] of [
    [' 7 ', '7.0'],
    ['0', '0.0'],
    ['.5', '0.5'],
    ['1.', '1.0'],
    ['1e3', '1000.0'],
    ['2.5f', '2.5'],
    ['3D', '3.0'],
    ['0.001', '0.001'],
    ['0.0009', '9.0E-4'],
    ['9999999', '9999999.0'],
    ['10000000', '1.0E7'],
    ['2147483647', '2.147483647E9'],
    ['9223372036854775807', '9.223372036854776E18']
  ] as const) {
    const value = parseOption(share, text)
    assert.equal(formatOption(share, value), printed)
    assert.equal(parseOption(share, printed), value)
  }
  const all = option({ name: 'all', type: 'double', default: Number.MAX_VALUE, doc: '' })
  assert.equal(formatOption(all, all.default), '1.7976931348623157E308')
  assert.equal(parseOption(all, '1.7976931348623157E308'), Number.MAX_VALUE)
  for (const text of ['Infinity', '-Infinity', '-1.5E-7']) assert.equal(formatOption(all, parseOption(all, text)), text)
  for (const text of ['', 'NaN', '0x10', '0b1', '1_000', 'infinity', '1e', '.', 'e5', '1.5.2'])
    assert.throws(() => parseOption(share, text), /Not a number of type DOUBLE/)
})

test('what is out of range is told as it was read', () => {
  const share = option({ name: 'share', type: 'double', default: 0.5, min: 0, max: 1, doc: '' })
  assert.throws(
    () => parseOption(share, ' 7 '),
    /Invalid value 7\.0 for configuration share: Value must be no more than 1$/
  )
  assert.throws(() => parseOption(count, '+011'), /Invalid value 11 for configuration num: /)
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
