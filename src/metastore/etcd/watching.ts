import type { IEvent, IWatchRequest, IWatchResponse } from 'etcd3'
import type { Timer } from '../../std/clock.ts'
import type { Change, Watch, Watcher } from '../metastore.ts'
import type { Codec } from './codec.ts'
import type { Connection } from './connection.ts'
import { LastingStream } from './lasting-stream.ts'

const createTimeoutMs = 3000

/**
 * One watch, on a stream of its own that is opened again from the revision behind the last one delivered: nothing is lost
 * or told twice whatever happens to connections and to etcd, and a revision that comes in parts is told when it is whole.
 */
export class Watching implements Watch {
  private readonly connection: Connection
  private readonly codec: Codec
  private readonly prefix: string
  private readonly watcher: Watcher
  private readonly onEnd: () => void
  private readonly stream: LastingStream<IWatchRequest, IWatchResponse>
  /** The revision to deliver next. */
  private next: number
  /** Events of a response whose rest is still to come. */
  private parts: IEvent[] = []
  private timer: Timer | undefined
  private ended = false

  constructor(
    parts: { connection: Connection; codec: Codec; onEnd: () => void },
    prefix: string,
    from: number,
    watcher: Watcher
  ) {
    this.connection = parts.connection
    this.codec = parts.codec
    this.onEnd = parts.onEnd
    this.prefix = prefix
    this.watcher = watcher
    this.next = Math.max(1, from)
    this.stream = new LastingStream(this.connection, 'Watch', 'watch', {
      opened: () => this.create(),
      answered: response => this.take(response),
      broken: () => this.reset()
    })
  }

  cancel(): void {
    if (this.ended) return
    this.ended = true
    this.reset()
    this.stream.stop()
    this.onEnd()
  }

  end(reason: 'compacted' | 'closed', oldestRevision: number): void {
    if (this.ended) return
    this.cancel()
    this.guard(() => this.watcher.ended(reason, oldestRevision))
  }

  private create(): void {
    this.timer = this.connection.clock.after(createTimeoutMs, () => this.stream.unanswered())
    this.stream.write({
      create_request: {
        key: this.codec.key(this.prefix),
        range_end: this.codec.endOf(this.prefix),
        start_revision: this.next,
        progress_notify: true,
        fragment: true
      }
    })
  }

  private reset(): void {
    this.timer?.cancel()
    this.timer = undefined
    this.parts = []
  }

  private take(response: IWatchResponse & { fragment?: boolean }): void {
    if (this.ended) return
    if (response.created) this.timer?.cancel()
    if (response.canceled) this.cancelled(response)
    else if (response.fragment) this.parts.push(...response.events)
    else if (response.events.length > 0) {
      const events = [...this.parts, ...response.events]
      this.parts = []
      this.deliver(events)
    } else if (!response.created && this.parts.length === 0) {
      // Nothing happened here up to this revision: what others do must not make this watch too old to go on.
      this.next = Math.max(this.next, Number(response.header.revision) + 1)
    }
  }

  private cancelled({ compact_revision, cancel_reason }: IWatchResponse): void {
    const oldest = Number(compact_revision)
    if (oldest > 0) this.end('compacted', oldest)
    else {
      // etcd says no more than that it is not permitted when the session is over.
      this.connection.repeated.warn({ reason: cancel_reason }, 'etcd ended a watch; it is opened again')
      this.stream.refused()
    }
  }

  private deliver(events: readonly IEvent[]): void {
    let at = 0
    while (at < events.length && !this.ended) {
      const revision = events[at].kv.mod_revision
      const changes: Change[] = []
      for (; at < events.length && events[at].kv.mod_revision === revision; at++)
        changes.push(this.codec.change(events[at]))
      if (Number(revision) < this.next) continue
      this.next = Number(revision) + 1
      this.guard(() => this.watcher.changed({ revision: Number(revision), changes }))
    }
  }

  /** One watcher's bug must not end the stream. */
  private guard(call: () => void): void {
    try {
      call()
    } catch (error) {
      this.connection.logger.error({ err: error }, 'a watcher of the metastore threw')
    }
  }
}
