/**
 * `node --import tsx bench/moves.ts [--megabytes N] [--throttle BYTES]`: what a producer of one topic notices while others move: a broker is
 * added to three and gets its share, another one is drained. Gives the bytes that were copied, times, and its p50, p99 and slowest.
 */
import { parseArgs } from 'node:util'
import { without } from '../src/cli/cluster/drain.ts'
import { bytesOf } from '../src/cli/cluster/plan-text.ts'
import { runMoves } from '../src/cli/cluster/run-moves.ts'
import { type ClusterState, stateOf } from '../src/cli/cluster/state.ts'
import { clearThrottle, setThrottle } from '../src/cli/cluster/throttle.ts'
import { Progress } from '../src/cli/progress.ts'
import { Stopping } from '../src/cli/stopping.ts'
import { Cluster, ensureOk } from '../src/client/cluster.ts'
import { Producer } from '../src/client/producer.ts'
import { type MovePlan, MovePlanner } from '../src/control/move-plan.ts'
import { connectTcp } from '../src/run/connect.ts'
import { systemClock, systemRandom } from '../src/run/system.ts'
import { CreateTopics } from '../src/wire/kafka/messages/create-topics.ts'
import { startNaruCluster } from '../test/support/naru-cluster.ts'

const { values } = parseArgs({
  options: {
    megabytes: { type: 'string', default: '300' },
    partitions: { type: 'string', default: '24' },
    throttle: { type: 'string' },
    seconds: { type: 'string', default: '15' }
  }
})
const partitions = Number(values.partitions)
const throttle = values.throttle === undefined ? undefined : Number(values.throttle)

const cluster = await startNaruCluster({
  brokers: 4,
  settings: { 'offsets.topic.num.partitions': '3', 'min.insync.replicas': '2' }
})
const connect = () =>
  new Cluster({
    bootstrap: cluster.bootstrap.split(','),
    connect: connectTcp,
    clock: systemClock,
    random: systemRandom
  })
const client = connect()

/** On brokers 1 to 3: the fourth comes later. */
async function make(name: string, count: number): Promise<void> {
  const assignments = Array.from({ length: count }, (_, partitionIndex) => ({
    partitionIndex,
    brokerIds: [0, 1, 2].map(at => 1 + ((partitionIndex + at) % 3))
  }))
  const made = await client.askController(CreateTopics, {
    topics: [{ name, numPartitions: -1, replicationFactor: -1, assignments, configs: [] }],
    timeoutMs: 30_000
  })
  ensureOk(made.topics[0].errorCode, name)
}

const latencies: number[] = []
let watching = true
let failures = 0

/** Five records at a time, fifty times a second, each acknowledged by all replicas in sync. */
async function bystand(): Promise<void> {
  const own = connect()
  const producer = new Producer(own, { lingerMs: 0 })
  while (watching) {
    const beganMs = performance.now()
    const sent = Array.from({ length: 5 }, (_, partition) =>
      producer.send({ topic: 'bystander', partition: partition % 3, value: Buffer.alloc(1000) }).then(
        () => latencies.push(performance.now() - beganMs),
        () => failures++
      )
    )
    await Promise.race([Promise.all(sent), new Promise(resolve => setTimeout(resolve, 20))])
    await new Promise(resolve => setTimeout(resolve, Math.max(0, 20 - (performance.now() - beganMs))))
  }
  await producer.close()
  own.close()
}

async function phase(name: string, work: () => Promise<string | undefined>): Promise<void> {
  latencies.length = 0
  const beganMs = performance.now()
  const said = await work()
  const seconds = (performance.now() - beganMs) / 1000
  const sorted = latencies.toSorted((a, b) => a - b)
  const at = (share: number) => (sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0).toFixed(1)
  console.log(
    `${name.padEnd(10)} ${seconds.toFixed(1).padStart(6)} s  p50 ${at(0.5)} ms  p99 ${at(0.99)} ms  slowest ${at(1)} ms  ${sorted.length} records, ${failures} failed${said ? `; ${said}` : ''}`
  )
}

async function move(planner: (state: ClusterState) => MovePlan): Promise<string> {
  const { moves } = planner(await stateOf(client))
  if (throttle !== undefined) await setThrottle(client, moves, throttle)
  const outcome = await runMoves(client, moves, {
    inFlight: 32,
    progress: new Progress(),
    stopping: new Stopping(client.clock)
  })
  if (throttle !== undefined) await clearThrottle(client)
  const bytes = moves.reduce((sum, one) => sum + bytesOf(one), 0)
  return `${outcome.moved} partitions moved, ${(bytes / 1e6).toFixed(0)} MB copied, ${outcome.failed.length} failed`
}

const calm = () =>
  new Promise<undefined>(resolve => setTimeout(() => resolve(undefined), Number(values.seconds) * 1000))

try {
  await make('bystander', 3)
  await make('heavy', partitions)
  const filler = new Producer(client)
  const records = (Number(values.megabytes) * 1e6) / 10_000
  for (let record = 0; record < records; record++) {
    await filler.ready()
    void filler.send({ topic: 'heavy', partition: record % partitions, value: Buffer.alloc(10_000) })
  }
  await filler.close()
  const standing = bystand()
  await phase('before', calm)
  await phase('added', () =>
    move(({ sites, partitions: all }) =>
      new MovePlanner(sites, all)
        .even(new Set([4]))
        .spreadLeaders()
        .plan()
    )
  )
  await phase('between', calm)
  await phase('drained', () => move(state => without(state, [1])))
  await phase('after', calm)
  watching = false
  await standing
} finally {
  client.close()
  await cluster.remove()
}
