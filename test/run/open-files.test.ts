import assert from 'node:assert/strict'
import { test } from 'node:test'
import { shareOpenFiles } from '../../src/run/open-files.ts'

test('connections never take the descriptors that storage needs', () => {
  assert.deepEqual(shareOpenFiles(2000, 20_000), { files: 2000, connections: 17_900 })
  assert.deepEqual(shareOpenFiles(2000, 1024), { files: 256, connections: 668 })
  assert.equal(shareOpenFiles(2000, 64).connections, 1)
})
