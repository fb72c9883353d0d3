import { type Duplex, duplexPair } from 'node:stream'
import { Cluster } from '../../src/client/cluster.ts'
import type { Api, RequestOf, ResponseOf } from '../../src/schema/message.ts'
import { Reader } from '../../src/schema/reader.ts'
import { Writer } from '../../src/schema/writer.ts'
import type { Clock } from '../../src/std/clock.ts'
import { SeededRandom } from '../../src/std/random.ts'
import { FrameSplitter } from '../../src/wire/kafka/frames.ts'
import { readRequestHeader, responseHeaderIsFlexible, writeResponseHeader } from '../../src/wire/kafka/headers.ts'
import { ApiVersions } from '../../src/wire/kafka/messages/api-versions.ts'
import { Metadata } from '../../src/wire/kafka/messages/metadata.ts'

type Answer<A> = ResponseOf<A> | 'silence' | 'hang up' | Buffer

interface Handler {
  readonly api: Api
  readonly handle: (request: never, node: number) => unknown
}

/** Brokers that answer as a test tells them to, without sockets. */
export class FakeBrokers {
  readonly handlers = new Map<number, Handler>()
  /** The clients' ends of all connections. */
  readonly streams: Duplex[] = []
  /** Connections are refused while true. */
  refuse = false
  topics = [{ name: 't', leaders: [1, 1] }]

  constructor(nodes = 1) {
    this.on(ApiVersions, () => ({
      errorCode: 0,
      apiKeys: [...this.handlers.values()].map(({ api }) => ({
        apiKey: api.key,
        minVersion: api.versions[0],
        maxVersion: api.versions[1]
      }))
    }))
    this.on(Metadata, request => ({
      brokers: Array.from({ length: nodes }, (_, i) => ({ nodeId: i + 1, host: 'fake', port: i + 1, rack: null })),
      controllerId: 1,
      topics: (request.topics?.map(({ name }) => name ?? '') ?? this.topics.map(({ name }) => name)).map(name => {
        const topic = this.topics.find(found => found.name === name)
        return {
          errorCode: topic ? 0 : 3,
          name,
          partitions: (topic?.leaders ?? []).map((leaderId, partitionIndex) => ({
            errorCode: 0,
            partitionIndex,
            leaderId,
            replicaNodes: [leaderId],
            isrNodes: [leaderId]
          }))
        }
      })
    }))
  }

  /** Answers `api` from now on. */
  on<A extends Api>(api: A, handle: (request: RequestOf<A>, node: number) => Answer<A>): this {
    this.handlers.set(api.key, { api, handle: handle as Handler['handle'] })
    return this
  }

  cluster(
    clock: Clock,
    options: { requestTimeoutMs?: number; retryTimeoutMs?: number; bootstrap?: string[] } = {}
  ): Cluster {
    return new Cluster({
      bootstrap: ['fake:1'],
      connect: (_host, port) => this.connect(port),
      clock,
      random: new SeededRandom(7),
      ...options
    })
  }

  async connect(node: number): Promise<Duplex> {
    if (this.refuse) throw new Error('refused')
    const [ours, theirs] = duplexPair()
    const frames = new FrameSplitter(1 << 24)
    ours.on('error', () => {})
    ours.on('data', (chunk: Buffer) => {
      frames.push(chunk)
      for (let frame = frames.next(); frame; frame = frames.next()) this.answer(ours, frame, node)
    })
    ours.on('end', () => ours.end())
    this.streams.push(theirs)
    return theirs
  }

  private answer(stream: Duplex, frame: Buffer, node: number): void {
    const reader = new Reader(frame)
    const { key, version, correlationId } = readRequestHeader(reader)
    const { api, handle } = this.handlers.get(key)!
    const flexible = api.request.isFlexible(version)
    if (flexible) reader.skipTags()
    const answer = handle(api.request.codec(version).decode(reader) as never, node)
    if (answer === 'silence' || stream.destroyed) return
    if (answer === 'hang up') {
      stream.end()
      return
    }
    if (Buffer.isBuffer(answer)) {
      stream.write(answer)
      return
    }
    const writer = new Writer()
    const slot = writer.slot()
    const start = writer.bytesWritten
    writeResponseHeader(writer, correlationId, responseHeaderIsFlexible(key, flexible))
    api.response.codec(version).encode(writer, answer)
    writer.fill(slot, writer.bytesWritten - start)
    stream.write(writer.takeWhole())
  }
}
