import { type ChildProcess, spawn } from 'node:child_process'
import { appendFileSync, existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** The built command. */
export const naruCommand = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url))

export interface NaruOptions {
  /** Flags after `naru start --port P --data-dir D`. */
  args?: string[]
  /** Variables of the environment, over the test's own. */
  env?: Record<string, string>
  /** A temporary folder, removed by `remove`, when absent. */
  dataDir?: string
  /** A free one when absent. */
  port?: number
  /** A file that what it prints is added to. */
  logFile?: string
  /** The command of another build; this one's when absent. */
  command?: string
}

/** A broker in a process of its own, or several that suites treat as one. */
export interface RunningBroker {
  /** host:port for clients; of each broker, with commas between them. */
  readonly bootstrap: string
  readonly host: string
  readonly port: number
  readonly dataDir: string
  readonly pid: number
  /** The newest part of what it printed. */
  output(): string
  /**
   * Asks it to stop (SIGTERM) and waits for its end. Of a cluster, the broker that leads the topic's first partition; where
   * none is named, each in turn.
   */
  stop(topic?: string): Promise<void>
  /** kill -9, and waits for its end. The same of a cluster. */
  kill9(topic?: string): Promise<void>
  /**
   * Starts it again on the same port and data, after `stop` or `kill9`; in a cluster it is in sync then. With the command of another
   * build, it goes on with that.
   */
  restart(command?: string): Promise<void>
  /** Stops it, if it runs, and removes its data. */
  remove(): Promise<void>
}

/** Starts `naru start` from dist/ and waits for the line with its bootstrap address. Throws with what it printed. */
export async function startNaru(options: NaruOptions = {}): Promise<RunningBroker> {
  let command = options.command ?? naruCommand
  if (!existsSync(command)) throw new Error(`${command} is not built: run \`npm run build\` there`)
  const dataDir = options.dataDir ?? mkdtempSync(join(tmpdir(), 'naru-e2e-'))
  let running = await spawnNaru(command, options.port ?? 0, dataDir, options)
  const { host, port, bootstrap } = running
  const end = async (signal: NodeJS.Signals) => {
    running.child.kill(signal)
    await running.exited
  }
  return {
    bootstrap,
    host,
    port,
    dataDir,
    get pid() {
      return running.child.pid!
    },
    output: () => running.output(),
    stop: () => end('SIGTERM'),
    kill9: () => end('SIGKILL'),
    async restart(other = command) {
      command = other
      // What clients are given may be the port of something in between.
      running = await spawnNaru(command, options.port ?? port, dataDir, options)
    },
    async remove() {
      const timer = setTimeout(() => running.child.kill('SIGKILL'), 10_000)
      await end('SIGTERM')
      clearTimeout(timer)
      if (options.dataDir === undefined) rmSync(dataDir, { recursive: true, force: true })
    }
  }
}

interface Spawned {
  child: ChildProcess
  exited: Promise<void>
  host: string
  port: number
  bootstrap: string
  output(): string
}

async function spawnNaru(command: string, port: number, dataDir: string, options: NaruOptions): Promise<Spawned> {
  const args = [command, 'start', '--port', String(port), '--data-dir', dataDir, ...(options.args ?? [])]
  const env = { ...process.env, ...options.env }
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'], env })
  const exited = new Promise<void>(resolve => child.once('exit', () => resolve()))
  const killWithUs = () => child.kill('SIGKILL')
  process.once('exit', killWithUs)
  exited.then(() => process.off('exit', killWithUs))
  let output = ''
  const bootstrap = await new Promise<string>((resolve, reject) => {
    const give = (what: string) => {
      child.kill('SIGKILL')
      reject(new Error(`naru start ${what}:\n${output}`))
    }
    const timer = setTimeout(() => give('printed no bootstrap address within 30 s'), 30_000)
    const read = (chunk: string) => {
      if (options.logFile !== undefined) appendFileSync(options.logFile, chunk)
      output = (output + chunk).slice(-65_536)
      const address = /bootstrap\W+(?:servers?\W+)?([\w.-]+:\d+)/i.exec(output)
      if (!address) return
      clearTimeout(timer)
      resolve(address[1])
    }
    child.stdout!.setEncoding('utf8').on('data', read)
    child.stderr!.setEncoding('utf8').on('data', read)
    child.once('error', reject)
    child.once('exit', (code, signal) => {
      clearTimeout(timer)
      give(`ended with ${code ?? signal} before it served`)
    })
  })
  const at = bootstrap.lastIndexOf(':')
  const host = bootstrap.slice(0, at)
  return { child, exited, host, port: Number(bootstrap.slice(at + 1)), bootstrap, output: () => output }
}
