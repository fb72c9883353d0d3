import type { Channel } from '../../../src/metastore/shared/channel.ts'

export interface ChannelPair {
  readonly server: Channel
  readonly client: Channel
  /** The client's process reads nothing any more, or again. */
  pauseClient(paused: boolean): void
  close(): void
}

/** Two ends that carry messages as JSON text, a turn of the event loop later. */
export function channelPair(): ChannelPair {
  const closers: (() => void)[] = []
  let closed = false
  const end = () => {
    let listener: (message: unknown) => void = () => {}
    const arriving: { text: string; sent?: () => void }[] = []
    let paused = false
    const read = () => {
      while (!paused && !closed && arriving.length > 0) {
        const { text, sent } = arriving.shift()!
        sent?.()
        listener(JSON.parse(text))
      }
    }
    const arrive = (message: unknown, sent?: () => void) => {
      arriving.push({ text: JSON.stringify(message), sent })
      setImmediate(read)
    }
    return {
      arrive,
      pause(on: boolean) {
        paused = on
        if (!on) read()
      },
      onMessage: (other: (message: unknown) => void) => {
        listener = other
      },
      onClosed: (other: () => void) => void (closed ? other() : closers.push(other))
    }
  }
  const [a, b] = [end(), end()]
  return {
    server: { send: b.arrive, onMessage: a.onMessage, onClosed: a.onClosed },
    client: { send: a.arrive, onMessage: b.onMessage, onClosed: b.onClosed },
    pauseClient: b.pause,
    close() {
      closed = true
      for (const closer of closers.splice(0)) closer()
    }
  }
}
