import { setTimeout as sleep } from 'node:timers/promises'
import { below, type Random } from '../../../src/std/random.ts'
import { coordinatorOf, until, view } from './ask.ts'
import type { Clients } from './clients.ts'
import type { LinkMode } from './proxy.ts'
import type { FaultyCluster, Victim } from './victims.ts'

/** What a fault works on. */
export interface FaultWorld {
  readonly cluster: FaultyCluster
  readonly clients: Clients
  readonly topic: string
  readonly partitions: number
  readonly group: string
  /** Decides whom it hits and for how long. */
  readonly random: Random
}

/** What was done, and to which partitions' leader, where it is to one. */
export interface Done {
  readonly text: string
  readonly partition?: number
  /** Asked when all is well again: what should not have come of it. */
  readonly misdeeds?: () => Promise<readonly string[]>
}

/** Does one fault, and undoes it; that the cluster gets well again is waited for by whoever calls. */
export type Fault = (world: FaultWorld) => Promise<Done>

const pick = <T>(random: Random, items: readonly T[]): T => items[below(random, items.length)]

async function leaderOf({ cluster, topic }: FaultWorld, partition: number): Promise<Victim> {
  const seen = await view(cluster.bootstraps, topic)
  const leader = seen?.partitions[partition].leader
  const victim = cluster.brokers.find(({ nodeId }) => nodeId === leader)
  if (!victim) throw new Error(`partition ${partition} has no leader: ${JSON.stringify(seen?.partitions)}`)
  return victim
}

export const killLeader: Fault = async world => {
  const partition = below(world.random, world.partitions)
  const leader = await leaderOf(world, partition)
  await leader.kill()
  return { text: `kill -9 ${leader.name}, leader of ${partition}`, partition }
}

const killFollower: Fault = async world => {
  const partition = below(world.random, world.partitions)
  const leader = await leaderOf(world, partition)
  const follower = pick(
    world.random,
    world.cluster.brokers.filter(broker => broker !== leader)
  )
  await follower.kill()
  return { text: `kill -9 ${follower.name}, follower of ${partition}`, partition }
}

const killCoordinator: Fault = async ({ cluster, group }) => {
  const nodeId = await coordinatorOf(cluster.bootstraps, group)
  const victim = cluster.brokers.find(broker => broker.nodeId === nodeId)
  if (!victim) throw new Error(`group ${group} has no coordinator`)
  await victim.kill()
  return { text: `kill -9 ${victim.name}, coordinator of the group` }
}

const killController: Fault = async ({ cluster, topic }) => {
  const seen = await view(cluster.bootstraps, topic)
  const victim = cluster.brokers.find(({ nodeId }) => nodeId === seen?.controller)
  if (!victim) throw new Error('there is no controller')
  await victim.kill()
  return { text: `kill -9 ${victim.name}, the controller` }
}

const pauseLeader: Fault = async world => {
  const partition = below(world.random, world.partitions)
  const leader = await leaderOf(world, partition)
  const forMs = 500 + below(world.random, 5500)
  leader.pause()
  await sleep(forMs)
  leader.resume()
  return { text: `${leader.name}, leader of ${partition}, stopped for ${forMs} ms`, partition }
}

const killAll: Fault = async ({ cluster }) => {
  await Promise.all(cluster.brokers.map(broker => broker.kill()))
  return { text: 'kill -9 all brokers at once' }
}

const killOther: Fault = async ({ cluster, random }) => {
  const victim = pick(random, cluster.others)
  await victim.kill()
  return { text: `kill -9 ${victim.name}` }
}

const pauseOther: Fault = async ({ cluster, random }) => {
  const victim = pick(random, cluster.others)
  const forMs = 500 + below(random, 5500)
  victim.pause()
  await sleep(forMs)
  victim.resume()
  return { text: `${victim.name} stopped for ${forMs} ms` }
}

/** One after the other, each when the one before it is in sync again. */
const rollingRestart: Fault = async ({ cluster, topic }) => {
  for (const broker of cluster.brokers) {
    await broker.restart()
    await cluster.healed([topic, '__consumer_offsets'])
  }
  return { text: 'rolling restart' }
}

/**
 * Brokers are replaced by those of another build, and again by those of the one that they began with. `upgrade` does it to all, one after
 * the other, each when the one before it is in sync again; the next time back. `upgrade-one` does it to one, so that both builds go on
 * side by side.
 */
export function upgradesOf([old, next]: readonly [Build, Build]) {
  const upgraded = new Set<Victim>()
  const replace = async (broker: Victim, to: Build) => {
    await broker.replace!(to.command)
    if (to === next) upgraded.add(broker)
    else upgraded.delete(broker)
  }
  return {
    async upgrade({ cluster, topic }) {
      const to = upgraded.size < cluster.brokers.length ? next : old
      for (const broker of cluster.brokers) {
        await replace(broker, to)
        await cluster.healed([topic, '__consumer_offsets'])
      }
      return { text: `all brokers to ${to.name}` }
    },
    async 'upgrade-one'({ cluster, random }) {
      const broker = pick(random, cluster.brokers)
      const to = upgraded.has(broker) ? old : next
      await replace(broker, to)
      return { text: `${broker.name} to ${to.name}; ${upgraded.size} of ${cluster.brokers.length} have the new build` }
    }
  } satisfies Record<string, Fault>
}

/** A build of Naru: its `dist/cli/main.js`, and what it is called. */
export interface Build {
  readonly name: string
  readonly command: string
}

const disturbLink =
  (mode: (random: Random) => LinkMode, what: string): Fault =>
  async ({ cluster, random }) => {
    const link = pick(random, cluster.links)
    const forMs = 200 + below(random, 4800)
    await link.set(mode(random))
    await sleep(forMs)
    await link.open()
    return { text: `${link.name} ${what} for ${forMs} ms` }
  }

const fillDisk: Fault = async ({ cluster, clients, random }) => {
  const { name, disk } = pick(random, cluster.disks)
  const forMs = 500 + below(random, 4000)
  const fromMs = Date.now()
  const isFound = () =>
    cluster
      .output()
      .split('\n')
      .some(line => line.includes('the disk is full') && Date.parse(JSON.parse(line).time) >= fromMs)
  disk.fill()
  // Small records would take long to run into it.
  clients.paddingBytes = 64 * 1024
  try {
    await until(isFound, 'the broker finds its disk full')
    await sleep(forMs)
  } finally {
    clients.paddingBytes = 0
    disk.free()
  }
  return { text: `${name} full for ${forMs} ms` }
}

/**
 * The wall clock goes ahead by hours and comes back, or falls behind by minutes. Records that clients stamp by a right clock
 * stay within message.timestamp.after.max.ms (an hour), beyond which Kafka refuses them too.
 */
function stepOf(random: Random): { text: string; offsetMs: number } {
  const ahead = below(random, 3) > 0
  const minutes = ahead ? 5 + below(random, 12 * 60) : 1 + below(random, 50)
  return { text: `${minutes} minutes ${ahead ? 'ahead' : 'behind'}`, offsetMs: (ahead ? minutes : -minutes) * 60_000 }
}

/** Of one broker; any when absent. Nobody may notice: it has nothing to do with how long anything takes. */
export const stepClock =
  (at?: number): Fault =>
  async ({ cluster, topic, random }) => {
    const { name, clock } = cluster.clocks[at ?? below(random, cluster.clocks.length)]
    const { text, offsetMs } = stepOf(random)
    const forMs = 1000 + below(random, 4000)
    const before = await view(cluster.bootstraps, topic)
    clock.set(offsetMs)
    await sleep(forMs)
    clock.set(0)
    return {
      text: `clock of ${name} ${text} for ${forMs} ms`,
      async misdeeds() {
        const now = await view(cluster.bootstraps, topic)
        const moved = (now?.partitions ?? []).filter(
          // Those that were given back to their preferred replica have another reason.
          ({ leader, replicas }, index) => leader !== before?.partitions[index].leader && leader !== replicas[0]
        )
        return moved.map(({ index, leader }) => `broker ${leader} leads ${index} since a clock was set`)
      }
    }
  }

/** A broker dies and starts with a wrong clock, which is put right when it serves. */
export const startWithWrongClock: Fault = async ({ cluster, topic, random }) => {
  const at = below(random, cluster.clocks.length)
  const { name, clock } = cluster.clocks[at]
  const { text, offsetMs } = stepOf(random)
  clock.set(offsetMs)
  await Promise.all((cluster.clocks.length > 1 ? [cluster.brokers[at]] : cluster.brokers).map(broker => broker.kill()))
  await cluster.healed([topic, '__consumer_offsets'])
  clock.set(0)
  return { text: `kill -9 ${name}, started with a clock ${text}` }
}

export const processFaults = {
  'leader-kill': killLeader,
  'follower-kill': killFollower,
  'coordinator-kill': killCoordinator,
  'controller-kill': killController,
  'leader-pause': pauseLeader,
  'all-kill': killAll,
  'supervisor-kill': killOther,
  'supervisor-pause': pauseOther,
  'rolling-restart': rollingRestart
} satisfies Record<string, Fault>

/** By what they need: a cluster may have no links to cut, or no disks to fill. */
export function faultsOf(cluster: FaultyCluster): Record<string, Fault> {
  return {
    ...processFaults,
    ...(cluster.links.length > 0 ? linkFaults : {}),
    ...(cluster.disks.length > 0 ? { 'disk-full': fillDisk } : {}),
    ...(cluster.clocks.length > 0 ? clockFaults : {})
  }
}

const clockFaults = { 'clock-step': stepClock(), 'clock-wrong-at-start': startWithWrongClock } satisfies Record<
  string,
  Fault
>

const linkFaults = {
  'link-cut': disturbLink(() => ({ type: 'cut' }), 'cut'),
  'link-silent': disturbLink(() => ({ type: 'silent' }), 'silent'),
  'link-delay': disturbLink(random => ({ type: 'delay', ms: 10 + below(random, 200) }), 'slow')
} satisfies Record<string, Fault>
