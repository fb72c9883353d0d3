import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { test } from 'node:test'
import { brokerOptions } from '../../src/config/options.ts'
import { environmentName } from '../../src/config/sources.ts'
import { readText } from './source.ts'

const unit = 'packaging/systemd/naru.service'
const hasSystemd = spawnSync('systemd-analyze', ['--version']).status === 0

test('systemd understands the unit', { skip: hasSystemd ? false : 'systemd-analyze is not installed' }, () => {
  const { status, stderr } = spawnSync('systemd-analyze', ['verify', unit], { encoding: 'utf8' })
  assert.equal(stderr, '')
  assert.equal(status, 0)
})

test('unit and container file name options that there are', () => {
  const known = new Set(brokerOptions.map(({ name }) => environmentName(name)))
  const named = [unit, 'packaging/container/Dockerfile'].flatMap(path => readText(path).match(/\bNARU_[A-Z_]+/g) ?? [])
  assert.ok(named.length > 3)
  for (const name of named) assert.ok(known.has(name), name)
})
