/** What a group member (a process of its own) and the test tell each other over the IPC channel. */
export type FromMember =
  | { type: 'joined'; leader: boolean; generation: number; partitions: number[] }
  /** Records `first` to `last` of a partition were processed; sent before their offset is committed. */
  | { type: 'seen'; partition: number; first: number; last: number }
  | { type: 'wrong'; text: string }

export interface MemberArguments {
  bootstrap: string
  topic: string
  group: string
  name: string
  /** How long a member takes over 1,000 records: leaves time for things to happen. */
  msPer1000: number
}

/** Records' values: their offset as text, padded to this many bytes. */
export const valueBytes = 24

export function valueAt(offset: number): Buffer {
  return Buffer.from(String(offset).padEnd(valueBytes))
}

/** The offset that a value names. */
export function offsetIn(value: Buffer | null): number {
  return Number.parseInt(value?.toString('latin1', 0, 12) ?? '', 10)
}

export function tell(message: FromMember): Promise<void> {
  return new Promise((resolve, reject) =>
    process.send?.(message, (error: Error | null) => (error ? reject(error) : resolve()))
  )
}

/** Resolves at the test's `go`: members join first and begin to work together. */
export function heardGo(): Promise<void> {
  return new Promise(resolve => process.once('message', () => resolve()))
}

export const sessionTimeoutMs = 6000
