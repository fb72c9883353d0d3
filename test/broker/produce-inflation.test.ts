import assert from 'node:assert/strict'
import { test } from 'node:test'
import { batch, openWorld } from './world.ts'

test('the broker bounds what the compressed batches of one request take together, where they are no ordinary data', async () => {
  const world = await openWorld()
  await world.topic('t', 1, { 'naru.produce.decompressed.bytes.max': '200000' })
  const send = async (value: string) => {
    const records = () => batch([value], { codec: 'gzip' })
    const items = Array.from({ length: 6 }, () => ({ topic: 't', index: 0, records: records() }))
    return (await world.broker.produce(-1, 1000, items)).map(({ error }) => error)
  }
  const bomb = 'x'.repeat(90_000)
  assert.deepEqual(await send(bomb), [undefined, undefined, ...Array(4).fill('MESSAGE_TOO_LARGE')])
  const ordinary = Array.from({ length: 9_000 }, (_, i) => `${Math.imul(i, 0x9e3779b1) >>> 8} `).join('')
  assert.deepEqual(await send(ordinary), Array(6).fill(undefined))
  await world.close()
})
