/** Kafka's command-line tools in one JVM for all calls (RunTools.java): a JVM for each call would cost seconds. */
import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { apacheKafkaJars } from '../../test/support/apache-kafka.ts'

const toolClasses = {
  'kafka-acls': 'org.apache.kafka.tools.AclCommand',
  'kafka-broker-api-versions': 'org.apache.kafka.tools.BrokerApiVersionsCommand',
  'kafka-client-metrics': 'org.apache.kafka.tools.ClientMetricsCommand',
  'kafka-cluster': 'org.apache.kafka.tools.ClusterTool',
  'kafka-configs': 'kafka.admin.ConfigCommand',
  'kafka-console-consumer': 'org.apache.kafka.tools.consumer.ConsoleConsumer',
  'kafka-console-producer': 'org.apache.kafka.tools.ConsoleProducer',
  'kafka-console-share-consumer': 'org.apache.kafka.tools.consumer.ConsoleShareConsumer',
  'kafka-consumer-groups': 'org.apache.kafka.tools.consumer.group.ConsumerGroupCommand',
  'kafka-consumer-perf-test': 'org.apache.kafka.tools.ConsumerPerformance',
  'kafka-delegation-tokens': 'org.apache.kafka.tools.DelegationTokenCommand',
  'kafka-delete-records': 'org.apache.kafka.tools.DeleteRecordsCommand',
  'kafka-e2e-latency': 'org.apache.kafka.tools.EndToEndLatency',
  'kafka-features': 'org.apache.kafka.tools.FeatureCommand',
  'kafka-get-offsets': 'org.apache.kafka.tools.GetOffsetShell',
  'kafka-groups': 'org.apache.kafka.tools.GroupsCommand',
  'kafka-leader-election': 'org.apache.kafka.tools.LeaderElectionCommand',
  'kafka-log-dirs': 'org.apache.kafka.tools.LogDirsCommand',
  'kafka-metadata-quorum': 'org.apache.kafka.tools.MetadataQuorumCommand',
  'kafka-producer-perf-test': 'org.apache.kafka.tools.ProducerPerformance',
  'kafka-reassign-partitions': 'org.apache.kafka.tools.reassign.ReassignPartitionsCommand',
  'kafka-replica-verification': 'org.apache.kafka.tools.ReplicaVerificationTool',
  'kafka-share-groups': 'org.apache.kafka.tools.consumer.group.ShareGroupCommand',
  'kafka-streams-groups': 'org.apache.kafka.tools.streams.StreamsGroupCommand',
  'kafka-topics': 'org.apache.kafka.tools.TopicCommand',
  'kafka-transactions': 'org.apache.kafka.tools.TransactionsCommand',
  'kafka-verifiable-consumer': 'org.apache.kafka.tools.VerifiableConsumer',
  'kafka-verifiable-producer': 'org.apache.kafka.tools.VerifiableProducer'
} as const

export type KafkaTool = keyof typeof toolClasses

export interface ToolResult {
  code: number
  stdout: string
  stderr: string
}

export interface RunningTool {
  /** Rejects when the JVM ends, and when the tool takes longer than a minute. */
  readonly result: Promise<ToolResult>
  /** Asks the tool to end, as SIGTERM does. */
  stop(): void
}

interface Waiting {
  resolve(result: ToolResult): void
  reject(error: Error): void
  timer: NodeJS.Timeout
}

export interface ToolRunner {
  /** Starts a tool (its name without `.sh`); `input` is its standard input, to the end. */
  start(tool: KafkaTool, args: readonly string[], input?: string): RunningTool
  close(): void
}

const timeoutMs = 60_000

const logging = `
rootLogger.level = WARN
rootLogger.appenderRef.out.ref = out
appender.out.type = Console
appender.out.name = out
appender.out.target = SYSTEM_ERR
appender.out.layout.type = PatternLayout
appender.out.layout.pattern = [%d] %p %m (%c)%n
`

const base64 = (text: string) => Buffer.from(text).toString('base64')
const text = (encoded: string) => Buffer.from(encoded, 'base64').toString('utf8')

export function startToolRunner(): ToolRunner {
  const folder = mkdtempSync(join(tmpdir(), 'kafka-tools-'))
  const loggingFile = join(folder, 'log4j2.properties')
  writeFileSync(loggingFile, logging)
  const source = fileURLToPath(new URL('RunTools.java', import.meta.url))
  const flags = ['-Xmx512M', '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1']
  const java = [...flags, `-Dlog4j2.configurationFile=${loggingFile}`, '-cp', join(apacheKafkaJars, '*'), source]
  const child: ChildProcess = spawn('java', java, { stdio: ['pipe', 'pipe', 'pipe'] })
  const killWithUs = () => child.kill('SIGKILL')
  process.once('exit', killWithUs)
  const waiting = new Map<string, Waiting>()
  let printed = ''
  let complaint = ''
  child.stdin!.on('error', () => {}) // the exit says it
  child.stderr!.setEncoding('utf8').on('data', chunk => (complaint = (complaint + chunk).slice(-8192)))
  child.stdout!.setEncoding('utf8').on('data', chunk => {
    printed += chunk
    for (let end = printed.indexOf('\n'); end >= 0; end = printed.indexOf('\n')) {
      const [id, code, stdout, stderr] = printed.slice(0, end).split(' ')
      printed = printed.slice(end + 1)
      const tool = waiting.get(id)
      waiting.delete(id)
      clearTimeout(tool?.timer)
      tool?.resolve({ code: Number(code), stdout: text(stdout), stderr: text(stderr) })
    }
  })
  const exited = (how: unknown) => {
    for (const { reject } of waiting.values()) reject(new Error(`the tools' JVM ended (${how}): ${complaint}`))
    process.off('exit', killWithUs)
    rmSync(folder, { recursive: true, force: true })
  }
  child.once('error', exited)
  child.once('exit', (code, signal) => exited(code ?? signal))
  let count = 0
  return {
    start(tool, args, input = '') {
      const id = String(++count)
      const result = new Promise<ToolResult>((resolve, reject) => {
        if (child.exitCode !== null) throw new Error(`the tools' JVM has ended: ${complaint}`)
        const timer = setTimeout(() => reject(new Error(`${tool} did not end within ${timeoutMs} ms`)), timeoutMs)
        waiting.set(id, { resolve, reject, timer })
      })
      child.stdin!.write(`run ${id} ${toolClasses[tool]} ${[input, ...args].map(base64).join(' ')}\n`)
      return { result, stop: () => child.stdin!.write(`stop ${id}\n`) }
    },
    close: () => child.stdin!.end()
  }
}
