/**
 * `node --import tsx bench/scale.ts [--partitions N] [--replicas N]`: a cluster of three brokers, each a process, with many partitions:
 * made, idle, one broker killed, back, drained. Gives the time of each, CPU and memory of each process, and how many changes of the
 * metastore it took.
 */
import { parseArgs } from 'node:util'
import { without } from '../src/cli/cluster/drain.ts'
import { runMoves } from '../src/cli/cluster/run-moves.ts'
import { stateOf } from '../src/cli/cluster/state.ts'
import { Progress } from '../src/cli/progress.ts'
import { Stopping } from '../src/cli/stopping.ts'
import { createTopic } from '../src/client/admin.ts'
import { Cluster } from '../src/client/cluster.ts'
import { connectTcp } from '../src/run/connect.ts'
import { systemClock, systemRandom } from '../src/run/system.ts'
import { DescribeQuorum } from '../src/wire/kafka/messages/describe-quorum.ts'
import { startNaruCluster } from '../test/support/naru-cluster.ts'
import { cpuSeconds, memoryUse } from './usage.ts'

const { values } = parseArgs({
  options: {
    partitions: { type: 'string', default: '10000' },
    replicas: { type: 'string', default: '2' },
    topics: { type: 'string', default: '10' },
    brokers: { type: 'string', default: '3' }
  }
})
const count = Number(values.partitions)
const topics = Number(values.topics)
const replicationFactor = Number(values.replicas)
const brokers = Number(values.brokers)

const cluster = await startNaruCluster({
  brokers,
  logFile: process.env.SCALE_LOG,
  settings: {
    'offsets.topic.num.partitions': '3',
    'naru.partitions.max': String(count * 2),
    'replica.lag.time.max.ms': '30000'
  }
})
const client = new Cluster({
  bootstrap: cluster.bootstrap.split(','),
  connect: connectTcp,
  clock: systemClock,
  random: systemRandom,
  requestTimeoutMs: 300_000
})

const processes = () =>
  new Map([
    ['supervisor', cluster.supervisorPid],
    ...Array.from({ length: brokers }, (_, at) => [`broker ${at + 1}`, cluster.broker(at + 1).pid] as const)
  ])

/** 0 for a process that is no more. */
function cpuOf(pid: number): number {
  try {
    return cpuSeconds([pid])
  } catch {
    return 0
  }
}

async function revision(): Promise<number> {
  const { topics } = await client.ask(DescribeQuorum, {
    topics: [{ topicName: '__cluster_metadata', partitions: [{ partitionIndex: 0 }] }]
  })
  return Number(topics[0].partitions[0].highWatermark)
}

async function phase(name: string, work: () => Promise<unknown>): Promise<void> {
  const before = new Map([...processes()].map(([who, pid]) => [who, cpuOf(pid)]))
  const from = await revision()
  const beganMs = performance.now()
  const said = await work()
  const seconds = (performance.now() - beganMs) / 1000
  const changes = (await client.retrying(revision)) - from
  console.log(`${name}: ${seconds.toFixed(1)} s, ${changes} revisions of the metastore${said ? `, ${said}` : ''}`)
  for (const [who, pid] of processes()) {
    try {
      const cpu = Math.max(0, cpuSeconds([pid]) - (before.get(who) ?? 0))
      console.log(
        `  ${who.padEnd(12)} ${cpu.toFixed(2).padStart(6)} CPU s ${memoryUse([pid]).rssMb.toFixed(0).padStart(6)} MB`
      )
    } catch {
      console.log(`  ${who.padEnd(12)}   gone`)
    }
  }
}

async function until(what: (all: Awaited<ReturnType<Cluster['fetchTopics']>>) => number): Promise<void> {
  for (;;) {
    const missing = await client.retrying(async () => what(await client.fetchTopics(null)))
    if (missing === 0) return
    await new Promise(resolve => setTimeout(resolve, 200))
  }
}
const partitionsOf = (all: Awaited<ReturnType<Cluster['fetchTopics']>>) => all.flatMap(({ partitions }) => partitions)
const leaderless = (all: Parameters<typeof partitionsOf>[0]) =>
  partitionsOf(all).filter(({ leader }) => leader < 0).length
const lacking = (all: Parameters<typeof partitionsOf>[0]) =>
  partitionsOf(all).filter(({ isr, replicas }) => isr.length < replicas.length).length

try {
  await phase('made', async () => {
    for (let topic = 0; topic < topics; topic++)
      await createTopic(client, { name: `scale-${topic}`, partitions: count / topics, replicationFactor })
    await until(leaderless)
  })
  await phase('settled', () => until(lacking))
  await phase('idle', () => new Promise(resolve => setTimeout(resolve, 15_000)))
  const times: number[] = []
  await phase('metadata of all, ten times', async () => {
    for (let i = 0; i < 10; i++) {
      const beganMs = performance.now()
      await client.fetchTopics(null)
      times.push(performance.now() - beganMs)
    }
    return `${Math.min(...times).toFixed(0)} ms at best`
  })
  const victim = 2
  const led = partitionsOf(await client.fetchTopics(null)).filter(({ leader }) => leader === victim).length
  await phase(`broker ${victim} killed, which led ${led}`, async () => {
    const back = cluster.nextRun(victim)
    process.kill(cluster.broker(victim).pid, 'SIGKILL')
    await until(all => partitionsOf(all).filter(({ leader }) => leader === victim || leader < 0).length)
    void back
  })
  await phase('back in sync', () => until(lacking))
  await phase('idle again', () => new Promise(resolve => setTimeout(resolve, 15_000)))
  await phase('drained', async () => {
    const { moves } = without(await stateOf(client), [3])
    const outcome = await runMoves(client, moves, {
      inFlight: 200,
      progress: new Progress(),
      stopping: new Stopping(client.clock)
    })
    return `${outcome.moved} moved, ${outcome.failed.length} failed`
  })
} finally {
  client.close()
  await cluster.remove()
}
