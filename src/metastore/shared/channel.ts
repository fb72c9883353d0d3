/** A way to another process that keeps messages whole and in order, for as long as it is open. Messages are JSON values. */
export interface Channel {
  /** `sent` is called when the message has left this process, and never when the channel closes first. */
  send(message: unknown, sent?: () => void): void
  /** One listener; messages that came before it are not kept. */
  onMessage(listener: (message: unknown) => void): void
  /** Calls back once, at once when it is closed already: the other side is gone. */
  onClosed(listener: () => void): void
}
