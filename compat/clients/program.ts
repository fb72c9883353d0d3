/**
 * Programs in other languages that check a broker through their own Kafka clients. A program is started with the
 * broker's address and its kind ("naru" or "kafka") and prints lines of JSON:
 *
 * - `{"check": NAME, "ok": true|false, "ms": NUMBER, "error": TEXT, "saw": [TEXT...]}`: what came of one check. What it
 *   saw, if it says so, must be the same on both brokers.
 * - `{"do": "kill9"|"stop"|"restart", "topic": NAME}`: asks for the broker's end or start; a line on its standard input
 *   says "done". In a cluster it is the broker that leads the topic's first partition, and the others stay.
 * - `{"done": true}`: all checks have run.
 *
 * Each runs against one broker of Naru and, where it can, of Apache Kafka: a check that fails there, twice, expects
 * something wrong. It runs again on three brokers of Naru, where each topic that is made with the default replication factor (-1)
 * has three replicas; beside three of Apache Kafka, instead of all this, with NARU_E2E_BROKERS=3.
 */
import assert from 'node:assert/strict'
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { createInterface } from 'node:readline'
import { type TestContext, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import type { RunningBroker } from '../../test/support/naru.ts'
import { brokersAsked, type Settings, startTarget, type Target, whyNoTarget } from '../../test/support/target.ts'

export const root = fileURLToPath(new URL('../../', import.meta.url))

export interface Program {
  /** The client that it uses, for people. */
  readonly name: string
  /** What keeps it from running here, for `skip`: a missing toolchain, packages that can't be had. */
  readonly whyNot: string | undefined
  /** Builds it and gives the command that starts it. Throws with the compiler's words. */
  build(): readonly string[]
  /** Options of the brokers that its checks need, over the common ones. */
  readonly settings?: Settings
}

interface Result {
  readonly check: string
  readonly ok: boolean
  readonly error?: string
  readonly saw?: readonly string[]
}

/** Short enough for tests that wait for a session to end, on both kinds of broker. */
const settings: Settings = { 'group.min.session.timeout.ms': '1000' }

const programTimeoutMs = 400_000

/** Runs a tool of a toolchain; undefined when it went well, else why not. */
export function complaint(command: string, args: readonly string[], cwd = root): string | undefined {
  const { error, status, stdout, stderr } = spawnSync(command, args, { cwd, encoding: 'utf8', timeout: 600_000 })
  if (error) return error.message
  return status === 0 ? undefined : `${stdout}${stderr}`.trim().slice(-2000) || `it ended with ${status}`
}

/** Why a command can't be used here: it isn't there, or an argument says so. */
export function whyNoCommand(command: string, args: readonly string[]): string | undefined {
  return spawnSync(command, args).status === 0 ? undefined : `${command} is not installed`
}

/** Declares a program's checks as tests. */
export function testProgram(program: Program): void {
  const { name, whyNot: skip } = program
  let built: readonly string[] | undefined
  const command = () => (built ??= program.build())
  const options = { skip, timeout: 900_000 }
  const asked = brokersAsked()
  const where = asked === 1 ? name : `${name}, ${asked} brokers`
  test(`${where}: every check behaves as on Apache Kafka`, options, t => compareOn(asked, where, program, command(), t))
  if (asked === 1)
    test(`${name}, three brokers of Naru: every check passes`, options, async t => {
      for (const [check, result] of await runOn('naru', 3, program, command()))
        await t.test(`${name}, three brokers of Naru: ${check}`, () => assert.ok(result.ok, result.error))
    })
}

async function compareOn(
  brokers: number,
  where: string,
  program: Program,
  command: readonly string[],
  t: TestContext
): Promise<void> {
  const whyNoKafka = whyNoTarget('kafka')
  const targets: Target[] = whyNoKafka ? ['naru'] : ['naru', 'kafka']
  const [naru, first] = await Promise.all(targets.map(target => runOn(target, brokers, program, command)))
  // What is held against Naru must be sure: a check that its own clients' timing fails on Apache Kafka is asked again.
  const unsure = first && [...naru].some(([check, result]) => result.ok && !first.get(check)?.ok)
  const kafka = unsure ? await runOn('kafka', brokers, program, command) : first
  for (const [check, result] of naru)
    await t.test(`${where}: ${check}`, () => {
      const expected = kafka?.get(check)
      if (kafka) assert.ok(expected?.ok, `Apache Kafka behaves otherwise: ${expected?.error ?? 'not checked'}`)
      assert.ok(result.ok, result.error)
      if (kafka) assert.deepEqual(result.saw, expected?.saw)
    })
  if (whyNoKafka) await t.test(`${where}: the same on Apache Kafka`, { skip: whyNoKafka }, () => {})
  for (const check of kafka?.keys() ?? []) assert.ok(naru.has(check), `${check} was not checked on Naru`)
}

/** What came of each check. Throws where the program does not come to its end, or checks nothing. */
async function runOn(
  target: Target,
  brokers: number,
  program: Program,
  command: readonly string[]
): Promise<Map<string, Result>> {
  const broker = await startTarget({ ...settings, ...program.settings }, target, brokers)
  const [file, ...args] = command
  const child = spawn(file, [...args, broker.bootstrap, target], { stdio: ['pipe', 'pipe', 'pipe'] })
  try {
    const results = await collect(child, broker)
    assert.ok(results.size > 0, 'the program checked nothing')
    return results
  } finally {
    child.kill('SIGKILL')
    await broker.remove()
  }
}

async function collect(child: ChildProcess, broker: RunningBroker): Promise<Map<string, Result>> {
  const results = new Map<string, Result>()
  let done = false
  let rest = ''
  const keep = (text: string) => {
    rest = (rest + text).slice(-4000)
  }
  child.stderr!.setEncoding('utf8').on('data', keep)
  child.stdin!.on('error', () => {}) // it may be gone before its answer
  const ended = new Promise<string>((resolve, reject) => {
    child.once('error', reject)
    child.once('close', (code, signal) => resolve(`${code ?? signal}`))
  })
  const timer = setTimeout(() => child.kill('SIGKILL'), programTimeoutMs)
  for await (const text of createInterface({ input: child.stdout! })) {
    const line = parse(text)
    if (line.check !== undefined) results.set(line.check, line as Result)
    else if (line.do !== undefined) {
      await act(broker, line.do, line.topic)
      child.stdin!.write('done\n')
    } else if (line.done) {
      done = true
      break
    } else keep(`${text}\n`)
  }
  clearTimeout(timer)
  if (!done) throw new Error(`the program ended with ${await ended} before it was done:\n${rest}`)
  return results
}

interface Line extends Partial<Result> {
  readonly do?: string
  readonly topic?: string
  readonly done?: boolean
}

function parse(text: string): Line {
  try {
    const line: unknown = JSON.parse(text)
    return typeof line === 'object' && line !== null ? line : {}
  } catch {
    return {}
  }
}

async function act(broker: RunningBroker, what: string, topic?: string): Promise<void> {
  if (what === 'kill9') await broker.kill9(topic)
  else if (what === 'stop') await broker.stop(topic)
  else if (what === 'restart') await broker.restart()
  else throw new Error(`the program asks for ${what}`)
}
