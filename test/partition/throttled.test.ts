import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { throttledPartitions, throttledTopicOptions } from '../../src/partition/throttled.ts'
import { parseOption } from '../../src/std/option.ts'

describe('throttled replicas of a topic', () => {
  const parse = (text: string) => parseOption(throttledTopicOptions.leader, text)

  it('are those that the list names for a broker, or all', () => {
    assert.deepEqual(throttledPartitions(parse('0:1,1:2,2:1'), 1), new Set([0, 2]))
    assert.equal(throttledPartitions(parse('0:1'), 2), undefined)
    assert.equal(throttledPartitions(parse('*'), 2), 'all')
    assert.equal(throttledPartitions(parse(''), 2), undefined)
  })

  for (const text of ['none', '0', '0:1,*', '*,*', '-1:2', '0:1:2', 'a:b'])
    it(`are not taken as ${text}`, () => {
      const code = 'INVALID_CONFIG'
      assert.throws(() => parse(text), { code, message: /must be the literal '\*' or a list of replicas/ })
    })
})
