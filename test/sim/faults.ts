import { below, chance } from '../../src/std/random.ts'
import type { SimCluster } from './cluster.ts'
import { flipJournalBit, flipSegmentBit } from './flips.ts'
import type { Machine } from './machine.ts'

/** What may be done to a cluster. Each gives a line for the story, or nothing when there was nothing to do. */
type Fault = (sim: SimCluster) => string | undefined

/** By then followers that are cut off have left the ISR. */
const lastInSyncMs = 2200

const upOf = (sim: SimCluster): Machine[] => sim.machines.filter(({ life }) => life)

function one(sim: SimCluster, of: readonly Machine[], act: (machine: Machine) => string | undefined) {
  return of.length === 0 ? undefined : act(sim.pick(of))
}

const faults = {
  'power loss': sim =>
    one(sim, upOf(sim), machine => {
      machine.losePower()
      return `power loss of ${machine.nodeId}`
    }),
  'process killed': sim =>
    one(sim, upOf(sim), machine => {
      machine.kill()
      return `kill -9 of ${machine.nodeId}`
    }),
  'clean stop': sim =>
    one(
      sim,
      sim.machines.filter(({ isUp }) => isUp),
      machine => {
        machine.stop().catch(() => {})
        return `clean stop of ${machine.nodeId}`
      }
    ),
  pause: sim =>
    one(sim, upOf(sim), machine => {
      const { life } = machine
      life?.pause()
      const forMs = 100 + below(sim.random, 5000)
      sim.clock.after(forMs, () => life?.resume())
      return `${machine.nodeId} stands still for ${forMs} ms`
    }),
  'all powerless': sim => {
    for (const machine of sim.machines) if (machine.life) machine.losePower()
    return 'power loss of all'
  },
  'all killed': sim => {
    for (const machine of sim.machines) if (machine.life) machine.kill()
    return 'kill -9 of all'
  },
  'rolling restart': sim => {
    const next = ([machine, ...rest]: readonly Machine[]): void => {
      if (!machine || sim.isOver || sim.isPeace) return
      void machine
        .stop()
        .catch(() => {})
        .then(() => {
          if (sim.isOver) return
          if (!machine.life) machine.start()
          sim.clock.after(300, () => next(rest))
        })
    }
    next(sim.machines)
    return 'rolling restart'
  },
  'cut between two': sim => {
    const [a, b] = [sim.pick(sim.machines), sim.pick(sim.machines)]
    if (a === b) return undefined
    sim.network.cut(a.host, b.host)
    return `${a.nodeId} and ${b.nodeId} cut off from each other`
  },
  'cut of one': sim =>
    one(sim, sim.machines, machine => {
      for (const other of sim.machines) if (other !== machine) sim.network.cut(machine.host, other.host)
      return `${machine.nodeId} cut off from the other brokers`
    }),
  'one-way cut': sim => {
    const [a, b] = [sim.pick(sim.machines), sim.pick(sim.machines)]
    if (a === b) return undefined
    sim.network.cutWay(a.host, b.host)
    return `nothing arrives from ${a.nodeId} at ${b.nodeId}`
  },
  'connections reset': sim =>
    one(sim, sim.machines, machine => {
      let count = 0
      for (const end of sim.network.endsOf(machine.host))
        if (chance(sim.random, 0.5)) {
          end.fall()
          count++
        }
      return `${count} connections of ${machine.nodeId} are reset`
    }),
  'connections forgotten': sim =>
    one(sim, sim.machines, machine => {
      let count = 0
      for (const end of sim.network.endsOf(machine.host))
        if (chance(sim.random, 0.5)) {
          end.forget()
          count++
        }
      return `${count} connections of ${machine.nodeId} are half open`
    }),
  latency: sim => {
    sim.network.latencyMaxMs = 1 + below(sim.random, 60)
    sim.network.spikes = chance(sim.random, 0.5) ? 0.02 : 0
    return `latencies up to ${sim.network.latencyMaxMs} ms${sim.network.spikes ? ', some of them ten times that' : ''}`
  },
  'slow disk': sim =>
    one(sim, sim.machines, machine => {
      machine.diskMs = 1 + below(sim.random, chance(sim.random, 0.2) ? 1000 : 80)
      return `disk of ${machine.nodeId} takes up to ${machine.diskMs} ms`
    }),
  'full disk': sim =>
    one(sim, sim.machines, machine => {
      machine.disk.capacityBytes = machine.disk.usedBytes + below(sim.random, 8192)
      return `disk of ${machine.nodeId} is full`
    }),
  'failing disk': sim =>
    one(sim, sim.machines, machine => {
      if (sim.machines.some(({ disk }) => disk.faults.sync > 0)) return undefined
      machine.disk.faults.sync = 0.05
      machine.disk.faults.write = 0.01
      return `disk of ${machine.nodeId} fails now and then`
    }),
  'bit flip': sim => {
    // One machine only: what is damaged everywhere is lost.
    sim.flipped ??= sim.pick(sim.machines)
    return flipSegmentBit(sim, sim.flipped)
  },
  'journal bit flip': sim => {
    sim.flipped ??= sim.pick(sim.machines)
    return flipJournalBit(sim, sim.flipped)
  },
  'clock jump': sim =>
    one(sim, sim.machines, machine => {
      const { time } = machine
      time.wrongMs = (below(sim.random, 2001) - 1000) * (chance(sim.random, 0.5) ? 3600 : 10)
      return `wall clock of ${machine.nodeId} is ${time.wrongMs} ms off`
    }),
  'clock rate': sim =>
    one(sim, sim.machines, machine => {
      const rate = 0.5 + below(sim.random, 150) / 100
      machine.time.runAt(rate)
      return `clocks of ${machine.nodeId} run ${rate} times as fast`
    }),
  'metastore unheard': sim =>
    one(sim, upOf(sim), machine => {
      if (machine.metastore) machine.metastore.silent = true
      return `${machine.nodeId} can't reach the metastore`
    }),
  'metastore down': sim => {
    sim.coordination.goDown()
    sim.clock.after(200 + below(sim.random, 4000), () => sim.coordination.comeBack())
    return 'the metastore is down'
  },
  'metastore full': sim => {
    sim.coordination.isFull = true
    return 'the metastore has no space left'
  },
  'lease ended': sim =>
    one(sim, upOf(sim), machine => {
      if (machine.metastore) sim.coordination.endLeases(machine.metastore)
      return `leases of ${machine.nodeId} end`
    }),
  'one left behind': sim =>
    // The controller must hear of it, or nobody is elected.
    one(
      sim,
      upOf(sim).filter(({ nodeId }) => nodeId !== sim.controllerId),
      machine => {
        const others = upOf(sim).filter(other => other !== machine)
        if (others.length < 2) return undefined
        const [first, second] = others.splice(below(sim.random, others.length - 1), 2)
        if (machine.metastore) machine.metastore.silent = true
        sim.network.cut(first.host, second.host)
        const later = (ms: number, act: () => void) => sim.clock.after(ms, () => !sim.isOver && act())
        const endLeases = ({ metastore }: Machine) => metastore && sim.coordination.endLeases(metastore)
        // What the first one led the second one leads, without the last records, and back again, before the machine hears of either.
        later(60, () => endLeases(first))
        later(250, () => sim.network.healAll())
        later(800, () => endLeases(second))
        later(1400, () => machine.metastore?.speak(false))
        return `leaders go from ${first.nodeId} to ${second.nodeId} and back, and ${machine.nodeId} does not hear of it`
      }
    ),
  'last in sync gone': sim => {
    // Somebody must be there to elect another.
    const leaders = sim.partitions.mayElectAnyone().filter(nodeId => nodeId !== sim.controllerId)
    return one(
      sim,
      upOf(sim).filter(({ nodeId }) => leaders.includes(nodeId)),
      machine => {
        for (const other of sim.machines) if (other !== machine) sim.network.cut(machine.host, other.host)
        sim.clock.after(lastInSyncMs, () => {
          const { life, metastore } = machine
          if (sim.isOver || sim.isPeace || !life || !metastore) return
          sim.coordination.endLeases(metastore)
          machine.kill()
          sim.network.healAll()
        })
        return `${machine.nodeId} cut off until it is the last in sync, then kill -9`
      }
    )
  }
} satisfies Record<string, Fault>

export type FaultName = keyof typeof faults
/** Plans say themselves when these are tried. */
const onPurpose: readonly FaultName[] = ['one left behind', 'last in sync gone', 'journal bit flip']
/** Those that plans are drawn from. */
export const faultNames = (Object.keys(faults) as FaultName[]).filter(name => !onPurpose.includes(name))

/** What undoes faults; always among what may be done next. */
const remedies: [weight: number, remedy: Fault][] = [
  [
    8,
    sim =>
      one(
        sim,
        sim.machines.filter(({ life }) => !life),
        machine => {
          machine.start()
          return `start of ${machine.nodeId}`
        }
      )
  ],
  [
    4,
    sim => {
      sim.network.healAll()
      return 'network whole'
    }
  ],
  [
    4,
    sim => {
      sim.coordination.comeBack()
      sim.coordination.isFull = false
      for (const { metastore } of sim.machines) metastore?.speak(chance(sim.random, 0.6))
      return 'the metastore is heard'
    }
  ],
  [
    2,
    sim =>
      one(sim, sim.machines, machine => {
        repairDisk(machine)
        if (machine.isBroken) machine.kill()
        return `disk of ${machine.nodeId} is well`
      })
  ]
]

function repairDisk({ disk }: Machine): void {
  disk.capacityBytes = Number.POSITIVE_INFINITY
  disk.faults.sync = 0
  disk.faults.write = 0
}

/** Does one thing, by the weights of the plan. */
export function disturb(sim: SimCluster): string | undefined {
  const likely = [...sim.plan.faults].map(([name, weight]): [number, Fault, FaultName?] => [weight, faults[name], name])
  const choices = [...likely, ...remedies] as [number, Fault, FaultName?][]
  let dice = below(
    sim.random,
    choices.reduce((sum, [weight]) => sum + weight, 0)
  )
  for (const [weight, act, name] of choices) {
    dice -= weight
    if (dice >= 0) continue
    const done = act(sim)
    if (done !== undefined && name) sim.coverage.count(name)
    return done
  }
  return undefined
}

/** Ends all faults, but for processes that are not there. */
export function makePeace(sim: SimCluster): void {
  sim.isPeace = true
  sim.network.healAll()
  sim.network.latencyMaxMs = 2
  sim.network.spikes = 0
  sim.coordination.comeBack()
  sim.coordination.isFull = false
  sim.coordination.lossProbability = 0
  for (const machine of sim.machines) {
    machine.diskMs = 1
    repairDisk(machine)
    machine.time.runAt(1)
    machine.life?.resume()
    machine.metastore?.speak(false)
  }
}

/** Starts who is down, and anew who has a disk that has failed it. */
export function startAll(sim: SimCluster): void {
  for (const machine of sim.machines) {
    if (machine.isBroken) machine.kill()
    if (!machine.life) machine.start()
  }
}
