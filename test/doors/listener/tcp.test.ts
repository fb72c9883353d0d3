import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { afterEach, test } from 'node:test'
import { type ListenerLimits, overridesOf } from '../../../src/doors/listener/options.ts'
import { Rate } from '../../../src/doors/listener/rate.ts'
import { type Listener, listen, type Remote, type Serve } from '../../../src/doors/listener/tcp.ts'
import { systemClock } from '../../../src/run/system.ts'
import { ManualClock } from '../../../src/std/clock.ts'
import { silent } from '../../../src/std/log.ts'
import { Metrics } from '../../../src/std/metrics.ts'

const open: Listener[] = []
afterEach(async () => {
  for (const listener of open.splice(0)) await listener.close(0)
})

const echoing: Serve = stream => {
  stream.on('error', () => {})
  stream.on('data', (bytes: Buffer) => stream.write(Buffer.from(bytes)))
  stream.on('end', () => stream.end())
  return { finish: () => stream.end() }
}

const defaults: ListenerLimits = {
  connectionsMax: 1000,
  connectionsPerHostMax: 1000,
  connectionsPerHostOverrides: '',
  creationRateMax: 100_000
}

async function start(serve: Serve, limits: Partial<ListenerLimits> = {}, port = 0): Promise<Listener> {
  const listener = await listen(
    {
      host: '127.0.0.1',
      port,
      limits: Object.create(defaults, Object.getOwnPropertyDescriptors(limits)) as ListenerLimits,
      clock: systemClock,
      logger: silent,
      metrics: new Metrics()
    },
    serve
  )
  open.push(listener)
  return listener
}

async function client(listener: Listener): Promise<Socket> {
  const socket = connect({ host: '127.0.0.1', port: listener.port })
  socket.on('error', () => {})
  await once(socket, 'connect')
  return socket
}

test('port 0 takes a free port; bytes go both ways; the door learns who came', async () => {
  const remotes: Remote[] = []
  const listener = await start((stream, remote) => {
    remotes.push(remote)
    return echoing(stream, remote)
  })
  assert.ok(listener.port > 0)
  const socket = await client(listener)
  socket.write('hello')
  const [bytes] = await once(socket, 'data')
  assert.equal(String(bytes), 'hello')
  assert.deepEqual(remotes, [{ host: '127.0.0.1', port: socket.localPort, localPort: listener.port }])
  socket.destroy()
})

test('a port in use rejects', async () => {
  const listener = await start(echoing)
  await assert.rejects(start(echoing, {}, listener.port), /EADDRINUSE/)
})

test('close lets connections finish, and drops those that do not', async () => {
  const finished: string[] = []
  let served = 0
  const obedient: Serve = stream => {
    const isFirst = served++ === 0
    stream.resume()
    return {
      finish(reason) {
        finished.push(reason)
        if (isFirst) stream.end()
      }
    }
  }
  const listener = await start(obedient)
  const willing = await client(listener)
  const stubborn = await client(listener)
  willing.resume()
  stubborn.resume()
  const closed = Promise.all([once(willing, 'close'), once(stubborn, 'close')])
  await listener.close(50)
  await closed
  assert.equal(finished.length, 2)
  await assert.rejects(client(listener), /ECONNREFUSED/)
})

test('connections beyond the limits are closed, and room is given back', async () => {
  const listener = await start(echoing, { connectionsPerHostMax: 2 })
  const first = await client(listener)
  await client(listener)
  const third = await client(listener)
  third.resume()
  await once(third, 'close')
  first.end()
  first.resume()
  await once(first, 'close')
  const fourth = await client(listener)
  fourth.write('x')
  await once(fourth, 'data')
})

test('some addresses have a limit of their own', async () => {
  const listener = await start(echoing, { connectionsPerHostMax: 100, connectionsPerHostOverrides: '127.0.0.1:1' })
  await client(listener)
  const second = await client(listener)
  second.resume()
  await once(second, 'close')
  assert.deepEqual([...overridesOf('10.0.0.1:7, ::1:0').limits], Object.entries({ '10.0.0.1': 7, '::1': 0 }))
  for (const wrong of ['10.0.0.1', ':7', '10.0.0.1:', '10.0.0.1:x', '10.0.0.1:99999999999'])
    assert.match(overridesOf(wrong).why ?? '', /no address:count$/)
})

test('limits that change hold for the next connection', async () => {
  const limits = { connectionsPerHostMax: 1, connectionsPerHostOverrides: '' }
  const changing = Object.defineProperties(
    {},
    {
      connectionsPerHostMax: { enumerable: true, get: () => limits.connectionsPerHostMax },
      connectionsPerHostOverrides: { enumerable: true, get: () => limits.connectionsPerHostOverrides }
    }
  )
  const listener = await start(echoing, changing)
  await client(listener)
  const refused = await client(listener)
  refused.resume()
  await once(refused, 'close')
  limits.connectionsPerHostOverrides = '127.0.0.1:2'
  const second = await client(listener)
  second.write('hello')
  await once(second, 'data')
})

test('connections beyond the rate wait for their turn, unread', async () => {
  const listener = await start(echoing, { creationRateMax: 20 })
  const sockets = await Promise.all(Array.from({ length: 25 }, () => client(listener)))
  await Promise.all(
    sockets.map(async socket => {
      socket.write('hello')
      await once(socket, 'data')
    })
  )
  const clock = new ManualClock()
  const rate = new Rate(clock, () => 10)
  const happened: number[] = []
  for (let i = 0; i < 25; i++) rate.take(() => happened.push(i))
  assert.equal(happened.length, 10)
  clock.advance(500)
  assert.ok(happened.length >= 14 && happened.length <= 16, `${happened.length} after half a second`)
  clock.advance(1500)
  assert.deepEqual(happened, [...Array(25).keys()])
})

test('several hundred connections at once all get in', async () => {
  const streams: Duplex[] = []
  const listener = await start((stream, remote) => {
    streams.push(stream)
    return echoing(stream, remote)
  })
  const sockets = await Promise.all(Array.from({ length: 300 }, () => client(listener)))
  await Promise.all(
    sockets.map(async socket => {
      socket.write('x')
      await once(socket, 'data')
      socket.destroy()
    })
  )
  assert.equal(streams.length, 300)
})

test('what arrives around pauses comes once, in order and not while paused', { timeout: 20_000 }, async () => {
  const total = 8 * 1024 * 1024
  const received: Buffer[] = []
  let receivedBytes = 0
  let whilePaused = 0
  let done: () => void
  const all = new Promise<void>(resolve => {
    done = resolve
  })
  const listener = await start(stream => {
    stream.on('data', (chunk: Buffer) => {
      received.push(Buffer.from(chunk))
      if (stream.isPaused()) whilePaused++
      receivedBytes += chunk.length
      if (receivedBytes >= total) done()
      // Pauses twice around a resume in one turn: what the resume has scheduled must not let bytes slip through.
      stream.pause()
      setImmediate(() => {
        stream.resume()
        stream.pause()
        setImmediate(() => stream.resume())
      })
    })
    return { finish: () => stream.end() }
  })
  const socket = await client(listener)
  const sent = Buffer.alloc(total)
  for (let i = 0; i < total; i += 4) sent.writeUInt32LE(i, i)
  socket.write(sent)
  await all
  assert.equal(whilePaused, 0)
  assert.ok(Buffer.concat(received).equals(sent))
  socket.destroy()
})
