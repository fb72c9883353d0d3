/** The load generator's process: takes one Job as a message, sends back its Measurement or the reason why there is none. */
import { Connection, endOffsets } from './connection.ts'
import { Consumer } from './consumer.ts'
import type { FetchJob, Job, Measurement, PacedJob, ProduceJob } from './job.ts'
import { LingeringProducer } from './lingering.ts'
import { Producer } from './producer.ts'
import { Window } from './window.ts'
import { recordBatch } from './wire.ts'

const sleep = (ms: number) => new Promise(resolve => setTimeout(resolve, ms))

/** How long answers may stay away after the load has stopped. */
const drainMs = 30_000

export async function runJob(job: Job): Promise<Measurement> {
  if (job.kind === 'produce') return produce(job)
  return job.kind === 'paced' ? paced(job) : fetch(job)
}

async function produce(job: ProduceJob): Promise<Measurement> {
  const window = new Window(job.brokerPids)
  const sent = new Float64Array(job.leaders.length)
  const writers = job.connections + (job.background?.connections ?? 0)
  const shares = sharesOf(writers, job)
  const open: Connection[] = []
  const add = async (index: number, shape: { recordBytes: number; recordsPerBatch: number }, measured: boolean) => {
    const { port, partitions, alone } = shares[index]
    const connection = await Connection.open(port)
    open.push(connection)
    return new Producer(connection, {
      topic: job.topic,
      acks: job.acks,
      batch: recordBatch(shape.recordBytes, shape.recordsPerBatch),
      records: shape.recordsPerBatch,
      inFlight: measured ? job.inFlight : 5,
      partitions,
      sent,
      alone,
      window: measured ? window : undefined,
      budgetBytes: measured ? (job.totalBytes ?? Number.POSITIVE_INFINITY) / job.connections : 0
    })
  }
  const producers: Producer[] = []
  const background: Producer[] = []
  for (let i = 0; i < job.connections; i++) producers.push(await add(i, job, true))
  for (let i = job.connections; i < writers; i++) background.push(await add(i, job.background!, false))
  const failed = failureOf([...producers, ...background])

  let pacing: NodeJS.Timeout | undefined
  if (job.background) {
    const bytesPerMs = job.background.bytesPerSecond / 1000 / background.length
    let lastMs = performance.now()
    pacing = setInterval(() => {
      const nowMs = performance.now()
      for (const producer of background) producer.grant((nowMs - lastMs) * bytesPerMs)
      lastMs = nowMs
    }, 2)
  }
  for (const producer of producers) producer.start()
  try {
    if (job.totalBytes !== undefined) {
      window.begin()
      await Promise.race([Promise.all(producers.map(producer => producer.done)), failed])
      window.end()
    } else {
      await Promise.race([sleep(job.warmupMs), failed])
      while (!producers.every(producer => producer.primed)) await Promise.race([sleep(10), failed])
      window.begin()
      await Promise.race([sleep(job.measureMs), failed])
      window.end()
    }
    clearInterval(pacing)
    for (const producer of [...producers, ...background]) producer.stop()
    const all = Promise.all([...producers, ...background].map(producer => producer.done))
    await Promise.race([all, failed, sleep(drainMs).then(() => Promise.reject(new Error('answers are missing')))])
    await checkEnds(job, sent)
    return window.result()
  } finally {
    clearInterval(pacing)
    for (const connection of open) connection.close()
  }
}

async function paced(job: PacedJob): Promise<Measurement> {
  const window = new Window(job.brokerPids)
  const sent = new Float64Array(job.leaders.length)
  const [{ port, partitions }] = sharesOf(1, job)
  const connection = await Connection.open(port)
  const producer = new LingeringProducer(connection, {
    topic: job.topic,
    acks: job.acks,
    recordBytes: job.recordBytes,
    recordsMax: job.recordsPerBatch,
    lingerMs: job.lingerMs,
    inFlight: 5,
    partitions,
    sent,
    window
  })
  const failed = failureOf([producer])
  const startMs = performance.now()
  let produced = 0
  const pacing = setInterval(() => {
    const due = Math.floor(((performance.now() - startMs) * job.recordsPerSecond) / 1000)
    producer.produce(due - produced)
    produced = due
  }, 1)
  try {
    await Promise.race([sleep(job.warmupMs), failed])
    window.begin()
    await Promise.race([sleep(job.measureMs), failed])
    window.end()
    clearInterval(pacing)
    producer.stop()
    await Promise.race([
      producer.done,
      failed,
      sleep(drainMs).then(() => Promise.reject(new Error('answers are missing')))
    ])
    await checkEnds(job, sent)
    return window.result()
  } finally {
    clearInterval(pacing)
    connection.close()
  }
}

/** The log must hold what was sent, all of it and nothing else; with acks=0 it may take a moment. */
async function checkEnds(job: ProduceJob | PacedJob, sent: Float64Array): Promise<void> {
  for (let attempt = 0; ; attempt++) {
    const ends = await endOffsets(job.topic, leaderPorts(job))
    const wrong = ends.findIndex((end, partition) => end !== sent[partition])
    if (wrong < 0) return
    if (attempt === 100)
      throw new Error(`partition ${wrong} ends at ${ends[wrong]} after ${sent[wrong]} records were sent to it`)
    await sleep(100)
  }
}

async function fetch(job: FetchJob): Promise<Measurement> {
  const window = new Window(job.brokerPids)
  const ends = await endOffsets(job.topic, leaderPorts(job))
  const open: Connection[] = []
  const consumers: Consumer[] = []
  for (const { port, partitions } of sharesOf(job.connections, job)) {
    const connection = await Connection.open(port, Math.max(job.maxBytes, 1 << 20) + 65_536)
    open.push(connection)
    consumers.push(
      new Consumer(connection, { topic: job.topic, partitions, ends, maxBytes: job.maxBytes, once: job.once, window })
    )
  }
  const failed = failureOf(consumers)
  try {
    if (job.once) {
      window.begin()
      for (const consumer of consumers) consumer.start()
      await Promise.race([Promise.all(consumers.map(consumer => consumer.done)), failed])
      window.end()
    } else {
      for (const consumer of consumers) consumer.start()
      await Promise.race([sleep(job.warmupMs), failed])
      window.begin()
      await Promise.race([sleep(job.measureMs), failed])
      window.end()
    }
    for (const consumer of consumers) consumer.stop()
    await Promise.race([Promise.all(consumers.map(consumer => consumer.done)), failed, sleep(drainMs)])
    return window.result()
  } finally {
    for (const connection of open) connection.close()
  }
}

const leaderPorts = ({ ports, leaders }: Job) => leaders.map(leader => ports[leader])

interface Share {
  port: number
  partitions: number[]
  /** Whether no other connection has any of these partitions. */
  alone: boolean
}

/** Deals connections to the brokers that lead, and the partitions of each broker to its connections, shared where they are few. */
function sharesOf(connections: number, { ports, leaders }: Job): Share[] {
  const leading = ports
    .map((port, at) => ({ port, partitions: [...leaders.keys()].filter(partition => leaders[partition] === at) }))
    .filter(({ partitions }) => partitions.length > 0)
  return Array.from({ length: connections }, (_, i) => {
    const { port, partitions } = leading[i % leading.length]
    const index = Math.floor(i / leading.length)
    const others = Math.ceil((connections - (i % leading.length)) / leading.length)
    const alone = partitions.length >= others
    const own = alone ? partitions.filter((_, at) => at % others === index) : [partitions[index % partitions.length]]
    return { port, partitions: own, alone }
  })
}

/** Rejects with the first failure, and never resolves. */
function failureOf(workers: { done: Promise<void> }[]): Promise<never> {
  const failed = new Promise<never>((_, reject) => {
    for (const worker of workers) worker.done.catch(reject)
  })
  failed.catch(() => {}) // whoever races with it reports it
  return failed
}

if (process.send) {
  process.once('message', (job: Job) => {
    runJob(job)
      .then(measurement => process.send!({ measurement }))
      .catch((error: Error) => process.send!({ failure: error.message }))
      .finally(() => process.disconnect())
  })
}
