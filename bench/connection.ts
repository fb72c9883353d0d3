import { connect, type Socket } from 'node:net'
import { api, Fields, int64At, requestFrame } from './wire.ts'

/** Gets each answer: its bytes from the correlation id at `at` up to `end`, valid during the call. */
export type OnAnswer = (buffer: Buffer, at: number, end: number) => void

/** A connection that reads answers in place: the kernel fills one buffer, and frames are found in it without a copy. */
export class Connection {
  onAnswer: OnAnswer = () => {}
  /** Called after all answers of one read. */
  onReadEnd: () => void = () => {}
  onFailure: (error: Error) => void = () => {}
  readonly socket: Socket
  private readonly buffer: Buffer
  private start = 0
  private filled = 0

  private constructor(socket: (connection: Connection) => Socket, answerBytesMax: number) {
    this.buffer = Buffer.allocUnsafeSlow(Math.max(65_536, answerBytesMax * 3))
    this.socket = socket(this)
    this.socket.on('error', error => this.onFailure(error))
    this.socket.on('close', () => this.onFailure(new Error('the broker closed the connection')))
  }

  /** Connects to 127.0.0.1. `answerBytesMax` bounds what one answer may take. */
  static open(port: number, answerBytesMax = 65_536): Promise<Connection> {
    return new Promise((resolve, reject) => {
      const connection = new Connection(
        self =>
          connect({
            port,
            host: '127.0.0.1',
            noDelay: true,
            onread: { buffer: () => self.space(), callback: bytes => self.read(bytes) }
          }),
        answerBytesMax
      )
      connection.onFailure = reject
      connection.socket.once('connect', () => {
        connection.onFailure = () => {}
        resolve(connection)
      })
    })
  }

  /** Sends one request and waits for its answer: for set-up, not for load. Answers the body's bytes from the correlation id on. */
  request(frame: Buffer): Promise<Buffer> {
    return new Promise((resolve, reject) => {
      this.onFailure = reject
      this.onAnswer = (buffer, at, end) => resolve(Buffer.from(buffer.subarray(at, end)))
      this.socket.write(frame)
    })
  }

  close(): void {
    this.onFailure = () => {}
    this.socket.destroy()
  }

  private space(): Buffer {
    return this.buffer?.subarray(this.filled) ?? Buffer.allocUnsafeSlow(65_536)
  }

  private read(bytes: number): boolean {
    this.filled += bytes
    let needed = 4
    for (;;) {
      const left = this.filled - this.start
      if (left < 4) break
      const length = this.buffer.readInt32BE(this.start)
      needed = 4 + length
      if (needed > this.buffer.length) {
        this.socket.destroy(new Error(`an answer of ${length} bytes`))
        return false
      }
      if (left < needed) break
      this.onAnswer(this.buffer, this.start + 4, this.start + needed)
      this.start += needed
      needed = 4
    }
    if (this.start === this.filled) {
      this.start = 0
      this.filled = 0
    } else if (this.start + needed > this.buffer.length || this.filled === this.buffer.length) {
      this.buffer.copyWithin(0, this.start, this.filled)
      this.filled -= this.start
      this.start = 0
    }
    this.onReadEnd()
    return true
  }
}

const timeoutMs = 30_000

/**
 * ApiVersions v0 and Metadata v1 of all topics: what a client needs before anything else. Throws when either fails, or
 * names fewer brokers.
 */
export async function greet(connection: Connection, brokers: number): Promise<void> {
  const versions = await connection.request(requestFrame(api.apiVersions, 0, false, Buffer.alloc(0)))
  const error = versions.readInt16BE(4)
  if (error !== 0) throw new Error(`ApiVersions answered error ${error}`)
  const metadata = await connection.request(requestFrame(api.metadata, 1, false, new Fields().int32(0).build()))
  if (metadata.readInt32BE(4) < brokers) throw new Error(`Metadata names ${metadata.readInt32BE(4)} brokers`)
}

/**
 * Creates a topic and waits until every partition serves, with all its replicas in sync. Answers the port of each
 * partition's leader.
 */
export async function createTopic(
  connection: Connection,
  topic: string,
  partitions: number,
  replicas: number,
  configs: Record<string, string>
): Promise<number[]> {
  const body = new Fields().int32(1).string(topic).int32(partitions).int16(replicas).int32(0)
  body.int32(Object.keys(configs).length)
  for (const [name, value] of Object.entries(configs)) body.string(name).string(value)
  body.int32(timeoutMs).int8(0)
  const answer = await connection.request(requestFrame(api.createTopics, 2, false, body.build()))
  const error = answer.readInt16BE(4 + 4 + 4 + 2 + topic.length)
  if (error !== 0) throw new Error(`CreateTopics ${topic} answered error ${error}`)
  for (const deadlineMs = performance.now() + timeoutMs; ; ) {
    // Kafka names leaders in Metadata before they serve: only a partition that answers is ready.
    try {
      const ports = await leaderPorts(connection, topic, partitions, replicas)
      await endOffsets(topic, ports)
      return ports
    } catch (failure) {
      if (performance.now() > deadlineMs) throw failure
    }
    await new Promise(resolve => setTimeout(resolve, 50))
  }
}

export async function deleteTopic(connection: Connection, topic: string): Promise<void> {
  const body = new Fields().int32(1).string(topic).int32(timeoutMs)
  const answer = await connection.request(requestFrame(api.deleteTopics, 1, false, body.build()))
  const error = answer.readInt16BE(4 + 4 + 4 + 2 + topic.length)
  if (error !== 0) throw new Error(`DeleteTopics ${topic} answered error ${error}`)
}

/** The port of each partition's leader (Metadata v1); throws while one has none, or not all replicas are in sync. */
async function leaderPorts(
  connection: Connection,
  topic: string,
  partitions: number,
  replicas: number
): Promise<number[]> {
  const request = new Fields().int32(1).string(topic).build()
  const answer = await connection.request(requestFrame(api.metadata, 1, false, request))
  let at = 4
  const skip = (bytes: number) => {
    at += bytes
  }
  const int32 = () => {
    skip(4)
    return answer.readInt32BE(at - 4)
  }
  const string = () => {
    const bytes = Math.max(0, answer.readInt16BE(at))
    skip(2 + bytes)
    return answer.toString('utf8', at - bytes, at)
  }
  const portOf = new Map<number, number>()
  for (let brokers = int32(); brokers > 0; brokers--) {
    const nodeId = int32()
    string()
    portOf.set(nodeId, int32())
    string()
  }
  skip(4 + 4)
  const error = answer.readInt16BE(at)
  skip(2)
  string()
  skip(1)
  const found = int32()
  if (error !== 0 || found !== partitions) throw new Error(`Metadata of ${topic} answered error ${error}`)
  const ports: number[] = []
  for (let i = 0; i < found; i++) {
    skip(2)
    const index = int32()
    const port = portOf.get(int32())
    skip(4 * int32())
    const inSync = int32()
    skip(4 * inSync)
    if (port === undefined || inSync < replicas)
      throw new Error(`${topic}-${index} has ${inSync} replicas in sync, its leader ${port ? 'is there' : 'is away'}`)
    ports[index] = port
  }
  return ports
}

/** The end offset of each partition, by the ports of their leaders (ListOffsets v1, latest). */
export async function endOffsets(topic: string, leaderPortOf: readonly number[]): Promise<number[]> {
  const ends = leaderPortOf.map(() => -1)
  for (const port of new Set(leaderPortOf)) {
    const led = [...leaderPortOf.keys()].filter(partition => leaderPortOf[partition] === port)
    const body = new Fields().int32(-1).int32(1).string(topic).int32(led.length)
    for (const partition of led) body.int32(partition).int64(-1)
    const connection = await Connection.open(port, 64 * led.length + 1024)
    try {
      const answer = await connection.request(requestFrame(api.listOffsets, 1, false, body.build()))
      let at = 4 + 4 + 2 + topic.length + 4
      for (let i = 0; i < led.length; i++, at += 22) {
        const error = answer.readInt16BE(at + 4)
        if (error !== 0) throw new Error(`ListOffsets ${topic}-${answer.readInt32BE(at)} answered error ${error}`)
        ends[answer.readInt32BE(at)] = int64At(answer, at + 14)
      }
    } finally {
      connection.close()
    }
  }
  return ends
}
