import type { Clock, Timer } from '../../std/clock.ts'
import { NaruError } from '../../std/errors.ts'
import type { Logger } from '../../std/log.ts'
import type { FromBroker } from './messages.ts'
import type { BrokerProcess } from './process.ts'

export interface MemberOptions {
  readonly nodeId: number
  readonly clock: Clock
  readonly logger: Logger
  readonly backoffMs: number
  readonly backoffMaxMs: number
  readonly stopTimeoutMs: number
  /** Starts a process for the broker, and gives it its options; `port` is the one that it had before. */
  start(port: number | undefined): BrokerProcess
  /** What has to be done between an end that nobody asked for and the next start. */
  bury(): Promise<void>
}

/** Where a broker is, for those who run it. */
export interface Address {
  readonly host: string
  readonly port: number
  readonly clusterId: string
  readonly pid: number
}

/** From this many starts in a row on that came to nothing they are reported as errors of their own. */
const failuresLoud = 3
/** What keeps every further start from succeeding too, as long as nobody does something about it. */
const lastingCodes = new Set(['INVALID_CONFIG', 'EADDRINUSE', 'EADDRNOTAVAIL', 'EACCES'])
/** A broker of a supervisor that was killed may still be about to end. */
const lockedMs = 10_000
/** Who stops all processes together (systemd, a container's runtime) means the supervisor too: it has its order. */
const askedMs = 100

/** A broker in a process of its own, which is started again when it ends. */
export class Member {
  readonly nodeId: number
  private readonly options: MemberOptions
  private process: BrokerProcess | undefined
  private timer: Timer | undefined
  /** Starts in a row that came to nothing, or not far. */
  private failures = 0
  private port: number | undefined
  private address: Address | undefined
  private readySince = 0
  private firstStartMs = 0
  private isStopping = false
  private firstStart: { resolve(address: Address): void; reject(error: NaruError): void } | undefined
  private onStopped: (() => void) | undefined

  constructor(options: MemberOptions) {
    this.options = options
    this.nodeId = options.nodeId
  }

  /** Undefined while it does not run. */
  get running(): Address | undefined {
    return this.address
  }

  /**
   * Resolves when the broker serves. Rejects when its first start fails; whether it is tried again all the same is
   * the caller's to say, by `stop`. A data folder that a former process is about to leave is waited for.
   */
  start(): Promise<Address> {
    return new Promise((resolve, reject) => {
      this.firstStart = { resolve, reject }
      this.firstStartMs = this.options.clock.monotonic()
      this.launch()
    })
  }

  /** From here on the broker isn't started again, whatever ends it. */
  retire(): void {
    this.isStopping = true
    // A restart that waits is off. One that was begun still has its time limit, in vain or not.
    if (!this.process) this.timer?.cancel()
  }

  /** Stops the broker in an orderly way, by force when it takes too long. */
  async stop(): Promise<void> {
    this.retire()
    const { process } = this
    if (!process) return
    const stopped = new Promise<void>(resolve => {
      this.onStopped = resolve
    })
    // One that has not started yet has nothing to hand over, and hears no `stop`.
    if (this.address) this.ask(process)
    else process.kill()
    await stopped
    this.timer?.cancel()
  }

  /** At once, and for good. */
  kill(): void {
    this.retire()
    this.process?.kill()
  }

  private launch(): void {
    const { options, nodeId } = this
    const started = options.start(this.port)
    let failure: { code: string; message: string } | undefined
    this.process = started
    started.onSaid(message => {
      if (message.type === 'ready') this.isReady(started, message)
      else if (message.type === 'failed') failure = message
      else if (message.type === 'asked to stop') options.clock.after(askedMs, () => this.restart(started))
    })
    started.onExit((how, lastWords) => {
      this.process = undefined
      this.ended(failure ?? { code: '', message: lastWords === '' ? how : `${how}: ${lastWords}` })
    })
    options.logger.debug({ node: nodeId, pid: started.pid }, 'a process was started for the broker')
  }

  private isReady(started: BrokerProcess, { host, port, clusterId }: FromBroker & { type: 'ready' }): void {
    const { nodeId, options } = this
    this.port = port
    this.address = { host, port, clusterId, pid: started.pid }
    this.readySince = options.clock.monotonic()
    options.logger.info({ node: nodeId, pid: started.pid, host, port }, 'the broker runs')
    this.firstStart?.resolve(this.address)
    this.firstStart = undefined
  }

  /** Somebody wants this process to end: it does in an orderly way, and the next one takes its place. */
  private restart(started: BrokerProcess): void {
    if (this.isStopping || this.process !== started || !this.address) return
    this.options.logger.info({ node: this.nodeId }, 'the broker was asked to stop: it is started again')
    this.failures = -1
    this.ask(started)
  }

  private ask(process: BrokerProcess): void {
    const { clock, logger, stopTimeoutMs } = this.options
    process.say({ type: 'stop' })
    this.timer?.cancel()
    this.timer = clock.after(stopTimeoutMs, () => {
      logger.warn({ node: this.nodeId }, 'the broker does not stop in time; its process is killed')
      process.kill()
    })
  }

  private ended({ code, message }: { code: string; message: string }): void {
    const { options, nodeId } = this
    const ranMs = this.address ? options.clock.monotonic() - this.readySince : 0
    this.address = undefined
    if (this.isStopping) {
      this.onStopped?.()
      return
    }
    if (this.firstStart && !(code === 'locked' && options.clock.monotonic() - this.firstStartMs < lockedMs)) {
      this.firstStart.reject(
        new NaruError(
          lastingCodes.has(code) ? 'INVALID_CONFIG' : 'KAFKA_STORAGE_ERROR',
          `Broker ${nodeId} does not start: ${message}`
        )
      )
      this.firstStart = undefined
    }
    if (ranMs >= options.backoffMaxMs) this.failures = 0
    const waitMs = this.failures < 0 ? 0 : Math.min(options.backoffMaxMs, options.backoffMs * 2 ** this.failures)
    this.failures++
    const fields = { node: nodeId, reason: message, failures: this.failures, waitMs }
    if (this.failures >= failuresLoud)
      options.logger.error(fields, `the broker has ended ${this.failures} times in a row; see to the reason`)
    else if (this.failures > 0) options.logger.error(fields, 'the process of the broker has ended; it is started again')
    const buried = options.bury().catch(error => options.logger.error({ node: nodeId, err: error }, 'not buried'))
    this.timer?.cancel()
    this.timer = options.clock.after(waitMs, () => void buried.then(() => this.isStopping || this.launch()))
  }
}
