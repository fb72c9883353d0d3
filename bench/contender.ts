import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { mkdirSync, openSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { apacheKafkaCommand, kafkaVersion } from '../test/support/apache-kafka.ts'
import { Connection, greet } from './connection.ts'

const root = fileURLToPath(new URL('../', import.meta.url))

/** A broker that takes part: how it is started on a folder and a port. */
export interface Contender {
  name: string
  version: string
  command(dir: string, port: number): Promise<{ command: string; args: string[] }>
}

export const naru = naruOf('naru', root)

/** Naru as it is built in a checkout: of another commit, to compare the two in one run. */
export function naruOf(name: string, checkout: string): Contender {
  const main = join(checkout, 'dist/cli/main.js')
  return {
    name,
    version: JSON.parse(readFileSync(join(checkout, 'package.json'), 'utf8')).version,
    async command(dir, port) {
      const args = [main, 'start', '--port', String(port), '--data-dir', join(dir, 'data')]
      return { command: process.execPath, args }
    }
  }
}

export const kafka: Contender = {
  name: 'kafka',
  version: kafkaVersion,
  async command(dir, port) {
    // Deleted topics go at once, so that many runs fit on one disk.
    return apacheKafkaCommand({ dir, port, properties: { 'log.segment.delete.delay.ms': '1000' } })
  }
}

/** Started brokers die with this process, however it ends. */
const children = new Set<ChildProcess>()
process.once('exit', () => {
  for (const child of children) child.kill('SIGKILL')
})
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1))

/** One broker process of a contender, on its own folder; started, stopped and started again on the same port. */
export class Broker {
  readonly contender: Contender
  readonly dir: string
  readonly port: number
  private readonly nodeArgs: string[]
  private child: ChildProcess | undefined
  private ended: Promise<void> = Promise.resolve()

  /** `nodeArgs` go to Node before the script of a contender that runs on it, for profiles. */
  constructor(contender: Contender, dir: string, port: number, nodeArgs: string[] = []) {
    this.contender = contender
    this.dir = dir
    this.port = port
    this.nodeArgs = contender === naru ? nodeArgs : []
  }

  get pid(): number {
    return this.child!.pid!
  }

  /** Starts it and answers the milliseconds from the spawn to its first good ApiVersions and Metadata. */
  async start(): Promise<number> {
    mkdirSync(this.dir, { recursive: true })
    const { command, args } = await this.contender.command(this.dir, this.port)
    const log = openSync(join(this.dir, 'broker.log'), 'a')
    const startMs = performance.now()
    const child = spawn(command, [...this.nodeArgs, ...args], { stdio: ['ignore', log, log] })
    this.child = child
    children.add(child)
    this.ended = new Promise(resolve => child.once('exit', () => resolve(void children.delete(child))))
    while (performance.now() - startMs < 60_000) {
      if (child.exitCode !== null) break
      const connection = await Connection.open(this.port, 1 << 20).catch(() => undefined)
      const served = connection && (await greet(connection).then(ok, notOk))
      connection?.close()
      if (served) return performance.now() - startMs
      await new Promise(resolve => setTimeout(resolve, 3))
    }
    throw new Error(`${this.contender.name} does not serve:\n${readFileSync(join(this.dir, 'broker.log'), 'utf8')}`)
  }

  async stop(): Promise<void> {
    this.child?.kill('SIGTERM')
    const timer = setTimeout(() => this.child?.kill('SIGKILL'), 30_000)
    await this.ended
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
