/** What is measured, by stable names. */

export type Scenario = ProduceScenario | PacedScenario | FetchScenario | StartScenario | EmbeddedScenario

export interface ProduceScenario {
  kind: 'produce'
  name: string
  doc: string
  recordBytes: number
  /** 0 stands for one record. */
  batchBytes: number
  partitions: number
  acks: 0 | 1 | -1
  fsync: boolean
  connections: number
  inFlight: number
  background?: { bytesPerSecond: number; connections: number; recordBytes: number; batchBytes: number }
}

/** One producer with `batch.size` and `linger.ms` whose application hands over records at a fixed rate. */
export interface PacedScenario {
  kind: 'paced'
  name: string
  doc: string
  recordBytes: number
  batchBytes: number
  lingerMs: number
  recordsPerSecond: number
  partitions: number
  acks: 0 | 1 | -1
  fsync: boolean
}

export interface FetchScenario {
  kind: 'fetch'
  name: string
  doc: string
  /** Size of the topic that is read. */
  totalBytes: number
  maxBytes: number
  connections: number
  /** After a restart, with nothing in the page cache, each byte once. */
  cold: boolean
}

export interface StartScenario {
  kind: 'start'
  name: string
  doc: string
}

export interface EmbeddedScenario {
  kind: 'embedded'
  name: string
  doc: string
}

const KB = 1024
const MB = 1024 * 1024

const recordSizes = [
  ['100B', 100],
  ['1K', KB],
  ['16K', 16 * KB]
] as const
const batchSizes = [
  ['one', 0],
  ['16K', 16 * KB],
  ['1M', 1_000_000]
] as const
const partitionCounts = [1, 10, 100, 1000]
const acknowledgements = [
  ['0', 0],
  ['1', 1],
  ['all', -1]
] as const

function produceMatrix(): ProduceScenario[] {
  const all: ProduceScenario[] = []
  for (const [record, recordBytes] of recordSizes)
    for (const [batch, batchBytes] of batchSizes)
      for (const partitions of partitionCounts)
        for (const [acksName, acks] of acknowledgements)
          for (const mode of ['page', 'fsync']) {
            if (record === '16K' && batch === '16K') continue // one record does not fit
            const big = batch === '1M'
            all.push({
              kind: 'produce',
              name: `produce-${record}-${batch}-p${partitions}-acks${acksName}-${mode}`,
              doc: `${record} records, ${batch === 'one' ? 'one to a request' : `batches of ${batch}`}, ${partitions} partitions, acks=${acksName}, ${mode === 'fsync' ? 'flush.messages=1' : 'page cache'}`,
              recordBytes,
              batchBytes,
              partitions,
              acks,
              fsync: mode === 'fsync',
              connections: big ? 4 : 10,
              inFlight: big ? 2 : acks === 0 ? 50 : 5
            })
          }
  return all
}

const fewByDefault = new Set([
  'produce-100B-16K-p10-acks1-page',
  'produce-1K-16K-p1-acks1-page',
  'produce-1K-16K-p10-acks1-page',
  'produce-1K-16K-p100-acksall-page',
  'produce-1K-16K-p1000-acksall-page',
  'produce-1K-16K-p10-acksall-fsync',
  'produce-1K-1M-p10-acks1-page',
  'produce-1K-1M-p10-acksall-fsync',
  'produce-100B-one-p10-acks0-page',
  'produce-100B-one-p10-acks1-page',
  'produce-1K-one-p1-acksall-fsync',
  'produce-1K-one-p1000-acksall-fsync'
])

function latency(fsync: boolean, loadMb: number): ProduceScenario {
  const mode = fsync ? 'fsync' : 'page'
  const load = loadMb > 0 ? `beside ${loadMb} MB/s on two other connections` : 'and nothing else'
  return {
    kind: 'produce',
    name: `latency-${loadMb > 0 ? 'loaded' : 'idle'}-${mode}`,
    doc: `one record of 200 B at a time on one connection, ${fsync ? 'acks=all, flush.messages=1' : 'acks=1, page cache'}, ${load}`,
    recordBytes: 200,
    batchBytes: 0,
    partitions: 10,
    acks: fsync ? -1 : 1,
    fsync,
    connections: 1,
    inFlight: 1,
    background:
      loadMb > 0 ? { bytesPerSecond: loadMb * 1e6, connections: 2, recordBytes: KB, batchBytes: 16 * KB } : undefined
  }
}

const others: Scenario[] = [
  latency(false, 0),
  latency(true, 0),
  latency(false, 20),
  latency(true, 5),
  {
    kind: 'fetch',
    name: 'fetch-hot-1M',
    doc: '1 MB fetches of the 32 MB just written, again and again, 4 connections',
    totalBytes: 32 * MB,
    maxBytes: MB,
    connections: 4,
    cold: false
  },
  {
    kind: 'fetch',
    name: 'fetch-hot-16K',
    doc: '16 KB fetches of the 32 MB just written, again and again, 4 connections',
    totalBytes: 32 * MB,
    maxBytes: 16 * KB,
    connections: 4,
    cold: false
  },
  {
    kind: 'fetch',
    name: 'fetch-warm-1M',
    doc: '1 MB fetches of 512 MB that the page cache holds, again and again, 4 connections',
    totalBytes: 512 * MB,
    maxBytes: MB,
    connections: 4,
    cold: false
  },
  {
    kind: 'fetch',
    name: 'fetch-cold-1M',
    doc: '1 MB fetches of 512 MB after a restart and with an empty page cache, each once, 4 connections',
    totalBytes: 512 * MB,
    maxBytes: MB,
    connections: 4,
    cold: true
  },
  { kind: 'start', name: 'start', doc: 'from the spawn to the first ApiVersions and Metadata; memory 2 s later' },
  { kind: 'embedded', name: 'start-embedded', doc: 'import and startBroker() in memory, inside a Node process' }
]

/** Three brokers, three replicas of every partition. */
export const clusterScenarios: Scenario[] = [true, false].flatMap(fsync => {
  const mode = fsync ? 'fsync' : 'page'
  const modeDoc = fsync ? 'flush.messages=1' : 'page cache'
  const shared = { kind: 'produce', acks: -1, fsync, connections: 9, inFlight: 5 } as const
  const produce = (record: string, recordBytes: number, batch: string, batchBytes: number, partitions: number) => ({
    ...shared,
    name: `cluster-${record}-${batch}-p${partitions}-${mode}`,
    doc: `${record} records, ${batch === 'one' ? 'one to a request' : `batches of ${batch}`}, ${partitions} partitions, three replicas, acks=all, ${modeDoc}`,
    recordBytes,
    batchBytes,
    partitions
  })
  const lone = { ...shared, recordBytes: 200, batchBytes: 0, partitions: 12, connections: 1, inFlight: 1 } as const
  return [
    produce('1K', KB, '16K', 16 * KB, 12),
    produce('1K', KB, '16K', 16 * KB, 300),
    produce('1K', KB, 'one', 0, 12),
    { ...lone, name: `cluster-latency-idle-${mode}`, doc: `one record of 200 B at a time, acks=all, ${modeDoc}` },
    {
      ...lone,
      name: `cluster-latency-loaded-${mode}`,
      doc: `the same beside 2 MB/s on three other connections, ${modeDoc}`,
      background: { bytesPerSecond: 2e6, connections: 3, recordBytes: KB, batchBytes: 16 * KB }
    }
  ]
})

/** The scenarios of an ordinary run, or with the whole produce matrix. */
export function scenarios(full: boolean): Scenario[] {
  return [...produceMatrix().filter(scenario => full || fewByDefault.has(scenario.name)), ...others]
}
