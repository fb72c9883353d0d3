import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { mkdirSync, openSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import {
  type ApacheKafkaOptions,
  apacheKafkaClusterOptions,
  apacheKafkaCommand,
  kafkaVersion
} from '../test/support/apache-kafka.ts'
import { Connection, greet } from './connection.ts'
import { descendants } from './usage.ts'

const root = fileURLToPath(new URL('../', import.meta.url))

/** What takes part: the processes that serve at these ports (one broker, or a cluster of them), on a folder. */
export interface Contender {
  name: string
  version: string
  commands(dir: string, ports: readonly number[]): Promise<{ command: string; args: string[] }[]>
}

export const naru = naruOf('naru', root)

/** Naru as it is built in a checkout: of another commit, to compare the two in one run. */
export function naruOf(name: string, checkout: string): Contender {
  const main = join(checkout, 'dist/cli/main.js')
  return {
    name,
    version: JSON.parse(readFileSync(join(checkout, 'package.json'), 'utf8')).version,
    async commands(dir, ports) {
      const args = [main, 'start', '--port', String(ports[0]), '--data-dir', join(dir, 'data')]
      // One process starts the others, on the ports that follow.
      if (ports.length > 1) args.push('--brokers', String(ports.length))
      return [{ command: process.execPath, args }]
    }
  }
}

export const kafka: Contender = {
  name: 'kafka',
  version: kafkaVersion,
  async commands(dir, ports) {
    // Deleted topics go at once, so that many runs fit on one disk.
    const properties = { 'log.segment.delete.delay.ms': '1000' }
    const alone: ApacheKafkaOptions = { dir, port: ports[0], properties }
    const nodes = ports.length === 1 ? [alone] : await apacheKafkaClusterOptions(dir, ports, properties)
    return Promise.all(nodes.map(apacheKafkaCommand))
  }
}

/** Started brokers die with this process, however it ends. */
const children = new Set<ChildProcess>()
process.once('exit', () => {
  for (const child of children) child.kill('SIGKILL')
})
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1))

/** A contender on its own folder: one broker, or a cluster; started, stopped and started again on the same ports. */
export class Broker {
  readonly contender: Contender
  readonly dir: string
  readonly ports: readonly number[]
  private readonly nodeArgs: string[]
  private commands: { command: string; args: string[] }[] | undefined
  private running: { child: ChildProcess; ended: Promise<void> }[] = []

  /** `nodeArgs` go to Node before the script of a contender that runs on it, for profiles. */
  constructor(contender: Contender, dir: string, ports: readonly number[], nodeArgs: string[] = []) {
    this.contender = contender
    this.dir = dir
    this.ports = ports
    this.nodeArgs = contender === naru ? nodeArgs : []
  }

  /** All its processes, those that it started itself too. */
  get pids(): number[] {
    return this.running.flatMap(({ child }) => [child.pid!, ...descendants(child.pid!)])
  }

  /** Starts it and answers the milliseconds from the spawn until every broker gave a good ApiVersions and Metadata. */
  async start(): Promise<number> {
    mkdirSync(this.dir, { recursive: true })
    this.commands ??= await this.contender.commands(this.dir, this.ports)
    const log = openSync(join(this.dir, 'broker.log'), 'a')
    const startMs = performance.now()
    this.running = this.commands.map(({ command, args }) => {
      const child = spawn(command, [...this.nodeArgs, ...args], { stdio: ['ignore', log, log] })
      children.add(child)
      return { child, ended: new Promise(resolve => child.once('exit', () => resolve(void children.delete(child)))) }
    })
    for (const port of this.ports) await this.untilServed(port, startMs)
    return performance.now() - startMs
  }

  private async untilServed(port: number, startMs: number): Promise<void> {
    while (performance.now() - startMs < 60_000) {
      if (this.running.some(({ child }) => child.exitCode !== null)) break
      const connection = await Connection.open(port, 1 << 20).catch(() => undefined)
      const served = connection && (await greet(connection, this.ports.length).then(ok, notOk))
      connection?.close()
      if (served) return
      await new Promise(resolve => setTimeout(resolve, 3))
    }
    throw new Error(`${this.contender.name} does not serve:\n${readFileSync(join(this.dir, 'broker.log'), 'utf8')}`)
  }

  async stop(): Promise<void> {
    for (const { child } of this.running) child.kill('SIGTERM')
    const timer = setTimeout(() => this.running.map(({ child }) => child.kill('SIGKILL')), 30_000)
    await Promise.all(this.running.map(({ ended }) => ended))
    clearTimeout(timer)
  }

  async stopAndRemove(): Promise<void> {
    await this.stop()
    rmSync(this.dir, { recursive: true, force: true })
  }
}

const ok = () => true
const notOk = () => false

/** Writes dirty pages out, so that one contender's do not slow the next one. */
export function settleDisk(): void {
  execFileSync('sync')
}
