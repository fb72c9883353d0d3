import { type ChildProcess, spawn } from 'node:child_process'
import { appendFileSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { freePorts } from './apache-kafka.ts'
import { naruCommand } from './naru.ts'
import { environmentOf, type Settings } from './target.ts'

export interface ClusterOptions {
  /** 3 when absent. */
  brokers?: number
  /** Options by Kafka's names. */
  settings?: Settings
  /** Variables of the environment, over the test's own. */
  env?: Readonly<Record<string, string>>
  /** More flags of `naru start`. */
  args?: string[]
  /** A temporary folder, removed by `remove`, when absent. */
  dataDir?: string
  /** Of the first broker; free ones when absent. */
  port?: number
  /** A file to append to what is printed to standard error. */
  logFile?: string
}

/** So many log lines are kept. */
const linesMax = 10_000

export interface BrokerOfCluster {
  readonly nodeId: number
  readonly bootstrap: string
  readonly port: number
  readonly pid: number
}

/** `naru start --brokers N`: a supervisor and its brokers, each a process that may be killed. */
export interface NaruCluster {
  readonly dataDir: string
  /** Of all brokers that have ever run, as clients take it; the same after every restart. */
  readonly bootstrap: string
  /** What the supervisor printed to standard output when it was ready. */
  readonly ready: { bootstrap: string; clusterId: string; dataDir?: string; pid: number; brokers: BrokerOfCluster[] }
  /** Process ids as the log tells them now. */
  broker(nodeId: number): BrokerOfCluster
  readonly supervisorPid: number
  /** The newest log lines. */
  log(): readonly Record<string, unknown>[]
  /** Everything printed to standard error; for what a failed test says. */
  output(): string
  /** Resolves with the next process of a broker, when it serves; call it before what makes it start. */
  nextRun(nodeId: number): Promise<BrokerOfCluster>
  /** A signal to the supervisor, and its end. Resolves with how it ended. */
  end(signal: NodeJS.Signals): Promise<{ code: number | null; signal: NodeJS.Signals | null }>
  /** Starts the supervisor again, on the same data and ports. */
  restart(): Promise<void>
  /** Ends it, if it runs, and removes its data. */
  remove(): Promise<void>
}

/** Starts `naru start --brokers N --json` from dist/. Throws with what it printed when it ends instead. */
export async function startNaruCluster(options: ClusterOptions = {}): Promise<NaruCluster> {
  const dataDir = options.dataDir ?? mkdtempSync(join(tmpdir(), 'naru-cluster-'))
  const brokers = new Map<number, BrokerOfCluster>()
  const waiting: { nodeId: number; resolve(broker: BrokerOfCluster): void }[] = []
  const lines: Record<string, unknown>[] = []
  let printed = ''
  let child: ChildProcess
  let exited: Promise<{ code: number | null; signal: NodeJS.Signals | null }>
  let ready: NaruCluster['ready']

  const take = (line: string) => {
    if (options.logFile !== undefined) appendFileSync(options.logFile, `${line}\n`)
    printed = `${printed}${line}\n`.slice(-100_000)
    if (!line.startsWith('{')) return
    const fields = JSON.parse(line) as Record<string, unknown>
    if (lines.push(fields) > linesMax) lines.shift()
    if (fields.msg !== 'the broker runs') return
    const { node, pid, host, port } = fields as { node: number; pid: number; host: string; port: number }
    const broker = { nodeId: node, pid, port, bootstrap: `${host}:${port}` }
    brokers.set(node, broker)
    for (const waiter of waiting.filter(({ nodeId }) => nodeId === node)) {
      waiting.splice(waiting.indexOf(waiter), 1)
      waiter.resolve(broker)
    }
  }
  const count = options.brokers ?? 3
  const port = options.port ?? (await freePorts(count))
  const start = async () => {
    const flags = ['--brokers', String(count), '--port', String(port), '--data-dir', dataDir, '--json']
    child = spawn(process.execPath, [naruCommand, 'start', ...flags, ...(options.args ?? [])], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, ...environmentOf(options.settings ?? {}), ...options.env }
    })
    const started = child
    exited = new Promise(resolve => started.once('exit', (code, signal) => resolve({ code, signal })))
    const killWithUs = () => started.kill('SIGKILL')
    process.once('exit', killWithUs)
    exited.then(() => process.off('exit', killWithUs))
    createInterface({ input: child.stderr! }).on('line', take)
    ready = await new Promise((resolve, reject) => {
      createInterface({ input: started.stdout! }).on('line', line => resolve(JSON.parse(line)))
      exited.then(({ code, signal }) => reject(new Error(`naru start ended with ${code ?? signal}:\n${printed}`)))
    })
    for (const broker of ready.brokers) brokers.set(broker.nodeId, broker)
  }
  await start()
  const { bootstrap } = ready!
  return {
    dataDir,
    bootstrap,
    get ready() {
      return ready
    },
    broker: nodeId => brokers.get(nodeId)!,
    get supervisorPid() {
      return child.pid!
    },
    log: () => lines,
    output: () => printed,
    nextRun: nodeId => new Promise(resolve => waiting.push({ nodeId, resolve })),
    end(signal) {
      child.kill(signal)
      return exited
    },
    restart: start,
    async remove() {
      const timer = setTimeout(() => child.kill('SIGKILL'), 20_000)
      child.kill('SIGTERM')
      await exited
      clearTimeout(timer)
      if (options.dataDir === undefined) rmSync(dataDir, { recursive: true, force: true })
    }
  }
}
