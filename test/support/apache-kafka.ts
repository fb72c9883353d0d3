/**
 * Runs Apache Kafka itself, for comparison: one KRaft node (broker and controller in one process), from jars that Maven
 * brings once into `.cache/kafka-<version>/` (see bench/kafka/pom.xml).
 *
 * Needs `java` (17 or newer) and, the first time, `mvn`. `whyNoApacheKafka()` says what is missing, for `skip`.
 */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { randomBytes, randomInt } from 'node:crypto'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { dirname, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('../../', import.meta.url))
const pom = join(root, 'bench/kafka/pom.xml')

/** The version that bench/kafka/pom.xml names. */
export const kafkaVersion = /<version>([^<]+)<\/version>/.exec(readFileSync(pom, 'utf8'))![1]

/** Where the jars are once `whyNoApacheKafka` has found nothing missing. */
export const apacheKafkaJars = join(root, '.cache', `kafka-${kafkaVersion}`)

let whyNot: string | undefined | null = null

/**
 * What keeps Apache Kafka from running here, or undefined when nothing does. Brings the jars when they are not there
 * yet, so that a test which isn't skipped can run: a machine may have Maven and no way to what it asks for.
 */
export function whyNoApacheKafka(): string | undefined {
  if (whyNot === null) whyNot = findMissing()
  return whyNot
}

/** What keeps `java` from running a source file here: that takes the compiler of a JDK. Undefined when nothing does. */
export function whyNoJdk(): string | undefined {
  const modules = spawnSync('java', ['--list-modules'], { encoding: 'utf8' })
  if (modules.status !== 0) return 'java is not installed'
  return modules.stdout.includes('jdk.compiler@') ? undefined : 'java has no compiler here (a JRE, not a JDK)'
}

function findMissing(): string | undefined {
  if (spawnSync('java', ['-version']).status !== 0) return 'java is not installed'
  return bringJars(pom, apacheKafkaJars, `Apache Kafka ${kafkaVersion}`)
}

/** Throws with the reason when Apache Kafka can't run here. */
export function fetchApacheKafka(): void {
  const missing = whyNoApacheKafka()
  if (missing) throw new Error(missing)
}

/**
 * Has Maven bring what a POM names into a folder, where that isn't there yet. Several processes may call it at once.
 * Gives what is missing, or Maven's first complaint; undefined when the jars are there.
 */
export function bringJars(pomFile: string, folder: string, what: string): string | undefined {
  if (existsSync(folder)) return undefined
  if (spawnSync('mvn', ['-version']).status !== 0)
    return `mvn is not installed, and ${relative(root, folder)} is not there`
  mkdirSync(dirname(folder), { recursive: true })
  const part = mkdtempSync(`${folder}.part-`)
  const goal = ['dependency:copy-dependencies', `-DoutputDirectory=${part}`, '-DincludeScope=runtime']
  const maven = spawnSync('mvn', ['-B', '-q', '-f', pomFile, ...goal], { encoding: 'utf8', timeout: 300_000 })
  if (maven.status !== 0) {
    rmSync(part, { recursive: true, force: true })
    const complaint =
      /ERROR\S*\s+(.+?)(?: -> |\n)/.exec(`${maven.stdout}${maven.stderr}`)?.[1] ?? 'no answer within 300 s'
    return `Maven could not fetch ${what}: ${complaint}`
  }
  try {
    renameSync(part, folder)
  } catch (error) {
    rmSync(part, { recursive: true, force: true })
    if (!existsSync(folder)) throw error
  }
  return undefined
}

export interface ApacheKafkaOptions {
  /** Port of the client listener; a free one when absent. Give it to start again at the same address. */
  port?: number
  /** Folder for everything; formatted when it is new, opened as it is otherwise. A temporary one, removed by stop(), when absent. */
  dir?: string
  /** Server properties, over the ones that make a single node work. */
  properties?: Record<string, string>
  /** Java heap; Kafka's own start script gives 1 GB. */
  heap?: string
  /** Of the cluster that a new folder is formatted for; a new one when absent. 22 characters of base64url. */
  clusterId?: string
}

/** A formatted node that has not been started: run `command` with `args`. */
export interface ApacheKafkaCommand {
  command: string
  args: string[]
  bootstrap: string
  port: number
  dir: string
}

export interface ApacheKafka {
  /** host:port for clients. */
  readonly bootstrap: string
  readonly port: number
  readonly dir: string
  readonly pid: number
  /** The newest part of what the broker printed. */
  output(): string
  /** Asks it to stop (SIGTERM), waits for its end and removes a temporary folder. */
  stop(): Promise<void>
  /** kill -9, and waits for its end. The folder stays, unless it was temporary. */
  kill(): Promise<void>
}

/** Start flags of Kafka's own bin/kafka-run-class.sh. */
const jvmFlags = [
  '-server',
  '-XX:+UseG1GC',
  '-XX:MaxGCPauseMillis=20',
  '-XX:InitiatingHeapOccupancyPercent=35',
  '-XX:+ExplicitGCInvokesConcurrent',
  '-XX:MaxInlineLevel=15',
  '-Djava.awt.headless=true'
]

const logging = `
rootLogger.level = INFO
rootLogger.appenderRef.out.ref = out
appender.out.type = Console
appender.out.name = out
appender.out.layout.type = PatternLayout
appender.out.layout.pattern = [%d] %p %m (%c)%n
`

/** Writes the configuration of one node and formats its folder when it is new. */
export async function apacheKafkaCommand(options: ApacheKafkaOptions = {}): Promise<ApacheKafkaCommand> {
  fetchApacheKafka()
  const dir = options.dir ?? mkdtempSync(join(tmpdir(), 'apache-kafka-'))
  mkdirSync(dir, { recursive: true })
  const port = options.port ?? (await freePort())
  const controllerPort = await freePort()
  const properties: Record<string, string> = {
    'process.roles': 'broker,controller',
    'node.id': '1',
    'controller.quorum.voters': `1@127.0.0.1:${controllerPort}`,
    'controller.listener.names': 'CONTROLLER',
    'inter.broker.listener.name': 'PLAINTEXT',
    'listener.security.protocol.map': 'CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT',
    listeners: `PLAINTEXT://127.0.0.1:${port},CONTROLLER://127.0.0.1:${controllerPort}`,
    'advertised.listeners': `PLAINTEXT://127.0.0.1:${port}`,
    'log.dirs': join(dir, 'data'),
    'offsets.topic.replication.factor': '1',
    'offsets.topic.num.partitions': '4',
    'transaction.state.log.replication.factor': '1',
    'transaction.state.log.min.isr': '1',
    'transaction.state.log.num.partitions': '4',
    'share.coordinator.state.topic.replication.factor': '1',
    'share.coordinator.state.topic.min.isr': '1',
    'group.initial.rebalance.delay.ms': '0',
    ...options.properties
  }
  const propertiesFile = join(dir, 'server.properties')
  const loggingFile = join(dir, 'log4j2.properties')
  writeFileSync(
    propertiesFile,
    Object.entries(properties)
      .map(([key, value]) => `${key}=${value}\n`)
      .join('')
  )
  writeFileSync(loggingFile, logging)
  const java = (...rest: string[]) => [
    `-Dlog4j2.configurationFile=${loggingFile}`,
    '-cp',
    join(apacheKafkaJars, '*'),
    ...rest
  ]

  if (!existsSync(join(dir, 'data', 'meta.properties'))) {
    const clusterId = options.clusterId ?? randomBytes(16).toString('base64url')
    // In one word: an id may begin with a dash.
    const formatting = java('kafka.tools.StorageTool', 'format', `--cluster-id=${clusterId}`, '-c', propertiesFile)
    const format = await run('java', formatting)
    if (format.code !== 0) throw new Error(`Apache Kafka could not format ${dir}:\n${format.stdout}${format.stderr}`)
  }
  const heap = options.heap ?? '1G'
  const args = [`-Xms${heap}`, `-Xmx${heap}`, ...jvmFlags, ...java('kafka.Kafka', propertiesFile)]
  return { command: 'java', args, bootstrap: `127.0.0.1:${port}`, port, dir }
}

/**
 * The same for the nodes of one cluster, each broker and controller: 1 at the first port, 2 at the second, and so on. Give
 * the same ports to start it again on its folder.
 */
export async function apacheKafkaClusterOptions(
  dir: string,
  ports: readonly number[],
  properties: Record<string, string> = {}
): Promise<ApacheKafkaOptions[]> {
  const controllers: number[] = []
  while (controllers.length < ports.length) {
    const port = await freePort()
    if (!controllers.includes(port) && !ports.includes(port)) controllers.push(port)
  }
  const replicas = String(Math.min(3, ports.length))
  const clusterId = randomBytes(16).toString('base64url')
  return ports.map((port, i) => ({
    port,
    dir: join(dir, `node-${i + 1}`),
    clusterId,
    properties: {
      'node.id': String(i + 1),
      'controller.quorum.voters': controllers.map((controller, at) => `${at + 1}@127.0.0.1:${controller}`).join(','),
      listeners: `PLAINTEXT://127.0.0.1:${port},CONTROLLER://127.0.0.1:${controllers[i]}`,
      'offsets.topic.replication.factor': replicas,
      'transaction.state.log.replication.factor': replicas,
      'share.coordinator.state.topic.replication.factor': replicas,
      ...properties
    }
  }))
}

/** A started cluster of Apache Kafka. */
export interface ApacheKafkaCluster {
  readonly bootstrap: string
  /** Node 1 first. */
  readonly nodes: readonly ApacheKafka[]
  /** Stops all of them and removes a temporary folder. */
  stop(): Promise<void>
}

/** Starts `count` nodes at free ports, in a temporary folder, and waits until all of them serve. */
export async function startApacheKafkaCluster(
  count: number,
  properties: Record<string, string> = {},
  heap = '512M'
): Promise<ApacheKafkaCluster> {
  fetchApacheKafka()
  const dir = mkdtempSync(join(tmpdir(), 'apache-kafka-cluster-'))
  const ports: number[] = []
  while (ports.length < count) ports.push(await freePort())
  const nodes = await Promise.all(
    (await apacheKafkaClusterOptions(dir, ports, properties)).map(options => startApacheKafka({ ...options, heap }))
  )
  return {
    bootstrap: nodes.map(({ bootstrap }) => bootstrap).join(','),
    nodes,
    async stop() {
      await Promise.all(nodes.map(node => node.kill()))
      rmSync(dir, { recursive: true, force: true })
    }
  }
}

/** Starts one node and waits until it serves. Throws with what it printed when it ends instead, or takes over three minutes: many share a machine. */
export async function startApacheKafka(options: ApacheKafkaOptions = {}): Promise<ApacheKafka> {
  const { command, args, bootstrap, port, dir } = await apacheKafkaCommand(options)
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'] })
  const exited = new Promise<void>(resolve => child.once('exit', () => resolve()))
  const killWithUs = () => child.kill('SIGKILL')
  process.once('exit', killWithUs)
  let output = ''
  const end = async (signal: NodeJS.Signals) => {
    child.kill(signal)
    await exited
    process.off('exit', killWithUs)
    if (options.dir === undefined) rmSync(dir, { recursive: true, force: true })
  }
  try {
    await new Promise<void>((resolve, reject) => {
      const give = (what: string) => reject(new Error(`Apache Kafka ${what}:\n${output}`))
      const timer = setTimeout(() => give('did not start within 180 s'), 180_000)
      const read = (chunk: string) => {
        output = (output + chunk).slice(-65_536)
        if (output.includes('Kafka Server started')) resolve()
      }
      child.stdout.setEncoding('utf8').on('data', read)
      child.stderr.setEncoding('utf8').on('data', read)
      child.once('error', reject)
      child.once('exit', code => give(`ended with ${code} before it served`))
      exited.then(() => clearTimeout(timer))
    })
  } catch (error) {
    await end('SIGKILL')
    throw error
  }
  return {
    bootstrap,
    port,
    dir,
    pid: child.pid!,
    output: () => output,
    stop: () => end('SIGTERM'),
    kill: () => end('SIGKILL')
  }
}

interface CommandResult {
  /** Exit code; null when it was killed. */
  code: number | null
  stdout: string
  stderr: string
}

/** Runs a command to its end, for a minute at most. */
function run(command: string, args: string[]): Promise<CommandResult> {
  return new Promise((resolve, reject) => {
    const child: ChildProcess = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'] })
    const timer = setTimeout(() => child.kill('SIGKILL'), 60_000)
    let stdout = ''
    let stderr = ''
    child.stdout!.setEncoding('utf8').on('data', chunk => (stdout += chunk))
    child.stderr!.setEncoding('utf8').on('data', chunk => (stderr += chunk))
    child.once('error', reject)
    child.once('close', code => {
      clearTimeout(timer)
      resolve({ code, stdout, stderr })
    })
  })
}

/**
 * A TCP port of 127.0.0.1 that nothing listens on now. From below the range that systems take for connections going
 * out: one of those could take it in the seconds that a JVM needs until it listens.
 */
export const freePort = (): Promise<number> => freePorts(1)

/** The first of `count` such ports in a row. */
export async function freePorts(count: number): Promise<number> {
  for (;;) {
    const first = randomInt(12_000, 32_000)
    const free = await Promise.all(Array.from({ length: count }, (_, i) => isFree(first + i)))
    if (!free.includes(false)) return first
  }
}

function isFree(port: number): Promise<boolean> {
  return new Promise(resolve => {
    const server = createServer()
    server.once('error', () => resolve(false))
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)))
  })
}
