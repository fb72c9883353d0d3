import { readFile } from 'node:fs/promises'
import { Command, Option as Flag } from 'commander'
import { nodeOptions } from '../config/node-options.ts'
import { brokerOptions } from '../config/options.ts'
import { mergeTexts, type Texts, textsFromEnvironment } from '../config/sources.ts'
import { brokerTextsIn, supervisorOptions } from '../config/supervisor-options.ts'
import { etcdOptions } from '../metastore/etcd/options.ts'
import { type LogLevel, stderrLogger } from '../run/logger.ts'
import { type RunningBroker, runBroker } from '../run/start-broker.ts'
import type { RunningSupervisor } from '../run/supervised/supervisor.ts'
import { codeOf, messageOf, NaruError } from '../std/errors.ts'
import type { Logger } from '../std/log.ts'
import { type Option, OptionValues } from '../std/option.ts'
import { Failed, UsageError } from './failure.ts'
import { count } from './output.ts'

interface Flags {
  config?: string
  set?: Texts
  json?: boolean
  supervised?: boolean
  [flag: string]: unknown
}

/** The options that have a flag of their own; all others go by `--set name=value`. */
const flagged: readonly Option[] = [...Object.values(nodeOptions), supervisorOptions.brokers, etcdOptions.endpoints]
const known: readonly Option[] = [...brokerOptions, ...Object.values<Option>(supervisorOptions)]

/** `naru start`: a broker in the foreground, or several under a supervisor, until SIGINT or SIGTERM. */
export function startCommand(): Command {
  const command = new Command('start')
    .description(
      'Run a broker in the foreground, for any Kafka client; with --brokers several on this machine, a process each. Everything is kept in one folder, which the next start takes up again. Ctrl-C stops it cleanly.'
    )
    .option('--config <file>', 'YAML file of options, nested or written out: "num.partitions: 3"')
    .option('--set <name=value>', 'any other option (may be repeated)', collect)
    .option('--json', 'print what was started as one line of JSON')
    .addOption(new Flag('--supervised').hideHelp())
  for (const option of flagged) command.option(flagOf(option), helpOf(option))
  command.addHelpText(
    'after',
    `
Every option can also come from the environment (data.dir is NARU_DATA_DIR) or the file; a flag wins over the
environment, that over the file. docs/configuration.md has them all; 'naru config list broker/1 --all --docs' tells those
of a broker that runs.

With --brokers N a supervisor runs brokers 1 to N on the ports from --port on. Topics are copied to three of them unless
they say otherwise. A broker whose process ends is started again, and the others lead in its place meanwhile.

Examples:
  $ naru start                                  data in ./naru-data, port 9092
  $ naru start --memory --port 0                nothing on disk, any free port
  $ naru start --brokers 3                      a cluster: ports 9092, 9093, 9094
  $ naru start --set num.partitions=6 --set log.retention.ms=3600000
  $ naru start --etcd http://a:2379,b:2379,c:2379 --node-id 1
                                                one of a cluster of machines: see docs/operations.md
  $ naru start --config naru.yaml
  $ NARU_DATA_DIR=/var/lib/naru naru start --host 0.0.0.0 --advertised-host broker1.example.com
`
  )
  command.action((flags: Flags) => start(flags).catch(error => Promise.reject(failed(error))))
  return command
}

/** What kept a broker from starting: of options there is nothing to add, a port in use is the most usual cause. */
function failed(error: unknown): unknown {
  const message = messageOf(error)
  if (message.includes('EADDRINUSE'))
    return new Failed(message, 'Something listens there already: stop it, or choose another port with --port.')
  return codeOf(error) === 'INVALID_CONFIG' ? new UsageError(message) : error
}

async function start(flags: Flags): Promise<void> {
  if (flags.supervised) {
    const { serveSupervisor } = await import('../run/supervised/broker-process.ts')
    return serveSupervisor()
  }
  const texts = mergeTexts(
    known,
    flags.config === undefined ? {} : await textsOfFile(flags.config),
    textsFromEnvironment(process.env, known),
    flags.set ?? {},
    flagTexts(flags)
  )
  const values = new OptionValues(texts)
  const level = values.get(nodeOptions.logLevel) as LogLevel
  const logger = stderrLogger(level)
  if (values.get(supervisorOptions.brokers) > 0) return startSeveral(texts, logger, flags.json === true)
  const startedMs = performance.now()
  const broker = await runBroker(brokerTextsIn(texts), logger)
  stopOnSignals(broker, logger, () => {})
  print(broker, performance.now() - startedMs, flags.json === true)
}

async function startSeveral(texts: Texts, logger: Logger, json: boolean): Promise<void> {
  // Loaded for those who want it: one broker alone needs none of it.
  const { runSupervisor } = await import('../run/supervised/supervisor.ts')
  const startedMs = performance.now()
  const supervisor = await runSupervisor(texts, logger)
  stopOnSignals(supervisor, logger, () => supervisor.kill())
  printSeveral(supervisor, performance.now() - startedMs, json)
}

async function textsOfFile(file: string): Promise<Texts> {
  // Loaded for those who have such a file: the parser is a quarter of all the code that a start loads.
  const { textsFromYaml } = await import('../config/yaml.ts')
  let yaml: string
  try {
    yaml = await readFile(file, 'utf8')
  } catch (error) {
    throw new NaruError('INVALID_CONFIG', `Can't read ${file}: ${messageOf(error)}`)
  }
  return textsFromYaml(yaml, file)
}

/** The first signal stops cleanly, a second one at once. */
function stopOnSignals(running: { close(): Promise<void> }, logger: Logger, kill: () => void): void {
  let stopping = false
  const stop = () => {
    if (stopping) {
      kill()
      process.exit(1)
    }
    stopping = true
    running.close().catch(error => {
      logger.error({ err: error }, 'could not stop cleanly')
      process.exitCode = 1
    })
  }
  process.on('SIGINT', stop)
  process.on('SIGTERM', stop)
}

function print(broker: RunningBroker, tookMs: number, json: boolean): void {
  const { bootstrap, port, nodeId, clusterId, dataDir } = broker
  if (json) {
    process.stdout.write(`${JSON.stringify({ bootstrap, port, nodeId, clusterId, dataDir, pid: process.pid })}\n`)
    return
  }
  process.stdout.write(`Naru is ready after ${Math.round(tookMs)} ms.

  bootstrap   ${bootstrap}
  data        ${dataDir ?? 'in memory: gone when this process ends'}
  cluster     ${clusterId}, node ${nodeId}

Try, in another terminal:
  echo hello | kcat -b ${bootstrap} -P -t greetings
  kcat -b ${bootstrap} -C -t greetings -e

Ctrl-C stops it cleanly.
`)
}

function printSeveral(supervisor: RunningSupervisor, tookMs: number, json: boolean): void {
  const { bootstrap, clusterId, dataDir } = supervisor
  const brokers = supervisor.brokers().map(({ nodeId, bootstrap, port, pid }) => ({ nodeId, bootstrap, port, pid }))
  if (json) {
    process.stdout.write(`${JSON.stringify({ bootstrap, clusterId, dataDir, pid: process.pid, brokers })}\n`)
    return
  }
  const rows = brokers.map(broker => `  broker ${broker.nodeId}    ${broker.bootstrap}, process ${broker.pid}`)
  process.stdout.write(`Naru is ready after ${Math.round(tookMs)} ms, with ${count(brokers.length, 'broker')}.

  bootstrap   ${bootstrap}
  data        ${dataDir ?? 'in memory: gone when these processes end'}
  cluster     ${clusterId}
${rows.join('\n')}

Try, in another terminal:
  naru topic create greetings --bootstrap ${brokers[0].bootstrap}
  naru topic describe greetings --bootstrap ${brokers[0].bootstrap}

Ctrl-C stops them cleanly, one after the other.
`)
}

/** The words of an option's flag. */
function flagNameOf(option: Option): string {
  return option === etcdOptions.endpoints ? 'etcd' : option.name.replaceAll('.', '-')
}

function flagOf(option: Option): string {
  const name = `--${flagNameOf(option)}`
  return option.type === 'boolean' ? name : `${name} <${option.type === 'int' ? 'number' : 'text'}>`
}

/** As the help of other flags: it begins small, and has no full stop. */
function helpOf(option: Option): string {
  const doc = `${option.doc[0].toLowerCase()}${option.doc.slice(1).replace(/\.$/, '')}`
  const shown = String(option.default)
  return ['', 'false', '0'].includes(shown) ? doc : `${doc} (default: ${shown})`
}

function flagTexts(flags: Flags): Texts {
  const texts: Texts = {}
  for (const option of flagged) {
    const value = flags[flagNameOf(option).replaceAll(/-(\w)/g, (_, letter: string) => letter.toUpperCase())]
    if (value !== undefined) texts[option.name] = String(value)
  }
  return texts
}

function collect(pair: string, texts: Texts = {}): Texts {
  const at = pair.indexOf('=')
  if (at <= 0) throw new NaruError('INVALID_CONFIG', `--set takes name=value, not ${pair}`)
  return { ...texts, [pair.slice(0, at)]: pair.slice(at + 1) }
}
