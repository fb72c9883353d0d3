import { type Command, Option } from 'commander'
import type { Cluster } from '../../client/cluster.ts'
import type { MovePlan } from '../../control/move-plan.ts'
import { type ClientFlags, wholeNumber, withClientFlags } from '../client.ts'
import { confirm } from '../confirm.ts'
import { Failed } from '../failure.ts'
import { count, printJson } from '../output.ts'
import { Progress } from '../progress.ts'
import { Stopping } from '../stopping.ts'
import { movesJson, printPlan, sharesOf, someOf } from './plan-text.ts'
import { type MoveOutcome, runMoves } from './run-moves.ts'
import { refuseStalled } from './stalled.ts'
import { type ClusterState, keyOf, stateOf } from './state.ts'
import { clearThrottle, setThrottle } from './throttle.ts'

export interface MoveFlags extends ClientFlags {
  readonly dryRun?: boolean
  readonly yes?: boolean
  readonly json?: boolean
  readonly inFlight: number
  readonly throttle?: number
  readonly patience: number
}

/** Adds the flags that every command which moves partitions has. */
export function withMoveFlags(command: Command): Command {
  return withClientFlags(command)
    .option('--dry-run', 'only print the plan')
    .option('-y, --yes', 'do not ask')
    .option('--throttle <bytes>', 'copy at most so many bytes a second from and to each broker', wholeNumber(1))
    .addOption(
      new Option('--in-flight <partitions>', 'move so many partitions at a time').default(32).argParser(wholeNumber(1))
    )
    .addOption(
      new Option('--patience <seconds>', 'wait so long for a broker that is away').default(10).argParser(wholeNumber(0))
    )
    .option('--json', 'print the plan, and what came of it, as lines of JSON')
}

export const resumeHelp = `
The plan is printed first. What is under way is kept by the cluster and comes to its end whatever becomes of this
command: after Ctrl-C, or on another day, the same command goes on with the rest; 'naru cluster cancel' takes back what
is being moved.
`

/** A plan for the cluster as it is; called again after each round, until it has nothing to move. */
export type Planner = (state: ClusterState) => MovePlan

/** How often is planned anew because the cluster has changed meanwhile. */
const roundsMax = 10

export const goOnHint = "The same command goes on; 'naru cluster cancel' takes back what is being moved."

/**
 * Prints what is to be moved, asks, moves it, and plans again until nothing is left. Throws Failed when something can't be moved, or
 * when a person stops it. False when it was only to be printed. `begin` is what comes first when it is done in earnest.
 */
export async function carryOut(
  cluster: Cluster,
  planner: Planner,
  flags: MoveFlags,
  begin: () => Promise<void> = async () => {}
): Promise<boolean> {
  // Up to here nothing is begun: Ctrl-C just ends the process.
  let plan = await planFor(cluster, planner)
  if (isDone(plan) && !flags.json) process.stdout.write('There is nothing to move.\n')
  else show(plan.state, plan.moves, flags)
  if (flags.dryRun) return false
  if (plan.moves.length > 0) await confirm('Move them?', flags.yes)
  const stopping = new Stopping(cluster.clock, { hint: goOnHint }).onSignal()
  try {
    await stopping.within(begin())
    for (let round = 0; !isDone(plan); round++) {
      if (round === roundsMax)
        throw new Failed(
          'The cluster changes faster than it can be put in order: there is always something left to move.'
        )
      const outcome = await moveAll(cluster, plan, flags, stopping)
      if (flags.json)
        printJson({
          ...outcome,
          failed: outcome.failed.map(({ partition, error }) => ({ partition, error: error.message }))
        })
      else if (outcome.moved > 0) process.stdout.write(`${count(outcome.moved, 'partition')} moved.\n`)
      judge(outcome)
      stopping.check()
      plan = await stopping.within(planFor(cluster, planner))
    }
    return true
  } finally {
    stopping.end()
  }
}

interface Planned {
  readonly state: ClusterState
  readonly moves: MovePlan['moves']
}

async function planFor(cluster: Cluster, planner: Planner): Promise<Planned> {
  const state = await cluster.retrying(() => stateOf(cluster))
  const { moves, stuck } = planner(state)
  if (stuck.length > 0)
    throw new Failed(
      `No broker is left that could take a replica of ${count(stuck.length, 'partition')}: ${someOf(stuck)}.`,
      `${whereTo(state)}, or give topics fewer replicas: 'naru topic alter TOPIC --replicas N'.`
    )
  return { state, moves }
}

function isDone({ state, moves }: Planned): boolean {
  return moves.length === 0 && state.reassigning.length === 0
}

/** Where replicas could go that no broker may take now. */
function whereTo({ cordoned }: ClusterState): string {
  if (cordoned.length === 0) return 'Add a broker first'
  const ids = cordoned.map(({ nodeId }) => nodeId).join(' ')
  return `Add a broker first, take back one that was drained ('naru cluster add ${ids}')`
}

async function moveAll(
  cluster: Cluster,
  { state: { reassigning, partitions }, moves }: Planned,
  { inFlight, throttle, patience }: MoveFlags,
  stopping: Stopping
): Promise<MoveOutcome> {
  // What somebody began before is waited for too.
  const planned = new Set(moves.map(({ partition }) => keyOf(partition)))
  const begun = partitions.filter(partition => reassigning.some(moving => keyOf(moving) === keyOf(partition)))
  const all = [
    ...begun
      .filter(partition => !planned.has(keyOf(partition)))
      .map(partition => ({ partition, replicas: partition.replicas })),
    ...moves
  ]
  if (throttle !== undefined) await stopping.within(setThrottle(cluster, moves, throttle))
  const progress = new Progress()
  let outcome: MoveOutcome
  try {
    outcome = await runMoves(cluster, all, { inFlight, progress, stopping, patienceMs: patience * 1000 })
  } finally {
    progress.end()
  }
  // What goes on after a stop goes on as it was asked for.
  if (throttle !== undefined && outcome.moving + outcome.stalled.length === 0)
    await stopping.within(clearThrottle(cluster))
  return outcome
}

function show(state: ClusterState, moves: MovePlan['moves'], { json }: MoveFlags): void {
  const { reassigning } = state
  if (json)
    printJson({
      brokers: sharesOf(state, { moves }),
      moves: movesJson(moves),
      underWay: reassigning.length
    })
  else {
    if (reassigning.length > 0)
      process.stdout.write(
        `${count(reassigning.length, 'partition')} ${reassigning.length === 1 ? 'is' : 'are'} being moved already.\n`
      )
    if (moves.length > 0) printPlan(state, moves)
  }
}

/** Throws Failed when something was left undone. */
export function judge({ moving, left, stalled, failed }: MoveOutcome): void {
  if (failed.length > 0) {
    const [{ partition, error }] = failed
    throw new Failed(`${count(failed.length, 'partition')} could not be moved: ${partition}: ${error.message}`)
  }
  refuseStalled(stalled)
  if (moving + left > 0)
    throw new Failed(`Stopped: ${count(moving, 'partition')} being moved, ${left} not begun.`, goOnHint)
}
