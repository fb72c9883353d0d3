import { type ChildProcess, spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { apacheKafkaJars, whyNoApacheKafka, whyNoJdk } from '../../support/apache-kafka.ts'
import { buildJava } from '../../support/java.ts'
import { until } from './ask.ts'
import { History } from './history.ts'

/** What keeps the Java client from taking part, for `skip`; undefined when nothing does. */
export const whyNoJavaClient = (): string | undefined => whyNoApacheKafka() ?? whyNoJdk()

/** Compiles the program that `JavaClients` run, and gives its command. */
export const buildJavaClients = (): string[] => buildJava(apacheKafkaJars, 'failover', ['failover'], 'Failover')

/** A line of compat/java/src/failover. */
interface Line {
  readonly acknowledged?: string
  readonly failed?: string
  readonly read?: string
  readonly committed?: number
  readonly assigned?: number
  readonly crashed?: string
  readonly stopped?: boolean
  readonly partition: number
  readonly offset: number
  readonly member: number
}

/** Kafka's own Java client under load: idempotent producers, and a group with a history of its own, as it has its own commits. */
export class JavaClients {
  /** What its group has read. */
  readonly group = new History()
  private readonly producers: History
  private readonly child: ChildProcess
  private readonly last = new Map<string, number>()
  private readonly ended: Promise<void>
  private stopped = false
  private complaint = ''

  /** `producers`: the history in which its producers stand among others. */
  constructor(
    built: readonly string[],
    bootstraps: readonly string[],
    topic: string,
    group: string,
    partitions: number,
    producers: History
  ) {
    this.producers = producers
    for (let partition = 0; partition < partitions; partition++)
      producers.producer(`java-${partition}`, 'kafka-clients', partition, true)
    const [command, ...args] = built
    const rest = [bootstraps.join(','), topic, group, String(partitions)]
    const child = spawn(command, [...args, ...rest], { stdio: ['pipe', 'pipe', 'pipe'] })
    const killWithUs = () => child.kill('SIGKILL')
    process.once('exit', killWithUs)
    this.child = child
    this.ended = new Promise(resolve =>
      child.once('close', () => {
        process.off('exit', killWithUs)
        resolve()
      })
    )
    child.stdin.on('error', () => {}) // its end says it
    child.stderr.setEncoding('utf8').on('data', text => (this.complaint = (this.complaint + text).slice(-4000)))
    createInterface({ input: child.stdout }).on('line', line => this.take(JSON.parse(line) as Line))
  }

  /** Ends the producers. */
  async stopProducers(): Promise<void> {
    this.child.stdin!.write('\n')
    await until(
      () => this.stopped || this.child.exitCode !== null,
      () => `the Java client ends its producers: ${this.complaint}`,
      150_000
    )
  }

  /** Waits until the group has read this far, and ends it. */
  async close(ends: ReadonlyMap<number, number>): Promise<void> {
    const has = (partition: number, offset: number) => this.group.read.get(partition)?.has(offset)
    await until(
      () => [...ends].every(([partition, offset]) => has(partition, offset)),
      'the Java group reads all'
    ).catch((error: Error) => this.group.note('skipped', error.message))
    this.child.stdin!.end()
    const timer = setTimeout(() => this.child.kill('SIGKILL'), 30_000)
    await this.ended
    clearTimeout(timer)
  }

  private take(line: Line): void {
    const { partition, offset, member } = line
    const atMs = performance.now()
    const producer = () => this.producers.producers.find(({ name }) => name === `java-${partition}`)!
    if (line.acknowledged !== undefined)
      producer().acknowledged.push({ value: line.acknowledged, partition, offset, atMs })
    else if (line.failed !== undefined) producer().errors.push({ atMs, message: line.failed })
    else if (line.assigned !== undefined) this.last.delete(`${member}:${line.assigned}`)
    else if (line.read !== undefined) {
      const place = `${member}:${partition}`
      this.group.reads(partition, [[offset, line.read]], this.last.get(place), atMs)
      this.last.set(place, offset)
    } else if (line.committed !== undefined) this.group.committed(partition, line.committed)
    else if (line.crashed !== undefined) this.group.crashes.push(line.crashed)
    else if (line.stopped) this.stopped = true
  }
}
