import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { generatedPages } from '../../scripts/docs.ts'

for (const [path, expected] of Object.entries(generatedPages()))
  test(`${path} says what the code does (else: npm run docs)`, () => {
    assert.equal(readFileSync(path, 'utf8'), expected)
  })
