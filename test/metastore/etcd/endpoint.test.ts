import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { Endpoint } from '../../../src/metastore/etcd/endpoint.ts'
import { systemClock } from '../../../src/run/system.ts'
import { Link } from '../../e2e/cluster/proxy.ts'
import { freePort } from '../../support/apache-kafka.ts'
import { type EtcdTest, startEtcd, whyNoEtcd } from '../../support/etcd.ts'

describe('a connection to one etcd node', { skip: whyNoEtcd() }, () => {
  let etcd: EtcdTest
  let link: Link
  before(async () => {
    etcd = await startEtcd()
    link = new Link('link', await freePort(), etcd.nodes[0].port)
    await link.open()
  })
  after(async () => {
    await link.close()
    await etcd.remove()
  })

  for (const [direction, stepMs] of [
    ['ahead', 3_600_000],
    ['back', -3_600_000]
  ] as const)
    it(`gets its answers when the clock is set ${direction} while it connects`, async context => {
      await link.set({ type: 'silent' })
      const endpoint = new Endpoint(`127.0.0.1:${link.port}`, undefined, systemClock)
      context.after(() => endpoint.end())
      const answer = endpoint.call<{ count: string }>('KV', 'range', { key: Buffer.from('none') }, 10_000)
      // The request waits for the connection, and its deadline would be told when it is there.
      await new Promise(resolve => setImmediate(resolve))
      const { now } = Date
      context.mock.method(Date, 'now', () => now() + stepMs)
      await link.open()
      assert.equal((await answer).count, '0')
    })

  it('waits no longer than it is told, whatever the clock says', async context => {
    await link.set({ type: 'silent' })
    const endpoint = new Endpoint(`127.0.0.1:${link.port}`, undefined, systemClock)
    context.after(() => endpoint.end())
    const began = performance.now()
    await assert.rejects(endpoint.call('Maintenance', 'status', {}, 200), /no answer within 200 ms/)
    assert.ok(performance.now() - began >= 199)
    await link.open()
  })
})
