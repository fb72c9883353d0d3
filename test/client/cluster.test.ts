import assert from 'node:assert/strict'
import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'
import { Duplex } from 'node:stream'
import { test } from 'node:test'
import { Cluster } from '../../src/client/cluster.ts'
import type { Connect } from '../../src/client/options.ts'
import { connectTcp } from '../../src/run/connect.ts'
import { systemClock, systemRandom } from '../../src/run/system.ts'
import { ManualClock } from '../../src/std/clock.ts'
import { FakeBrokers } from './fake-broker.ts'

function clusterAt(port: number, connect: Connect): Cluster {
  return new Cluster({ bootstrap: [`127.0.0.1:${port}`], connect, clock: systemClock, random: systemRandom })
}

test('a client that is closed gives up a broker that took the connection and says nothing', async () => {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const cluster = clusterAt((server.address() as AddressInfo).port, connectTcp)
  const asked = cluster.fetchTopics([])
  const [socket] = await once(server, 'connection')
  const gone = once(socket.resume(), 'close')
  cluster.close()
  await assert.rejects(asked, { code: 'NETWORK_EXCEPTION' })
  await gone
  server.close()
})

test('and lets go of one that it was still connecting to', async () => {
  let given: AbortSignal | undefined
  const stream = new Duplex({ read() {}, write() {} })
  const cluster = clusterAt(9092, async (_host, _port, signal) => {
    given = signal
    await new Promise(resolve => signal!.addEventListener('abort', resolve))
    return stream
  })
  const asked = cluster.fetchTopics([])
  while (!given) await new Promise(resolve => setImmediate(resolve))
  cluster.close()
  await assert.rejects(asked, { code: 'BROKER_NOT_AVAILABLE' })
  assert.ok(stream.destroyed)
  await assert.rejects(connectTcp('127.0.0.1', 9, AbortSignal.abort()), { code: 'ABORT_ERR' })
})

test('many connections at once are nothing to warn of', async () => {
  const warnings: Error[] = []
  const note = (warning: Error) => void warnings.push(warning)
  process.on('warning', note)
  const cluster = new FakeBrokers(12).cluster(new ManualClock())
  await cluster.fetchTopics([])
  const connections = await Promise.all(cluster.brokerList().map(({ id }) => cluster.broker(id)))
  assert.equal(new Set(connections).size, 12)
  // Warnings come a turn later.
  await new Promise(resolve => setImmediate(resolve))
  process.off('warning', note)
  assert.deepEqual(warnings, [])
  cluster.close()
})
