import assert from 'node:assert/strict'
import { test } from 'node:test'
import { refusedOptions, whyRefused } from '../../src/broker/refused-options.ts'
import { brokerOptions } from '../../src/config/options.ts'
import { mergeTexts } from '../../src/config/sources.ts'
import { withUnits } from '../../src/std/option.ts'
import { adminWorld } from './admin-world.ts'

const names = refusedOptions.flatMap(group => group.names)

test('no option is refused twice, or refused and declared', () => {
  assert.equal(new Set(names).size, names.length)
  const declared = new Set(brokerOptions.flatMap(withUnits).map(({ name }) => name))
  assert.equal(declared.size, brokerOptions.flatMap(withUnits).length)
  assert.deepEqual(
    names.filter(name => declared.has(name)),
    []
  )
})

test('who sets one of them is told why, at the start and later', async () => {
  assert.throws(
    () => mergeTexts(brokerOptions, { 'num.io.threads': '8' }),
    /num\.io\.threads can't be set\. One thread/
  )
  assert.throws(() => mergeTexts(brokerOptions, { 'log.preallocate': 'true' }), /only false is supported$/)
  assert.deepEqual(mergeTexts(brokerOptions, { 'log.preallocate': 'false' }), { 'log.preallocate': 'false' })
  const { configs } = await adminWorld()
  const set = (name: string, value: string) =>
    configs.change({ type: 'broker', name: '' }, [{ name, operation: 'set', value }], false)
  assert.deepEqual(await set('num.io.threads', '8'), {
    error: 'INVALID_REQUEST',
    message: `Invalid value 8 for configuration num.io.threads: ${whyRefused('num.io.threads')}`
  })
  assert.match((await set('log.preallocate', 'true'))?.message ?? '', /only false is supported$/)
  assert.equal(await set('log.preallocate', 'false'), undefined)
  assert.equal((await set('log.retention.mss', '8'))?.message, 'Unknown broker config name: log.retention.mss')
  assert.match((await set('log.retention.ms', '0'))?.message ?? '', /must be unlimited \(-1\) or at least 1$/)
  assert.throws(() => mergeTexts(brokerOptions, { 'log.retention.hours': '0' }), /must be unlimited/)
  assert.match((await set('max.connections.per.ip.overrides', 'here'))?.message ?? '', /here is no address:count$/)
})

test('nobody can lock everybody out', async () => {
  const { configs } = await adminWorld()
  const all = { type: 'broker', name: '' } as const
  const here = { type: 'broker', name: '1' } as const
  const change = async (resource: typeof all | typeof here, name: string, value: string | null) =>
    (await configs.change(resource, [{ name, operation: value === null ? 'delete' : 'set', value }], false))?.message
  const refused = /only if max\.connections\.per\.ip\.overrides property is set/
  assert.match((await change(all, 'max.connections', '0')) ?? '', /at least 1$/)
  assert.match((await change(here, 'max.connections.per.ip', '0')) ?? '', refused)
  assert.equal(await change(all, 'max.connections.per.ip.overrides', '10.0.0.1:5'), undefined)
  assert.equal(await change(here, 'max.connections.per.ip', '0'), undefined)
  assert.match((await change(all, 'max.connections.per.ip.overrides', null)) ?? '', refused)
})
