import assert from 'node:assert/strict'
import { test } from 'node:test'
import { CurrentOptions } from '../../src/broker/current-options.ts'
import type { MetadataImage } from '../../src/control/types.ts'
import { silent } from '../../src/std/log.ts'
import { OptionValues, option } from '../../src/std/option.ts'

const limit = option({ name: 'limit', type: 'int', default: 7, min: 1, doc: '' })
const names = option({ name: 'names', type: 'list', default: [], doc: '' })

function world(texts: Record<string, string> = {}) {
  const configs: Record<string, Record<string, string>> = { all: {}, here: {} }
  const image = {
    revision: 1,
    brokerConfigs: (nodeId: number | undefined) => configs[nodeId === undefined ? 'all' : 'here']
  }
  const control = { image: image as unknown as MetadataImage, nodeId: 1 }
  const options = new CurrentOptions({ control, values: new OptionValues(texts), logger: silent })
  const set = (where: 'all' | 'here', changed: Record<string, string>) => {
    configs[where] = changed
    image.revision++
  }
  return { options, set }
}

test('what is set for the broker counts before what is set for all, and that before the start', () => {
  const { options, set } = world({ limit: '3' })
  const view = options.view({ limit })
  assert.equal(view.limit, 3)
  set('all', { limit: '4' })
  assert.equal(view.limit, 4)
  set('here', { limit: '5' })
  assert.equal(view.limit, 5)
  set('here', {})
  set('all', {})
  assert.equal(view.limit, 3)
})

test('a list that did not change is the same list', () => {
  const { options, set } = world({ names: 'a,b' })
  const before = options.get(names)
  set('all', { limit: '4' })
  assert.equal(options.get(names), before)
})

test('what an earlier version took and this one refuses leaves the default', () => {
  const { options, set } = world()
  set('all', { limit: '0' })
  assert.equal(options.get(limit), 7)
})
