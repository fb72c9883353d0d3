/**
 * Real faults by hand: `npm run faults -- --scenario leader-kill --rounds 10` does one kind of fault to a cluster of
 * processes under load, `--minutes 60` all kinds in turn. `--seed` decides whom they hit and for how long; `--etcd 3` has the
 * cluster kept in so many etcd nodes, which are victims too, and `--for 60000` says how long they are away. With `--java` Kafka's own client
 * takes part. `--etcd 3 --scenario upgrade --from DIR --rounds 3` starts the brokers of another checkout that is built, replaces one after
 * the other by this one's, goes back, and forward again.
 */
import { existsSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { below } from '../../../src/std/random.ts'
import { naruCommand } from '../../support/naru.ts'
import { whyNoSmallDisk } from '../../support/small-disk.ts'
import { whyNoSteppedClock } from '../../support/stepped-clock.ts'
import type { Settings } from '../../support/target.ts'
import { etcdFaultsOf, lastingSessionMs } from '../cluster-etcd/faults.ts'
import { threeInEtcd } from '../cluster-etcd/victims.ts'
import { type Build, type Fault, faultsOf, upgradesOf } from './faults.ts'
import { type RunResult, runFaults } from './run.ts'
import { type FaultyCluster, superviseThree } from './victims.ts'

const { values } = parseArgs({
  options: {
    scenario: { type: 'string' },
    rounds: { type: 'string', default: '10' },
    minutes: { type: 'string' },
    etcd: { type: 'string' },
    for: { type: 'string' },
    from: { type: 'string' },
    java: { type: 'boolean', default: false },
    seed: { type: 'string', default: String(Date.now() % 1_000_000) }
  }
})
const seed = Number(values.seed)
const noClocks = whyNoSteppedClock()
const hasClocks = noClocks === undefined
if (!hasClocks) console.log(`Clocks are not set: ${noClocks}.`)
const logFile = join(tmpdir(), `naru-faults-${seed}.log`)
rmSync(logFile, { force: true })
const [cluster, kinds] = await (values.etcd === undefined ? supervised() : inEtcd(Number(values.etcd)))
const names = values.scenario === undefined ? Object.keys(kinds) : values.scenario.split(',')
const unknown = names.find(name => !kinds[name])
if (unknown !== undefined) {
  const hint = unknown.startsWith('upgrade') ? ' It takes --etcd and --from.' : ''
  console.error(`There is no fault ${unknown} here. There are ${Object.keys(kinds).join(', ')}.${hint}`)
  await cluster.remove()
  process.exit(2)
}
console.log(`seed ${seed}, log in ${logFile}`)
const endMs = performance.now() + Number(values.minutes) * 60_000
const rounds = Number(values.rounds)
let failed = true
try {
  const result = await runFaults({
    cluster,
    seed,
    java: values.java,
    onStory: line => console.log(`  ${line}`),
    next(round, random) {
      if (values.minutes === undefined) return round < rounds ? kinds[names[round % names.length]] : undefined
      return performance.now() < endMs ? kinds[names[below(random, names.length)]] : undefined
    }
  })
  print(result)
  failed = result.anomalies.length > 0
} catch (error) {
  console.error(error)
} finally {
  await cluster.remove()
}
process.exit(failed ? 1 : 0)

async function supervised(): Promise<[FaultyCluster, Record<string, Fault>]> {
  // It must hold what is written while it isn't filled.
  const megabytes = 64 + 16 * Number(values.minutes ?? 0)
  const smallDisk = whyNoSmallDisk('ext4') === undefined ? { broker: 2, megabytes } : undefined
  const made = await superviseThree({ logFile, links: true, smallDisk, clocks: hasClocks })
  return [made, faultsOf(made)]
}

async function inEtcd(etcdNodes: number): Promise<[FaultyCluster, Record<string, Fault>]> {
  // Where nothing but etcd is at fault no leader may move. A broker may need seconds to find another node of it.
  const onlyEtcd = values.scenario?.split(',').every(name => name.startsWith('etcd-'))
  const settings: Settings = onlyEtcd ? { 'broker.session.timeout.ms': String(lastingSessionMs) } : {}
  const from = values.from === undefined ? undefined : buildOf(values.from)
  const made = await threeInEtcd({
    etcdNodes,
    links: true,
    settings,
    logFile,
    clocks: hasClocks,
    command: from?.command
  })
  const forMs = values.for === undefined ? undefined : Number(values.for)
  const { 'supervisor-kill': _kill, 'supervisor-pause': _pause, ...brokers } = faultsOf(made)
  const faults = Object.entries(etcdFaultsOf(made)).map(([name, fault]) => [`etcd-${name}`, fault(forMs)])
  const upgrades = from && upgradesOf([from, { name: 'this build', command: naruCommand }])
  return [made, { ...brokers, ...Object.fromEntries(faults), ...upgrades }]
}

/** What another checkout has built. */
function buildOf(folder: string): Build {
  const command = resolve(folder, 'dist/cli/main.js')
  if (existsSync(command)) return { name: folder, command }
  console.error(`There is no ${command}: run 'npm ci' or 'npm run build' there.`)
  process.exit(2)
}

function print({ silences, unreadMs, uncoordinatedMs, anomalies, acknowledged, read, errors }: RunResult): void {
  const rows = [...new Set(silences.map(({ client }) => client))].map(client => {
    const own = silences.filter(silence => silence.client === client && silence.hit).map(({ ms }) => ms)
    return [client, p50(own), Math.max(...own), errors.get(client)?.length ?? 0]
  })
  rows.push(['coordinator', p50(uncoordinatedMs), Math.max(...uncoordinatedMs), ''])
  rows.push(['group (reading)', p50(unreadMs), Math.max(...unreadMs), errors.get('group (reading)')?.length ?? 0])
  console.log('\nclient                 without an acknowledgement, ms: p50    max    errors')
  for (const [client, middle, most, errors] of rows)
    console.log(
      `${String(client).padEnd(50)} ${Math.round(Number(middle)).toString().padStart(6)} ${Math.round(Number(most)).toString().padStart(6)}  ${String(errors).padStart(6)}`
    )
  const kinds = [
    'lost',
    'moved',
    'reordered',
    'duplicate',
    'inconsistent',
    'skipped',
    'nonmonotonic',
    'commit',
    'misdeed'
  ] as const
  console.log(`\n${acknowledged} acknowledged, ${read} read by the group`)
  console.log(kinds.map(kind => `${kind} ${anomalies.filter(anomaly => anomaly.kind === kind).length}`).join(', '))
  for (const { kind, text } of anomalies.slice(0, 50)) console.log(`  ${kind}: ${text}`)
  for (const [client, messages] of errors)
    for (const message of new Set(messages))
      console.log(`  ${client}: ${message} (${messages.filter(one => one === message).length} times)`)
}

function p50(numbers: readonly number[]): number {
  return numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)] ?? 0
}
