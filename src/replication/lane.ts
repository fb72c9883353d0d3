import { Connection } from '../client/connection.ts'
import type { Connect } from '../client/options.ts'
import type { Partition } from '../partition/partition.ts'
import { isThrottled } from '../partition/throttled.ts'
import type { DecodedResponseOf } from '../schema/message.ts'
import { type Clock, sleep, type Timer } from '../std/clock.ts'
import { codeOf, messageOf } from '../std/errors.ts'
import type { Logger } from '../std/log.ts'
import { errorOfNumber } from '../wire/kafka/errors.ts'
import { Fetch } from '../wire/kafka/messages/fetch.ts'
import { type Following, followingKey } from './following.ts'
import type { ReplicationConfig } from './options.ts'
import { FollowerSession } from './session.ts'
import type { ReplicationThrottle } from './throttle.ts'

/** The first version in which a follower says of which life it is (KIP-903), and the last one. */
const fetchVersions = [15, 18] as const

/** A broker to fetch from. */
export interface Leader {
  readonly nodeId: number
  /** Of its registration. */
  readonly epoch: number
  readonly host: string
  readonly port: number
}

export interface LaneWorld {
  readonly nodeId: number
  readonly clock: Clock
  readonly logger: Logger
  readonly connect: Connect
  readonly config: ReplicationConfig
  /** Of this broker's own registration. */
  brokerEpoch(): number | undefined
  /** Where a leader is now; undefined while it isn't registered or doesn't listen. */
  leaderAt(nodeId: number): Leader | undefined
  /** Nobody listens where a leader should. Rejects where that is worth telling and could not be told. */
  refused(leader: Leader): Promise<void>
  /** There is a connection to a leader. */
  connected?(leader: Leader): void
  /** A connection that worked has ended. */
  disconnected?(leader: Leader): void
  /** Bounds what is fetched of throttled replicas that are not in sync. */
  readonly throttle?: ReplicationThrottle
  /** Replaces a replica with an empty log by one that begins at `offset`, before that log's start, with `batches`. */
  renew(partition: Partition, offset: number, batches: Buffer): Promise<void>
}

type Response = DecodedResponseOf<typeof Fetch>
type FetchedPartition = Response['responses'][number]['partitions'][number]

/** A request on its way. */
interface Sent {
  readonly number: number
  readonly answer: Promise<Response>
}

/**
 * One connection to one leader with one fetch session, which carries many partitions (DESIGN section 6). What came is
 * appended at once; the next fetch, which acknowledges it, goes out when it is durable here.
 */
export class Lane {
  private readonly world: LaneWorld
  private readonly nodeId: number
  private readonly throttle: ReplicationThrottle | undefined
  private readonly session = new FollowerSession()
  private readonly resting = new Map<Following, Timer | undefined>()
  private connection: Connection | undefined
  /** The registration that was last connected to. */
  private connected: Leader | undefined
  /** Whether the connection has been of use. */
  private answered = false
  /** Nothing was asked on the connection yet. */
  private isFirst = false
  private requests: Sent[] = []
  private requestCount = 0
  /** Appends that aren't durable yet. */
  private undurable = 0
  private wake: (() => void) | undefined
  private woken = false
  private running: Promise<void> | undefined
  private closed = false

  /** `inSync`: what it carries is in sync, and so not throttled. */
  constructor(nodeId: number, world: LaneWorld, inSync = false) {
    this.nodeId = nodeId
    this.world = world
    this.throttle = inSync ? undefined : world.throttle
  }

  get size(): number {
    return this.session.size + this.resting.size
  }

  add(following: Following): void {
    following.since = undefined
    const { settling } = following.role
    if (settling) {
      this.rest(following, settling)
      return
    }
    this.session.put(following)
    this.notify()
    this.start()
  }

  private start(): void {
    this.running ??= this.run().finally(() => {
      this.running = undefined
      // Who came in the very turn in which it ended for want of anyone would wait for ever.
      if (!this.closed && this.size > 0) this.start()
    })
  }

  remove(following: Following): void {
    this.resting.get(following)?.cancel()
    this.resting.delete(following)
    this.session.remove(following)
    this.notify()
  }

  /** Lets go of the connection; nothing that is on its way is taken any more. */
  async close(): Promise<void> {
    this.closed = true
    for (const timer of this.resting.values()) timer?.cancel()
    this.resting.clear()
    this.connection?.close()
    this.notify()
    await this.running
  }

  /** Something changed that the loop may wait for. */
  private notify(): void {
    this.woken = true
    this.wake?.()
  }

  private notified(): Promise<void> {
    if (this.woken) return Promise.resolve()
    return new Promise(resolve => {
      this.wake = () => {
        this.wake = undefined
        resolve()
      }
    })
  }

  private async run(): Promise<void> {
    while (!this.closed && this.size > 0) {
      try {
        await this.step()
      } catch (error) {
        if (this.closed) return
        const wasCut = this.answered && this.connection?.closed === true
        this.drop()
        this.world.logger.debug({ leader: this.nodeId, error: messageOf(error) }, 'a fetch from a leader failed')
        if (wasCut && this.connected) {
          // At once: a refused connection tells that the process is gone.
          this.world.disconnected?.(this.connected)
          continue
        }
        await sleep(this.world.clock, this.world.config.fetchBackoffMs)
      }
    }
    this.drop()
  }

  /** Sends a fetch when there is reason to, then waits for an answer or for something to say. */
  private async step(): Promise<void> {
    this.woken = false
    const idle = this.requests.length === 0 && this.undurable === 0
    const mayFollow = this.requests.length === 1 && this.session.isOpen
    if (this.session.size > 0 && (idle || (this.session.hasNews && (this.requests.length === 0 || mayFollow)))) {
      const connection = await this.connect()
      if (this.closed) return
      this.requests.push(this.fetch(connection))
    }
    const [first] = this.requests
    if (first === undefined) return this.notified()
    const answered = await Promise.race([first.answer, this.notified()])
    if (!answered) return
    this.requests.shift()
    this.answered = true
    this.take(answered, first.number)
  }

  private async connect(): Promise<Connection> {
    if (this.connection && !this.connection.closed) return this.connection
    const { world } = this
    this.drop()
    const leader = world.leaderAt(this.nodeId)
    if (!leader) throw new Error('the leader is not there')
    let stream: Awaited<ReturnType<typeof world.connect>>
    try {
      stream = await world.connect(leader.host, leader.port)
    } catch (error) {
      if (isRefused(error))
        world.refused(leader).catch(failure => {
          world.logger.warn({ error: messageOf(failure) }, 'a broker that is gone could not be reported')
        })
      throw error
    }
    const { clock, config } = world
    const connection = await Connection.open(stream, `${leader.host}:${leader.port}`, {
      clock,
      clientId: `naru-replica-${world.nodeId}`,
      requestTimeoutMs: config.socketTimeoutMs,
      frameBytesMax: 256 * 1024 * 1024
    })
    this.connected = leader
    this.connection = connection
    this.answered = false
    world.connected?.(leader)
    this.isFirst = true
    if (this.closed) connection.close()
    return connection
  }

  private drop(): void {
    this.connection?.close()
    this.connection = undefined
    this.requests = []
    this.session.reset()
  }

  private fetch(connection: Connection): Sent {
    const { config, nodeId } = this.world
    const replicaEpoch = this.world.brokerEpoch()
    if (replicaEpoch === undefined) throw new Error('this broker is not registered')
    const { fetchWaitMaxMs, fetchResponseMaxBytes, fetchMaxBytes } = config
    const number = ++this.requestCount
    // Without the session that the first answer opens, partitions that come meanwhile would have to wait for it.
    const maxWaitMs = this.isFirst ? 0 : fetchWaitMaxMs
    this.isFirst = false
    const answer = connection.requestWithin(
      Fetch,
      fetchVersions,
      {
        replicaState: { replicaId: nodeId, replicaEpoch },
        maxWaitMs,
        minBytes: 1,
        maxBytes: fetchResponseMaxBytes,
        ...this.session.next(number, fetchMaxBytes)
      },
      maxWaitMs
    )
    answer.catch(() => {})
    return { number, answer }
  }

  private take(response: Response, number: number): void {
    const error = errorOfNumber(response.errorCode)
    if (error) throw new Error(`the leader says ${error}`)
    this.session.answered(response.sessionId)
    for (const { topicId, partitions } of response.responses)
      for (const fetched of partitions) {
        const following = this.session.get(followingKey({ topicId, index: fetched.partitionIndex }))
        if (following?.since !== undefined && following.since <= number) this.takePartition(following, fetched)
      }
  }

  private takePartition(following: Following, fetched: FetchedPartition): void {
    const { role, partition } = following
    if (!role.active) return
    const error = errorOfNumber(fetched.errorCode)
    const { divergingEpoch, logStartOffset, highWatermark } = fetched
    try {
      if (error === 'OFFSET_OUT_OF_RANGE' && logStartOffset > partition.endOffset)
        this.rest(following, role.moveStart(logStartOffset))
      else if (error === 'OFFSET_OUT_OF_RANGE' && role.isEmpty && logStartOffset >= 0)
        this.rest(following, this.world.renew(partition, 0, Buffer.alloc(0)))
      else if (error) this.rest(following, undefined)
      // Cut since it was asked: what came would leave a hole.
      else if (following.askedFrom > partition.endOffset) this.rest(following, undefined)
      else if (divergingEpoch.epoch >= 0 || divergingEpoch.endOffset >= 0)
        // Where all of the leader lies below this log's start, cutting comes to an end.
        this.rest(
          following,
          role.isEmpty && divergingEpoch.endOffset < partition.startOffset
            ? this.world.renew(partition, 0, Buffer.alloc(0))
            : role.truncate(divergingEpoch)
        )
      // What comes may begin within what this log has otherwise: the leader's epochs don't reach below its start.
      else if (logStartOffset >= partition.endOffset && !role.isEmpty)
        this.rest(following, role.moveStart(logStartOffset))
      else {
        const before = partition.endOffset
        const base = fetched.records ? role.beginsBefore(fetched.records) : undefined
        if (fetched.records && base !== undefined) {
          this.rest(following, this.world.renew(partition, base, Buffer.from(fetched.records)))
          return
        }
        if (fetched.records) {
          role.append(fetched.records)
          following.trouble = undefined
        }
        role.committed(highWatermark)
        if (partition.endOffset > before) this.await(following)
        if (this.throttle && fetched.records && isThrottled(partition, 'follower'))
          this.throttle.record(fetched.records.length)
        if (logStartOffset > partition.startOffset && logStartOffset <= partition.endOffset)
          role.moveStart(logStartOffset).then(
            // The leader hears of it at once: who had records deleted waits for that.
            () => this.await(following),
            failure => {
              this.report(following, failure)
              // The leader tells it again when it is asked anew.
              if (this.session.get(following.key) === following) this.rest(following, undefined)
            }
          )
      }
    } catch (failure) {
      this.report(following, failure)
      this.rest(following, undefined)
    }
  }

  /** Names the partition in a fetch again when all that was appended is durable. */
  private await(following: Following): void {
    const { partition } = following
    this.undurable++
    partition.onDurable(partition.endOffset - 1, () => {
      this.undurable--
      if (this.session.get(following.key) === following) {
        if (this.throttle && isThrottled(partition, 'follower') && !this.throttle.isOpen)
          this.rest(following, undefined, this.throttle.waitMs)
        else this.session.put(following)
      }
      this.notify()
    })
  }

  /** Leaves a partition out until some work on its log is done, or for a while: after an error, or when its throttle is used up. */
  private rest(
    following: Following,
    work: Promise<void> | undefined,
    delayMs = this.world.config.fetchBackoffMs
  ): void {
    this.session.remove(following)
    following.since = undefined
    this.resting.set(following, undefined)
    const goOn = () => {
      if (!this.resting.delete(following) || !following.role.active) return
      this.add(following)
    }
    const later = () => {
      if (this.resting.has(following)) this.resting.set(following, this.world.clock.after(delayMs, goOn))
    }
    if (!work) later()
    else
      work.then(goOn, error => {
        this.report(following, error)
        later()
      })
  }

  /** Once for as long as it stays the same: a disk that is full is found full five times a second by every partition. */
  private report(following: Following, error: unknown): void {
    const { topic, index } = following.partition
    const text = messageOf(error)
    if (following.trouble === text) return
    following.trouble = text
    const context = { topic, partition: index, leader: this.nodeId, code: codeOf(error), error: text }
    this.world.logger.error(context, 'could not follow a partition')
  }
}

/** Whether a connection was refused: nobody listens there. */
function isRefused(error: unknown): boolean {
  return (error as { code?: unknown }).code === 'ECONNREFUSED'
}
