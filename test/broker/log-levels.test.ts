import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { ConfigChange } from '../../src/broker/configs.ts'
import { LogLevels } from '../../src/broker/log-levels.ts'
import { refuses } from './admin-world.ts'

const set = (value: string, name = 'root'): ConfigChange => ({ name, operation: 'set', value })

describe('the level of log lines', () => {
  it('is shown in capitals and changed for the running logger', () => {
    const logger = { level: 'info' }
    const levels = new LogLevels(logger, 1)
    levels.change('1', [set('DEBUG')], true)
    assert.equal(logger.level, 'info')
    levels.change('1', [set('DEBUG')], false)
    assert.equal(logger.level, 'debug')
    assert.deepEqual(
      levels.describe('1').map(({ name, value }) => [name, value]),
      [['root', 'DEBUG']]
    )
  })

  it('stays as it was when one of several changes is wrong', () => {
    const logger = { level: 'info' }
    const levels = new LogLevels(logger, 1)
    refuses(() => levels.change('1', [set('WARN'), set('LOUD')], false), 'INVALID_CONFIG', /Valid log levels are/)
    refuses(() => levels.change('2', [set('WARN')], false), 'INVALID_REQUEST', /Unexpected node id/)
    assert.equal(logger.level, 'info')
  })

  it('is nobody to change where an embedding program brought its own logger', () => {
    const levels = new LogLevels(undefined, 1)
    assert.deepEqual(levels.describe('1'), [])
    refuses(() => levels.change('1', [set('DEBUG')], false), 'INVALID_CONFIG', /does not exist/)
  })
})
