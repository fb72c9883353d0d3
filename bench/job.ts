/** What the main process asks the load generator to do, and what comes back; both travel as JSON. */
export type Job = ProduceJob | FetchJob | PacedJob

interface Target {
  ports: readonly number[]
  /** The brokers' processes, whose CPU time is read at both ends of the measured window. */
  brokerPids: readonly number[]
  topic: string
  /** For each partition, the place of its leader in `ports`. */
  leaders: readonly number[]
  connections: number
  /** Loaded but not measured, first. */
  warmupMs: number
  measureMs: number
}

export interface ProduceJob extends Target {
  kind: 'produce'
  acks: 0 | 1 | -1
  recordBytes: number
  recordsPerBatch: number
  /** Requests that wait for an answer at once, per connection. */
  inFlight: number
  /** Stop after this many bytes of batches instead of after the time. */
  totalBytes?: number
  /** Load beside the measured one, at a fixed rate on connections of its own, to the same topic. */
  background?: { bytesPerSecond: number; connections: number; recordBytes: number; recordsPerBatch: number }
}

/** Records handed over at a fixed rate, on one connection, by a producer with `batch.size` and `linger.ms`. */
export interface PacedJob extends Target {
  kind: 'paced'
  acks: 0 | 1 | -1
  recordBytes: number
  recordsPerBatch: number
  lingerMs: number
  recordsPerSecond: number
}

export interface FetchJob extends Target {
  kind: 'fetch'
  maxBytes: number
  /** Stop at the end of the log instead of beginning again. */
  once: boolean
}

export interface Measurement {
  seconds: number
  requests: number
  records: number
  /** Bytes of record batches, headers included. */
  bytes: number
  brokerCpuSeconds: number
  loaderCpuSeconds: number
  /** Of each request, from its write to its answer, of a paced job of each record; empty with acks=0. */
  latencyUs: { p50: number; p99: number; p999: number; max: number; mean: number }
}
