import type { EventEmitter } from 'node:events'
import type { Texts } from '../../config/sources.ts'
import type { Channel } from '../../metastore/shared/channel.ts'

/** What a supervisor says to the process of a broker. */
export type ToBroker =
  /** First: the broker's options, which are the only ones that count. */
  | { readonly type: 'start'; readonly texts: Texts }
  | { readonly type: 'stop' }
  | { readonly type: 'metastore'; readonly message: unknown }

/** What the process of a broker says to its supervisor. */
export type FromBroker =
  | { readonly type: 'ready'; readonly host: string; readonly port: number; readonly clusterId: string }
  /** It does not start; its end follows. */
  | { readonly type: 'failed'; readonly code: string; readonly message: string }
  /** Somebody has asked this very process to stop (SIGTERM). */
  | { readonly type: 'asked to stop' }
  | { readonly type: 'metastore'; readonly message: unknown }

/** The side of an IPC channel that `process` and a child process have in common. */
type IpcEnd = EventEmitter & {
  readonly connected: boolean
  send?(message: unknown, handle: undefined, options: undefined, sent: (error: Error | null) => void): boolean
}

/** Both sides of a channel between a supervisor and a broker: what is for the metastore goes a way of its own. */
export interface Line<In, Out> {
  readonly metastore: Channel
  say(message: Out, sent?: () => void): void
  onSaid(listener: (message: In) => void): void
}

/** `onClosed` of the metastore's channel tells the end of the line. */
export function lineOver<In extends { type: string }, Out>(ipc: IpcEnd): Line<In, Out> {
  const said: ((message: In) => void)[] = []
  let toMetastore: (message: unknown) => void = () => {}
  ipc.on('message', (message: In | { type: 'metastore'; message: unknown }) => {
    if (message.type === 'metastore') toMetastore((message as { message: unknown }).message)
    else for (const listener of said) listener(message as In)
  })
  // An error tells what 'disconnect' tells too.
  const send = (message: unknown, sent?: () => void) => {
    if (ipc.connected) ipc.send?.(message, undefined, undefined, error => error === null && sent?.())
  }
  return {
    metastore: {
      send: (message, sent) => send({ type: 'metastore', message }, sent),
      onMessage(listener) {
        toMetastore = listener
      },
      onClosed: listener => void (ipc.connected ? ipc.on('disconnect', listener) : listener())
    },
    say: send,
    onSaid: listener => void said.push(listener)
  }
}
