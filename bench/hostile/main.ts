/**
 * `npm run bench -- --hostile`: what hostile and heavy clients cost, in memory and for a well-behaved client beside them.
 * See docs/limits.md.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { freePort } from '../../test/support/apache-kafka.ts'
import { Broker, naru } from '../contender.ts'
import { cpuSeconds, memoryUse } from '../usage.ts'
import { attacks } from './attacks.ts'
import { type Experience, Polite } from './polite.ts'

export interface HostileOptions {
  /** Parts of names; all attacks without. */
  only: string[] | undefined
  /** How long each attack goes on once it is set up. */
  seconds: number
  /** Where the brokers keep their data. */
  dir: string
}

interface Row {
  name: string
  beforeMb: number
  peakMb: number
  afterMb: number
  setUp: Experience
  meanwhile: Experience
  cpuUsPerRequest: number
}

const collector = new URL('collect.mjs', import.meta.url).href

/** How long the broker has to give memory back. */
const restMs = 5000

export async function benchHostile({ only, seconds, dir }: HostileOptions): Promise<void> {
  const names = Object.keys(attacks).filter(name => !only || only.some(part => name.includes(part)))
  console.log(`| beside a well-behaved client | memory before, peak, after (MB) | its requests | p50 | p99 | max (ms) | while it begins: max (ms) | lost | CPU us a request |
|---|---|---|---|---|---|---|---|---|`)
  for (const name of names) {
    const folder = mkdtempSync(join(dir, 'naru-hostile-'))
    const broker = new Broker(naru, folder, [await freePort()], ['--expose-gc', '--import', collector])
    try {
      await broker.start()
      console.log(lineOf(await measure(name, broker, seconds)))
    } finally {
      await broker.stop()
      rmSync(folder, { recursive: true, force: true })
    }
  }
}

async function measure(name: string, broker: Broker, seconds: number): Promise<Row> {
  const port = broker.ports[0]
  const pid = broker.pids[0]
  const polite = new Polite(port)
  await polite.open()
  await during(polite, 2000)
  await collect(pid)
  const beforeMb = memoryUse([pid]).rssMb
  forgetPeak(pid)
  const beginning = new Polite(port)
  await beginning.open().catch(() => {})
  beginning.start()
  const attacker = await begin(name, port)
  const setUp = await beginning.stop()
  beginning.close()
  const cpuBefore = cpuSeconds([pid])
  const meanwhile = await during(new Polite(port), seconds * 1000)
  const cpu = cpuSeconds([pid]) - cpuBefore
  const { peakMb } = memoryUse([pid])
  attacker.kill('SIGKILL')
  await once(attacker, 'exit')
  await during(new Polite(port), restMs)
  await collect(pid)
  const afterMb = memoryUse([pid]).rssMb
  polite.close()
  return { name, beforeMb, peakMb, afterMb, setUp, meanwhile, cpuUsPerRequest: (cpu * 1e6) / meanwhile.requests }
}

async function during(polite: Polite, ms: number): Promise<Experience> {
  polite.start()
  await sleep(ms)
  const seen = await polite.stop()
  polite.close()
  return seen
}

/** Starts an attack; resolves when it says that it is set up. */
async function begin(name: string, port: number): Promise<ChildProcess> {
  const script = fileURLToPath(new URL('attacks.ts', import.meta.url))
  const child = spawn(process.execPath, ['--import', 'tsx', script, name, String(port)], {
    stdio: ['pipe', 'pipe', 'inherit']
  })
  const ready = once(child.stdout!, 'data')
  const ended = once(child, 'exit').then(() => {
    throw new Error(`${name} ended before it began`)
  })
  await Promise.race([ready, ended])
  ended.catch(() => {})
  return child
}

/** Has a process collect its garbage: before and after, only what it holds shall be seen. */
async function collect(pid: number): Promise<void> {
  for (let i = 0; i < 3; i++) {
    process.kill(pid, 'SIGUSR2')
    await sleep(700)
  }
}

/** Begins to count the peak of a process's memory anew. */
function forgetPeak(pid: number): void {
  writeFileSync(`/proc/${pid}/clear_refs`, '5')
}

function lineOf({ name, beforeMb, peakMb, afterMb, setUp, meanwhile, cpuUsPerRequest }: Row): string {
  const mb = (value: number) => value.toFixed(0)
  const ms = (value: number) => (value < 10 ? value.toFixed(2) : value.toFixed(0))
  const cells = [
    attacks[name].doc,
    `${mb(beforeMb)}, ${mb(peakMb)}, ${mb(afterMb)}`,
    meanwhile.requests.toLocaleString('en'),
    ms(meanwhile.p50Ms),
    ms(meanwhile.p99Ms),
    ms(meanwhile.maxMs),
    ms(setUp.maxMs),
    String(meanwhile.failures + setUp.failures),
    cpuUsPerRequest.toFixed(0)
  ]
  return `| ${cells.join(' | ')} |`
}
