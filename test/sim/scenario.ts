import type { Partition } from '../../src/partition/partition.ts'
import type { Logger } from '../../src/std/log.ts'
import { below } from '../../src/std/random.ts'
import { type PartitionHistory, SimClients, valuesOf } from './clients.ts'
import { hostOf, SimCluster } from './cluster.ts'

const topic = 'sim'
const partitions = 2
/** Faults go on for so long. */
const troubleMs = 6000
/** After the last fault everything must be well within this. */
const recoveryMs = 30_000

export interface SimResult {
  readonly seed: number
  /** What went wrong; empty when nothing did. */
  readonly faults: readonly string[]
  readonly acknowledged: number
  readonly read: number
  /** What was done to the cluster. */
  readonly story: readonly string[]
}

/** Runs one seed: a cluster under clients and faults, then peace, then a look at what is left. */
export async function runSeed(seed: number, logger?: Logger): Promise<SimResult> {
  const sim = await SimCluster.open(seed, 3, logger)
  const story: string[] = [`min.insync.replicas=${sim.minInsyncReplicas}`]
  const faults: string[] = []
  const clients = new SimClients(sim, topic, partitions)
  try {
    for (const machine of sim.machines) void sim.start(machine)
    await sim.run(5000, () => sim.machines.every(machine => sim.isUp(machine)))
    await makeTopic(sim)
    sim.metastoreLoss = below(sim.random, 2) * 0.05
    for (const { metastore } of sim.machines) if (metastore) metastore.lossProbability = sim.metastoreLoss
    for (let partition = 0; partition < partitions; partition++) {
      clients.produce(partition, `idempotent-${partition}`, true)
      clients.produce(partition, `plain-${partition}`, false)
      clients.consume(partition)
    }
    await trouble(sim, story)
    sim.network.healAll()
    sim.network.latencyMaxMs = 2
    sim.metastoreLoss = 0
    for (const machine of sim.machines) {
      const { metastore } = machine
      machine.diskMs = 1
      if (!metastore) continue
      metastore.lossProbability = 0
      metastore.speak()
    }
    await sim.run(1000, () => startAll(sim))
    let ended = false
    void clients.stop().then(() => {
      ended = true
    })
    await sim.run(recoveryMs, () => startAll(sim) && ended && settled(sim))
    if (!ended) faults.push('clients still wait long after the last fault')
    if (!settled(sim)) faults.push(`the cluster did not recover: ${describe(sim)}`)
    else await check(sim, clients.histories, faults)
  } finally {
    sim.close()
  }
  for (const { index, anomalies } of clients.histories)
    for (const anomaly of anomalies) faults.push(`partition ${index}: ${anomaly}`)
  const acknowledged = clients.histories.flatMap(history => [...history.acknowledged.values()]).flat().length
  const read = clients.histories.reduce((sum, history) => sum + history.read.size, 0)
  return { seed, faults, acknowledged, read, story }
}

/** Starts who is down; some are still on their way to a clean end. True when all are up. */
function startAll(sim: SimCluster): boolean {
  for (const machine of sim.machines) if (!machine.life) void sim.start(machine)
  return sim.machines.every(machine => sim.isUp(machine))
}

async function makeTopic(sim: SimCluster): Promise<void> {
  const { node } = sim.machines[0]
  if (!node) throw new Error('the first broker did not start')
  let made = false
  const wanted = { name: topic, numPartitions: partitions, replicationFactor: 3, assignments: [], configs: [] }
  void node.broker.topics.create([wanted], false).then(([{ error, ...rest }]) => {
    if (error) throw new Error(`${error}: ${JSON.stringify(rest)}`)
    made = true
  })
  await sim.run(5000, () => made)
}

async function trouble(sim: SimCluster, story: string[]): Promise<void> {
  const { random, network, clock } = sim
  const beganMs = clock.monotonic()
  const tell = (what: string) => story.push(`${Math.round(clock.monotonic() - beganMs)} ms: ${what}`)
  const actions: [weight: number, act: () => void][] = [
    [
      4,
      () => {
        const up = sim.machines.filter(machine => machine.life)
        if (up.length === 0) return
        const machine = sim.pick(up)
        tell(`power loss of ${machine.nodeId}`)
        sim.kill(machine)
      }
    ],
    [
      6,
      () => {
        const down = sim.machines.filter(machine => !machine.life)
        if (down.length === 0) return
        const machine = sim.pick(down)
        tell(`start of ${machine.nodeId}`)
        void sim.start(machine)
      }
    ],
    [
      2,
      () => {
        const up = sim.machines.filter(machine => sim.isUp(machine))
        if (up.length === 0) return
        const machine = sim.pick(up)
        tell(`clean stop of ${machine.nodeId}`)
        sim.stop(machine).catch(() => {})
      }
    ],
    [
      3,
      () => {
        const [a, b] = [sim.pick(sim.machines), sim.pick(sim.machines)]
        if (a === b) return
        tell(`${a.nodeId} and ${b.nodeId} cut off from each other`)
        network.cut(hostOf(a.nodeId), hostOf(b.nodeId))
      }
    ],
    [
      2,
      () => {
        const machine = sim.pick(sim.machines)
        tell(`${machine.nodeId} cut off from the others`)
        for (const other of sim.machines)
          if (other !== machine) network.cut(hostOf(machine.nodeId), hostOf(other.nodeId))
      }
    ],
    [
      5,
      () => {
        tell('network whole')
        network.healAll()
      }
    ],
    [
      3,
      () => {
        const machine = sim.pick(sim.machines)
        machine.diskMs = 1 + below(random, 80)
        tell(`disk of ${machine.nodeId} takes up to ${machine.diskMs} ms`)
      }
    ],
    [
      1,
      () => {
        network.latencyMaxMs = 1 + below(random, 60)
        tell(`latencies up to ${network.latencyMaxMs} ms`)
      }
    ],
    [
      2,
      () => {
        const machine = sim.pick(sim.machines)
        tell(`${machine.nodeId} can't reach the metastore`)
        machine.metastore?.silence()
      }
    ],
    [
      3,
      () => {
        tell('the metastore is heard again')
        for (const machine of sim.machines) machine.metastore?.speak()
      }
    ],
    [
      1,
      () => {
        tell('power loss of all')
        for (const machine of sim.machines) if (machine.life) sim.kill(machine)
      }
    ]
  ]
  const total = actions.reduce((sum, [weight]) => sum + weight, 0)
  while (clock.monotonic() - beganMs < troubleMs) {
    await sim.run(20 + below(random, 500))
    let dice = below(random, total)
    for (const [weight, act] of actions) {
      dice -= weight
      if (dice >= 0) continue
      act()
      break
    }
  }
}

/** The replicas of each partition, by index. */
function replicasOf(sim: SimCluster): Partition[][] {
  return Array.from({ length: partitions }, (_, index) =>
    sim.machines.flatMap(({ node }) => {
      const topicId = node?.broker.control.image.topic(topic)?.topicId
      const partition = topicId && node?.broker.partitions.ofTopic(topicId)[index]
      return partition || []
    })
  )
}

/** Everybody is there, in sync, and has everything. */
function settled(sim: SimCluster): boolean {
  if (!sim.machines.every(machine => sim.isUp(machine))) return false
  return replicasOf(sim).every(replicas => {
    const leader = replicas.find(replica => replica.leader)
    if (replicas.length !== sim.machines.length || leader?.leader?.isr.length !== replicas.length) return false
    return replicas.every(
      ({ log }) => log.endOffset === leader.highWatermark && log.durableEndOffset === leader.highWatermark
    )
  })
}

function describe(sim: SimCluster): string {
  const brokers = sim.machines.map(machine => `${machine.nodeId}${sim.isUp(machine) ? '' : ' down'}`)
  const replicas = replicasOf(sim).flatMap(list =>
    list.map(({ index, leader, follower, highWatermark, log }) => {
      const role = leader ? `leads ${leader.isr}` : follower ? 'follows' : 'nothing'
      return `${index}: ${role} hw ${highWatermark} durable ${log.durableEndOffset} end ${log.endOffset} ${log.failure ?? ''}`
    })
  )
  return [...brokers, ...replicas].join('; ')
}

async function check(sim: SimCluster, histories: readonly PartitionHistory[], faults: string[]): Promise<void> {
  for (const [index, replicas] of replicasOf(sim).entries()) {
    const contents: Buffer[] = []
    void Promise.all(replicas.map(contentOf)).then(read => contents.push(...read))
    await sim.run(5000, () => contents.length > 0)
    if (contents.length === 0) {
      faults.push(`partition ${index} could not be read`)
      continue
    }
    if (contents.some(content => !content.equals(contents[0]))) faults.push(`the replicas of partition ${index} differ`)
    checkHistory(histories[index], valuesOf(contents[0]), faults)
  }
}

async function contentOf({ log }: Partition): Promise<Buffer> {
  const chunks: Buffer[] = []
  for (let offset = log.startOffset; offset < log.endOffset; ) {
    const read = await log.read(offset, { maxBytes: 1 << 20, atLeastOne: true, below: log.endOffset })
    for (const chunk of read.chunks) chunks.push(Buffer.from(chunk))
    read.release()
    if (read.nextOffset <= offset) throw new Error(`nothing to read at ${offset}`)
    offset = read.nextOffset
  }
  return Buffer.concat(chunks)
}

/** Holds what clients were told against what is there. */
export function checkHistory(
  { index, acknowledged, idempotent, read }: PartitionHistory,
  content: readonly [number, string][],
  faults: string[]
): void {
  const fault = (what: string) => faults.push(`partition ${index}: ${what}`)
  const byOffset = new Map(content)
  for (const list of acknowledged.values())
    for (const { value, offset } of list) {
      const there = byOffset.get(offset)
      if (there !== value) fault(`${value} was acknowledged at ${offset}, where there is ${there ?? 'nothing'}`)
    }
  for (const [offset, value] of read) {
    const there = byOffset.get(offset)
    if (there !== value) fault(`${value} was read at ${offset}, where there is ${there ?? 'nothing'} now`)
  }
  for (const name of idempotent) {
    const numbers = content.filter(([, value]) => value.startsWith(`${name}:`)).map(([, value]) => number(value))
    for (const [at, found] of numbers.entries())
      if (found !== at) {
        fault(`record ${at} of ${name} is followed by, or is, ${found}: lost, doubled or reordered`)
        break
      }
  }
  for (const [name, list] of acknowledged)
    for (let at = 1; at < list.length; at++)
      if (list[at].offset <= list[at - 1].offset) fault(`${name} was acknowledged out of order at ${list[at].offset}`)
}

const number = (value: string): number => Number(value.slice(value.indexOf(':') + 1))
