import type { Services } from 'etcd3'
import { sleep } from '../../std/clock.ts'
import { MetastoreError } from '../metastore.ts'
import { type Connection, type OpenStream, retryMs } from './connection.ts'
import { isCancelled } from './endpoint.ts'
import { detailsOf, unavailable } from './failure.ts'

export interface StreamListener<Answer> {
  /** It is open, for the first time or again: what was asked before is forgotten. */
  opened(): void
  answered(answer: Answer): void
  /** It is not open any more. */
  broken(): void
}

/** A stream that is opened again whenever it ends, wherever etcd answers, until it is stopped. */
export class LastingStream<Request extends object, Answer> {
  private readonly connection: Connection
  private readonly listener: StreamListener<Answer>
  private open: OpenStream<Request, Answer> | undefined
  private stopped = false

  constructor(
    connection: Connection,
    service: keyof typeof Services,
    method: string,
    listener: StreamListener<Answer>
  ) {
    this.connection = connection
    this.listener = listener
    void this.run(service, method)
  }

  /** Says something if it is open. */
  write(request: Request): boolean {
    if (!this.open) return false
    this.open.stream.write(request)
    return true
  }

  /** What was said here got no answer: another endpoint shall be asked. */
  unanswered(): void {
    if (this.open) this.connection.failed(this.open.endpoint, this.open.token, unavailable('no answer in time'))
  }

  /** Its login was refused: the next one is made with a new one. */
  refused(): void {
    if (!this.open) return
    this.connection.logOut(this.open.token)
    this.open.stream.cancel()
  }

  stop(): void {
    this.stopped = true
    this.open?.stream.cancel()
  }

  private async run(service: keyof typeof Services, method: string): Promise<void> {
    while (!this.stopped && !this.connection.closed) {
      try {
        await this.runOnce(await this.connection.open(service, method))
      } catch (error) {
        if (error instanceof MetastoreError && error.kind === 'closed') return
        this.connection.repeated.warn({ error: detailsOf(error) }, `etcd's ${method} stream could not be opened`)
      }
      if (!this.stopped && !this.connection.closed) await sleep(this.connection.clock, retryMs)
    }
  }

  private async runOnce(open: OpenStream<Request, Answer>): Promise<void> {
    const { stream, endpoint, token } = open
    await new Promise<void>(resolve => {
      stream.on('data', answer => {
        if (!this.stopped) this.listener.answered(answer)
      })
      stream.on('error', error => {
        if (!isCancelled(error) && !this.stopped) this.connection.failed(endpoint, token, error)
        resolve()
      })
      stream.on('end', resolve)
      if (this.stopped) stream.cancel()
      else {
        this.open = open
        this.listener.opened()
      }
    })
    this.open = undefined
    if (!this.stopped) this.listener.broken()
  }
}
