import { offsetsTopic } from '../../src/broker/broker.ts'
import type { NewTopic } from '../../src/broker/topics.ts'
import { messageOf } from '../../src/std/errors.ts'
import type { Logger } from '../../src/std/log.ts'
import { Anomalies, type Anomaly } from './anomaly.ts'
import { checkGroup } from './checks/groups.ts'
import { checkHistory } from './checks/history.ts'
import { allReplicas, type Content, compareReplicas, contentOf, type Replicas, unsettled } from './checks/replicas.ts'
import { SimClients } from './clients/clients.ts'
import { SimCluster } from './cluster.ts'
import { disturb, makePeace, startAll } from './faults.ts'
import { planOf, type TopicPlan } from './plan.ts'

/** After the last fault everything must be well, and clients have got on, within this. */
const recoveryMs = 40_000

export interface SimResult {
  readonly seed: number
  /** What went wrong; empty when nothing did. */
  readonly anomalies: readonly Anomaly[]
  readonly acknowledged: number
  readonly read: number
  /** What was done to the cluster. */
  readonly story: readonly string[]
  /** How often it came to which state. */
  readonly coverage: Readonly<Record<string, number>>
}

/** Runs one seed: a cluster under clients and faults, then peace, then a look at what is left. */
export async function runSeed(seed: number, logger?: Logger, plan = planOf(seed)): Promise<SimResult> {
  const sim = await SimCluster.open(seed, logger, plan)
  const story = [describePlan(sim)]
  const anomalies = new Anomalies()
  const clients = new SimClients(sim)
  try {
    for (const machine of sim.machines) machine.start()
    await sim.run(5000, () => sim.machines.every(({ isUp }) => isUp))
    for (const topic of plan.topics) await makeTopic(sim, topic)
    clients.start()
    sim.coordination.lossProbability = plan.lossProbability
    await trouble(sim, story)
    makePeace(sim)
    await recover(sim, clients, anomalies)
    if (anomalies.isEmpty) await check(sim, clients, anomalies)
  } catch (error) {
    anomalies.add('stuck', `the simulation broke: ${error instanceof Error ? error.stack : error}`)
  } finally {
    sim.close()
  }
  for (const partition of clients.partitions) anomalies.addAll(partition.anomalies, partition.name)
  anomalies.addAll(clients.topics.anomalies, 'passing topics')
  anomalies.addAll(clients.group.anomalies, clients.group.groupId)
  anomalies.addAll(sim.partitions.anomalies, 'metastore')
  const acknowledged = clients.partitions.reduce((sum, partition) => sum + partition.acknowledgedCount, 0)
  const read = clients.partitions.reduce((sum, partition) => sum + partition.read.size, 0)
  const coverage = Object.fromEntries(sim.coverage.counts)
  return { seed, anomalies: anomalies.list, acknowledged, read, story, coverage }
}

function describePlan({ plan }: SimCluster): string {
  const topics = plan.topics.map(({ name, partitions, replicas, minInsyncReplicas, pageCache, compacted, unclean }) =>
    [
      `${name}: ${partitions} partitions, ${replicas} replicas, min.insync.replicas=${minInsyncReplicas}`,
      pageCache ? ', page cache' : '',
      compacted ? ', compacted' : '',
      unclean ? ', unclean elections' : ''
    ].join('')
  )
  const rest = `${plan.members} members, changes lost ${plan.lossProbability}, watches late ${plan.watchDelayMaxMs} ms`
  return `${plan.brokers} brokers; ${topics.join('; ')}; ${rest}`
}

/** Makes a topic and waits until it is there. */
export async function makeTopic(sim: SimCluster, plan: TopicPlan): Promise<void> {
  const { node } = sim.machines[0]
  if (!node) throw new Error('the first broker did not start')
  const configs = { 'min.insync.replicas': String(plan.minInsyncReplicas) } as Record<string, string>
  if (plan.pageCache) configs['flush.messages'] = '9223372036854775807'
  if (plan.unclean) configs['unclean.leader.election.enable'] = 'true'
  if (plan.compacted) Object.assign(configs, { 'cleanup.policy': 'compact', 'min.cleanable.dirty.ratio': '0.01' })
  const wanted: NewTopic = {
    name: plan.name,
    numPartitions: plan.partitions,
    replicationFactor: plan.replicas,
    assignments: [],
    configs: Object.entries(configs).map(([name, value]) => ({ name, value }))
  }
  const [made] = await sim.during(node.broker.topics.create([wanted], false))
  if (made.error) throw new Error(`no topic: ${made.error}`)
}

async function trouble(sim: SimCluster, story: string[]): Promise<void> {
  const { plan, clock } = sim
  const beganMs = clock.monotonic()
  while (clock.monotonic() - beganMs < plan.troubleMs) {
    await sim.run(10 + sim.below(plan.calmMaxMs))
    const done = disturb(sim)
    if (done) story.push(`${Math.round(clock.monotonic() - beganMs)} ms: ${done}`)
  }
}

/** Everything comes back by itself, once processes are started that had ended: brokers, and clients too. */
async function recover(sim: SimCluster, clients: SimClients, anomalies: Anomalies): Promise<void> {
  const before = clients.progress()
  const stuck = () => {
    const now = clients.progress()
    return [...before].filter(([name, count]) => (now.get(name) ?? 0) <= count).map(([name]) => name)
  }
  const beganMs = sim.clock.monotonic()
  let lookedMs = 0
  const until = (isDone: () => boolean) =>
    sim.run(recoveryMs - (sim.clock.monotonic() - beganMs), () => {
      // Looking at everything costs more than most steps do.
      if (sim.clock.monotonic() < lookedMs + 20) return false
      lookedMs = sim.clock.monotonic()
      startAll(sim)
      return isDone()
    })
  await until(() => sim.machines.every(({ isUp }) => isUp) && stuck().length === 0)
  for (const name of stuck()) anomalies.add('stuck', `long after the last fault: not ${name}`)
  let ended = false
  void clients.stop().then(() => {
    ended = true
  })
  await until(() => ended && unsettled(sim).length === 0)
  if (!ended) anomalies.add('stuck', 'clients still wait long after the last fault')
  for (const what of unsettled(sim)) anomalies.add('stuck', `the cluster did not recover: ${what}`)
  sim.coverage.count(`recovered within ${Math.ceil((sim.clock.monotonic() - beganMs) / 10_000) * 10} s`)
}

function endsOf(sim: SimCluster): string {
  return String(allReplicas(sim).flatMap(({ list }) => list.map(({ log }) => log.endOffset)))
}

/** All replicas with what they hold. One that is found to be damaged must come to be whole again. */
async function readAll(
  sim: SimCluster,
  anomalies: Anomalies
): Promise<(Replicas & { readonly contents: Content[] })[]> {
  for (let tries = 0; ; tries++) {
    const failed: string[] = []
    const read: (Replicas & { readonly contents: Content[] })[] = []
    const ends = endsOf(sim)
    for (const replicas of allReplicas(sim)) {
      const contents = await sim
        .during(Promise.all(replicas.list.map(contentOf)))
        .catch(error => void failed.push(`${replicas.topic.name}-${replicas.index}: ${messageOf(error)}`))
      if (contents) read.push({ ...replicas, contents })
    }
    // What was sent with acks=0 may be on its way when its producer has ended.
    if (failed.length === 0 && tries < 3 && endsOf(sim) !== ends) {
      await sim.run(recoveryMs, () => unsettled(sim).length === 0)
      for (const what of unsettled(sim)) anomalies.add('stuck', `the cluster did not come to rest: ${what}`)
      continue
    }
    if (failed.length === 0) return read
    // A replica that was moved away went while it was read: those that stay are read again.
    const isMoving = failed.every(what => what.endsWith('the log was deleted'))
    const { flipped } = sim
    if (tries === 3 || !(flipped || isMoving)) {
      for (const what of failed) anomalies.add('unreadable', what)
      return read
    }
    if (isMoving || !flipped) {
      await sim.run(1000, () => false)
      continue
    }
    // What was found is mended when the broker starts next.
    await sim.during(flipped.stop(), 20_000)
    flipped.start()
    await sim.run(recoveryMs, () => unsettled(sim).length === 0)
    for (const what of unsettled(sim)) anomalies.add('stuck', `damaged replicas were not mended: ${what}`)
  }
}

async function check(sim: SimCluster, clients: SimClients, anomalies: Anomalies): Promise<void> {
  for (const replicas of await readAll(sim, anomalies)) {
    const { topic, index, contents } = replicas
    compareReplicas(replicas, contents, anomalies)
    const history = clients.partitions.find(one => one.topic.name === topic.name && one.index === index)
    const wasMoved = sim.coverage.counts.has('replicas moved')
    if (history) checkHistory(history, { content: contents[0], wasMoved }, anomalies)
    if (topic.name === offsetsTopic) checkGroup(clients.group, contents, anomalies)
  }
}
