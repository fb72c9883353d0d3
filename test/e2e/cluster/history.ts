/** A record that was acknowledged with acks=all. */
export interface Acknowledged {
  readonly value: string
  readonly partition: number
  readonly offset: number
  /** Of the process's own clock. */
  readonly atMs: number
}

export interface ProducerHistory {
  readonly name: string
  readonly client: string
  readonly partition: number
  /** Each of its records may be there once only. */
  readonly idempotent: boolean
  /** In the order in which they were sent; it waits for each before it sends the next. */
  readonly acknowledged: Acknowledged[]
  /** Errors that the client did not get over by itself. */
  readonly errors: { readonly atMs: number; readonly message: string }[]
}

/** What a partition holds at last: values by offset. */
export type Log = ReadonlyMap<number, string>

export interface Anomaly {
  readonly kind:
    | 'lost'
    | 'moved'
    | 'reordered'
    | 'duplicate'
    | 'inconsistent'
    | 'skipped'
    | 'nonmonotonic'
    | 'commit'
    | 'misdeed'
  readonly text: string
}

/** What clients have seen of a topic, and what they must never have seen. */
export class History {
  readonly producers: ProducerHistory[] = []
  /** What members of the group have read, by partition and offset. */
  readonly read = new Map<number, Map<number, string>>()
  /** When the group read something. */
  readonly readAtMs: number[] = []
  /** Why members of the group were given up by their client. */
  readonly crashes: string[] = []
  /** When the group's coordinator told what is committed. */
  readonly coordinatedAtMs: number[] = []
  readonly anomalies: Anomaly[] = []
  private readonly commits = new Map<number, number>()

  producer(name: string, client: string, partition: number, idempotent: boolean): ProducerHistory {
    const producer = { name, client, partition, idempotent, acknowledged: [], errors: [] }
    this.producers.push(producer)
    return producer
  }

  /** A member has read these, which follow one another; `after`: the last that it read since it was given the partition. */
  reads(
    partition: number,
    records: readonly (readonly [number, string])[],
    after: number | undefined,
    atMs: number
  ): void {
    let last = after ?? -1
    let known = this.read.get(partition)
    if (!known) {
      known = new Map()
      this.read.set(partition, known)
    }
    for (const [offset, value] of records) {
      if (offset <= last) this.note('nonmonotonic', `${partition}:${offset} was read after ${last}`)
      last = offset
      const before = known.get(offset)
      if (before !== undefined && before !== value)
        this.note('inconsistent', `${partition}:${offset} was read as ${before}, and then as ${value}`)
      known.set(offset, value)
    }
    if (records.length > 0) this.readAtMs.push(atMs)
  }

  /** What is certain of a partition's committed offset now; compare what is fetched later with it. */
  committedFloor(partition: number): number {
    return this.commits.get(partition) ?? -1
  }

  /** A commit was acknowledged. */
  committed(partition: number, offset: number): void {
    this.commits.set(partition, Math.max(offset, this.committedFloor(partition)))
  }

  /** A committed offset was fetched; `floor` is what was certain when it was asked for. */
  fetchedCommit(partition: number, offset: number, floor: number): void {
    if (offset < floor) this.note('commit', `${partition}: ${offset} is committed, after ${floor} was`)
    // Who has seen it must not see less later.
    else this.committed(partition, offset)
  }

  note(kind: Anomaly['kind'], text: string): void {
    this.anomalies.push({ kind, text })
  }
}

/** Everything that went wrong, when the partitions hold `logs` at last. */
export function anomaliesOf(history: History, logs: ReadonlyMap<number, Log>): Anomaly[] {
  const found: Anomaly[] = [...history.anomalies]
  const note = (kind: Anomaly['kind'], text: string) => found.push({ kind, text })
  const places = new Map<string, [number, number][]>()
  for (const [partition, log] of logs)
    for (const [offset, value] of log) {
      const known = places.get(value)
      if (known) known.push([partition, offset])
      else places.set(value, [[partition, offset]])
    }
  for (const { name, idempotent, acknowledged } of history.producers) {
    let last = -1
    for (const { value, partition, offset } of acknowledged) {
      const held = logs.get(partition)?.get(offset)
      if (held !== value) {
        const elsewhere = places.get(value)
        if (elsewhere)
          note('moved', `${value} was acknowledged at ${partition}:${offset} and is at ${elsewhere.join(' ')}`)
        else note('lost', `${value} was acknowledged at ${partition}:${offset}, which holds ${held ?? 'nothing'}`)
      }
      if (offset <= last)
        note('reordered', `${value} of ${name} is at ${partition}:${offset}, the one before it at ${last}`)
      last = offset
    }
    if (!idempotent) continue
    for (const [value, where] of places)
      if (value.startsWith(`${name}:`) && where.length > 1) note('duplicate', `${value} is at ${where.join(' and ')}`)
  }
  for (const [partition, read] of history.read) {
    const log = logs.get(partition)
    let end = -1
    for (const [offset, value] of read) {
      const held = log?.get(offset)
      if (held !== value)
        note('inconsistent', `${partition}:${offset} was read as ${value}, and holds ${held ?? 'nothing'}`)
      if (offset > end) end = offset
    }
    for (const [offset, value] of log ?? [])
      if (offset < end && !read.has(offset))
        note('skipped', `${partition}:${offset} (${value}) was passed over by the group`)
  }
  return found
}

/** The longest time without an acknowledgement that touches a span; one that is not over at its end counts too. */
export function longestSilenceMs(atMs: readonly number[], fromMs: number, toMs: number): number {
  let longest = 0
  let last: number | undefined
  for (const at of atMs) {
    if (at >= fromMs) longest = Math.max(longest, at - (last ?? fromMs))
    last = at
    if (at > toMs) return longest
  }
  return Math.max(longest, toMs - (last ?? fromMs))
}
