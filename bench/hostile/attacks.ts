/**
 * What hostile and heavy clients do, by name; run in a process of its own: `attacks.ts NAME PORT`. It says `ready` when
 * what it sets up is there, and ends with its standard input.
 */
import { connect, type Socket } from 'node:net'
import { fileURLToPath } from 'node:url'
import { crc32c as crc } from '@node-rs/crc32'
import { compress } from '../../src/record/compression.ts'
import { Connection, createTopic } from '../connection.ts'
import { api, Fields, fetchFrame, produceFrame, recordBatch, requestFrame } from '../wire.ts'

export interface Attack {
  doc: string
  /** Prepares, then goes on by itself until the process ends. */
  run(port: number): Promise<void>
}

/** Topic that attacks read; the well-behaved client has its own. */
const target = 'target'

function open(port: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: '127.0.0.1', port })
    socket.once('error', reject)
    socket.once('connect', () => {
      socket.off('error', reject)
      socket.on('error', () => {})
      resolve(socket)
    })
  })
}

/** So many connections, a few hundred at a time. */
async function openMany(port: number, count: number): Promise<Socket[]> {
  const sockets: Socket[] = []
  while (sockets.length < count)
    sockets.push(
      ...(await Promise.all(Array.from({ length: Math.min(500, count - sockets.length) }, () => open(port))))
    )
  return sockets
}

async function makeTarget(port: number, partitions: number): Promise<void> {
  const connection = await Connection.open(port, 1 << 22)
  await createTopic(connection, target, partitions, 1, {})
  connection.close()
}

/** Fills the target's partition 0 with megabytes of records. */
async function fillTarget(port: number, megabytes: number): Promise<void> {
  const connection = await Connection.open(port)
  const { frame } = produceFrame(target, 1, recordBatch(1000, 950))
  for (let i = 0; i < megabytes; i++) await connection.request(frame)
  connection.close()
}

const metadataOfAll = requestFrame(api.metadata, 1, false, new Fields().int32(-1).build())

function metadataOf(names: string[]): Buffer {
  const body = new Fields().int32(names.length)
  for (const name of names) body.string(name)
  return requestFrame(api.metadata, 1, false, body.build())
}

/** Keeps `count` things going: each begins again when it ends. */
function keepGoing(count: number, once: () => Promise<unknown>): void {
  const again = (): void => void once().then(again, () => setTimeout(again, 10))
  for (let i = 0; i < count; i++) again()
}

/** Sends bytes and waits until the broker closes; drops the connection itself after a second. */
async function sendAndClose(port: number, bytes: Buffer): Promise<void> {
  const socket = await open(port)
  await new Promise<void>(resolve => {
    socket.setTimeout(1000, () => socket.destroy())
    socket.once('close', () => resolve())
    socket.resume()
    socket.write(bytes)
  })
}

/** Opens again what the broker drops, so that the attack goes on. */
async function keepOpen(port: number, count: number, use: (socket: Socket) => void): Promise<void> {
  const use1 = (socket: Socket) => {
    use(socket)
    socket.once('close', () => setTimeout(() => open(port).then(use1, () => {}), 100))
  }
  for (const socket of await openMany(port, count)) use1(socket)
}

const idle = (count: number): Attack => ({
  doc: `${count.toLocaleString('en')} idle connections`,
  async run(port) {
    await openMany(port, count)
  }
})

const partitions = (count: number): Attack => ({
  doc: `a topic of ${count.toLocaleString('en')} partitions`,
  async run(port) {
    await makeTarget(port, count)
  }
})

const waiting = (connections: number, each: number): Attack => ({
  doc: `${(connections * each).toLocaleString('en')} waiting fetches, ${each} on each connection`,
  async run(port) {
    await makeTarget(port, 100)
    const { frame, partitionAt } = fetchFrame(target, 1 << 20, 1, 0x7fff_ffff)
    const frames = Array.from({ length: each }, (_, i) => {
      const copy = Buffer.from(frame)
      copy.writeInt32BE(i % 100, partitionAt)
      return copy
    })
    for (const socket of await openMany(port, connections)) socket.write(Buffer.concat(frames))
  }
})

export const attacks: Record<string, Attack> = {
  none: { doc: 'nobody else', run: async () => {} },
  'idle-1': idle(1),
  'idle-1000': idle(1000),
  'idle-10000': idle(10_000),
  'partitions-1': partitions(1),
  'partitions-1000': partitions(1000),
  'partitions-10000': partitions(10_000),
  'waiting-1000': waiting(100, 10),
  'waiting-100000': waiting(1000, 100),
  unread: {
    doc: '500 clients that ask for 50 MB each, from memory and from files, and read nothing',
    async run(port) {
      await makeTarget(port, 1)
      await fillTarget(port, 150)
      const { frame, offsetAt } = fetchFrame(target, 1 << 20)
      const frames = Array.from({ length: 50 }, (_, i) => {
        const copy = Buffer.from(frame)
        copy.writeInt32BE(i * 2500, offsetAt + 4)
        return copy
      })
      await keepOpen(port, 500, socket => {
        socket.pause()
        socket.write(Buffer.concat(frames))
      })
    }
  },
  'unread-metadata': {
    doc: '500 clients that ask 200 times for all of 5,000 partitions, and read nothing',
    async run(port) {
      await makeTarget(port, 5000)
      const frames = Buffer.concat(Array.from({ length: 200 }, () => metadataOfAll))
      await keepOpen(port, 500, socket => {
        socket.pause()
        socket.write(frames)
      })
    }
  },
  halves: {
    doc: '2,000 clients that send half of a request of 2 MB, and then nothing',
    async run(port) {
      const half = Buffer.concat([new Fields().int32(2_000_000).build(), Buffer.alloc(1_000_000)])
      await keepOpen(port, 2000, socket => socket.write(half))
    }
  },
  declared: {
    doc: '5,000 clients that declare 100 MB and send 1 KB',
    async run(port) {
      const begun = Buffer.concat([new Fields().int32(100_000_000).build(), Buffer.alloc(1000)])
      await keepOpen(port, 5000, socket => socket.write(begun))
    }
  },
  connects: {
    doc: 'connections that are opened and closed as fast as can be, 200 at a time',
    async run(port) {
      keepGoing(200, async () => (await open(port)).destroy())
    }
  },
  garbage: {
    doc: 'rubbish on new connections as fast as can be, 100 at a time',
    async run(port) {
      const kinds = [
        Buffer.from('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n'),
        Buffer.from('16030100f8010000f40303'.padEnd(506, '0'), 'hex'),
        new Fields().int32(0).build(),
        new Fields().int32(-1).build(),
        requestFrame(999, 0, false, Buffer.alloc(8)),
        requestFrame(api.metadata, 1, false, new Fields().int32(0x7fff_ffff).build()),
        requestFrame(api.fetch, 12, true, Buffer.alloc(3, 0xff))
      ]
      let next = 0
      keepGoing(100, () => sendAndClose(port, kinds[next++ % kinds.length]))
    }
  },
  pipelined: {
    doc: '100 clients that send 5,000 requests at once, again and again, and read the answers',
    async run(port) {
      const frames = Buffer.concat(
        Array.from({ length: 5000 }, () => requestFrame(api.apiVersions, 0, false, Buffer.alloc(0)))
      )
      for (const socket of await openMany(port, 100)) {
        let answered = 0
        socket.on('data', (chunk: Buffer) => {
          answered += chunk.length
          if (answered < 5000 * 300) return
          answered = 0
          socket.write(frames)
        })
        socket.write(frames)
      }
    }
  },
  unknown: {
    doc: '20 clients that ask for 2,000 topics that do not exist each time, and have them made',
    async run(port) {
      let next = 0
      keepGoing(20, async () => {
        const names = Array.from({ length: 2000 }, () => `unknown-${next++}`)
        const connection = await Connection.open(port, 1 << 21)
        try {
          await connection.request(metadataOf(names))
        } finally {
          connection.close()
        }
      })
    }
  },
  elements: {
    doc: '10 clients that send requests of 190,000 names, one after the other',
    async run(port) {
      const frame = metadataOf(Array.from({ length: 190_000 }, () => '?'))
      keepGoing(10, async () => {
        const connection = await Connection.open(port, 1 << 22)
        try {
          await connection.request(frame)
        } finally {
          connection.close()
        }
      })
    }
  },
  bombs: {
    doc: '4 clients that send 4 KB which decompress to 140 MB, one after the other',
    async run(port) {
      await makeTarget(port, 1)
      const batch = recordBatch(1, 1)
      const packed = compress('zstd', Buffer.alloc(140_000_000))
      const bomb = Buffer.concat([batch.subarray(0, 61), packed])
      bomb.writeInt32BE(bomb.length - 12, 8)
      bomb.writeInt16BE(4, 21)
      const { frame } = produceFrame(target, 1, sealed(bomb))
      keepGoing(4, async () => {
        const connection = await Connection.open(port)
        try {
          for (let i = 0; i < 100; i++) await connection.request(frame)
        } finally {
          connection.close()
        }
      })
    }
  },
  groups: {
    doc: '20 clients that join groups of new names',
    async run(port) {
      let next = 0
      keepGoing(20, async () => {
        const connection = await Connection.open(port)
        try {
          for (let i = 0; i < 1000; i++) await connection.request(joinGroup(`flood-${next++}`))
        } finally {
          connection.close()
        }
      })
    }
  }
}

/** JoinGroup v4 of a newcomer, who is told its member id. */
function joinGroup(group: string): Buffer {
  const body = new Fields().string(group).int32(30_000).int32(30_000).string('').string('consumer')
  body.int32(1).string('range').int32(0)
  return requestFrame(11, 4, false, body.build())
}

function sealed(batch: Buffer): Buffer {
  batch.writeUInt32BE(crc(batch.subarray(21)), 17)
  return batch
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [name, port] = process.argv.slice(2)
  attacks[name].run(Number(port)).then(
    () => console.log('ready'),
    (error: Error) => {
      console.error(error)
      process.exit(1)
    }
  )
  process.stdin.resume().on('end', () => process.exit(0))
}
