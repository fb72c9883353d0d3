import { Command } from 'commander'
import {
  alterConfigs,
  type ConfigChange,
  type ConfigEntry,
  type ConfigResource,
  describeConfigs,
  listConfigResources,
  type ResourceType,
  resourceTypes
} from '../client/admin-configs.ts'
import type { Cluster } from '../client/cluster.ts'
import { type ClientFlags, withClientFlags, withCluster } from './client.ts'
import { configChange, shownChanges } from './config-change.ts'
import { Failed, UsageError } from './failure.ts'
import { printJson, printRows } from './output.ts'

interface ConfigFlags extends ClientFlags {
  all?: boolean
  docs?: boolean
  dryRun?: boolean
  json?: boolean
}

const resourceHelp = 'topic/NAME, broker/ID, brokers (all of them), broker-logger/ID, group/NAME or client-metrics/NAME'

/** `naru config`. */
export function configCommand(): Command {
  return new Command('config')
    .description('Show and change the configs of topics, brokers, groups and client metrics.')
    .addCommand(list())
    .addCommand(get())
    .addCommand(set())
    .addCommand(unset())
    .addHelpText(
      'after',
      `
A config belongs to ${resourceHelp}.
What brokers were started with can't be changed here; what is set for one broker counts before what is set for all.

Examples:
  $ naru config list                                     what has configs
  $ naru config list topic/orders                        what is set on a topic
  $ naru config list broker/1 --all --docs               everything, with what it does
  $ naru config get topic/orders retention.ms            value, where it comes from, what it does
  $ naru config set topic/orders retention.ms=3600000
  $ naru config set brokers log.retention.ms=86400000 --dry-run
  $ naru config unset topic/orders retention.ms
`
    )
}

function list(): Command {
  return withClientFlags(new Command('list'))
    .description('List what has configs, or the configs of one thing: those that are set, or all of them.')
    .argument('[resource]', resourceHelp)
    .option('-a, --all', 'defaults too')
    .option('--docs', 'tell what each does')
    .option('--json', 'print one line of JSON for each')
    .action((text: string | undefined, flags: ConfigFlags) =>
      withCluster(flags, async cluster => {
        if (text === undefined) return listResources(cluster, flags)
        const resource = resourceOf(text)
        const entries = await cluster.retrying(() => describeConfigs(cluster, resource, true))
        const shown = flags.all ? entries : entries.filter(({ source }) => isOwn(resource, source))
        if (flags.docs && !flags.json) {
          for (const entry of shown) process.stdout.write(`${paragraph(entry)}\n`)
          return
        }
        const rows = shown.map(entry => ({ resource: text, ...entry }))
        printRows(rows, columns, { json: flags.json, empty: `Nothing is set for ${text}; --all shows the defaults.` })
      })
    )
}

/** Whether a value is set on the thing itself, or, for a broker, anywhere. */
function isOwn({ type, name }: ConfigResource, source: ConfigEntry['source']): boolean {
  if (type === 'broker' || type === 'broker-logger')
    return name === '' ? source === 'all brokers' : source !== 'default'
  return source === { topic: 'topic', group: 'group', 'client-metrics': 'client metrics' }[type]
}

const columns = {
  config: ({ name }: ConfigEntry) => name,
  value: valueText,
  source: ({ source }: ConfigEntry) => source,
  'can change': ({ readOnly }: ConfigEntry) => (readOnly ? 'no' : 'yes')
}

async function listResources(cluster: Cluster, flags: ConfigFlags): Promise<void> {
  const resources = await cluster.retrying(() => listConfigResources(cluster))
  const rows = resources.map(({ type, name }) => ({ resource: `${type}/${name}`, type, name }))
  printRows(rows, { resource: row => row.resource }, { json: flags.json, empty: 'Nothing has configs.' })
}

function get(): Command {
  return withClientFlags(new Command('get'))
    .description('Show configs: value, where it comes from, what it does.')
    .argument('<resource>', resourceHelp)
    .argument('<names...>', 'names of configs')
    .option('--json', 'print one line of JSON for each')
    .action((text: string, names: string[], flags: ConfigFlags) =>
      withCluster(flags, async cluster => {
        const resource = resourceOf(text)
        const entries = await cluster.retrying(() => describeConfigs(cluster, resource, true))
        for (const name of names) {
          const entry = entries.find(entry => entry.name === name)
          if (!entry) throw new Failed(`${text} has no config ${name}.`, hintFor(name, entries, text))
          if (flags.json) printJson({ resource: text, ...entry })
          else process.stdout.write(paragraph(entry))
        }
      })
    )
}

/** The names that come near to a mistyped one. */
function hintFor(name: string, entries: readonly ConfigEntry[], resource: string): string {
  const words = name.toLowerCase().split(/[._-]/)
  const hits = ({ name }: ConfigEntry) => words.filter(word => name.split('.').includes(word)).length
  const near = entries
    .filter(entry => hits(entry) >= Math.max(1, words.length - 1))
    .sort(
      (a, b) => hits(b) - hits(a) || a.name.split('.').length - b.name.split('.').length || (a.name < b.name ? -1 : 1)
    )
  const listed = near.slice(0, 5).map(entry => entry.name)
  return listed.length > 0
    ? `Did you mean ${listed.join(' or ')}?`
    : `'naru config list ${resource} --all' shows those that there are.`
}

function set(): Command {
  return changing(
    withClientFlags(new Command('set'))
      .description('Set configs: all of them, or none when one is refused.')
      .argument('<resource>', resourceHelp)
      .argument('<changes...>', 'name=value; name+=item and name-=item change a list'),
    text => configChange(text, 'config set')
  )
}

function unset(): Command {
  return changing(
    withClientFlags(new Command('unset'))
      .description('Take configs back: what lies behind them counts again.')
      .argument('<resource>', resourceHelp)
      .argument('<names...>', 'names of configs'),
    name => ({ name, operation: 'delete', value: null })
  )
}

function changing(command: Command, changeOf: (text: string) => ConfigChange): Command {
  return command
    .option('--dry-run', 'only say what would change, and whether the broker takes it')
    .option('--json', 'print one line of JSON for each change')
    .action((text: string, texts: string[], flags: ConfigFlags) => {
      const resource = resourceOf(text)
      const changes = texts.map(changeOf)
      return withCluster(flags, async cluster => {
        const before = await cluster.retrying(() => describeConfigs(cluster, resource))
        await alterConfigs(cluster, resource, changes, flags.dryRun)
        const shown = shownChanges(before, changes)
        if (flags.json) {
          for (const change of shown) printJson({ resource: text, ...change, dryRun: flags.dryRun === true })
          return
        }
        if (flags.dryRun) process.stdout.write('The broker would take this; nothing was changed:\n')
        for (const { name, from, to } of shown)
          process.stdout.write(`${flags.dryRun ? '  ' : ''}${text} ${name}: ${from ?? '(none)'} -> ${to}\n`)
      })
    })
}

/** Takes `topic/orders` apart. Throws UsageError. */
export function resourceOf(text: string): ConfigResource {
  if (text === 'brokers') return { type: 'broker', name: '' }
  const at = text.indexOf('/')
  const type = text.slice(0, Math.max(0, at))
  const name = text.slice(at + 1)
  if (!(type in resourceTypes) || name === '') throw new UsageError(`'${text}' is none of ${resourceHelp}.`)
  if (type.startsWith('broker') && !/^\d+$/.test(name))
    throw new UsageError(`A broker's name is its number: broker/1, or brokers for all of them.`)
  return { type: type as ResourceType, name }
}

function valueText({ value, sensitive }: ConfigEntry): string {
  if (value !== null) return value === '' ? "''" : value
  return sensitive ? '(hidden)' : '(none)'
}

/** A config with everything that is known of it. */
function paragraph(entry: ConfigEntry): string {
  const { name, type, readOnly, source, synonyms, documentation } = entry
  const lines = [
    `${name} = ${valueText(entry)}`,
    `  from ${source}; ${type}${readOnly ? "; can't be changed while the broker runs" : ''}`
  ]
  for (const synonym of synonyms.slice(1))
    lines.push(`  behind it: ${synonym.name} = ${synonym.value ?? '(hidden)'} from ${synonym.source}`)
  if (documentation !== '') lines.push(...wrap(documentation, 100).map(line => `  ${line}`))
  return `${lines.join('\n')}\n`
}

function wrap(text: string, width: number): string[] {
  const lines: string[] = []
  let line = ''
  for (const word of text.replace(/<[^>]+>/g, '').split(/\s+/)) {
    if (line !== '' && line.length + word.length >= width) {
      lines.push(line)
      line = word
    } else line = line === '' ? word : `${line} ${word}`
  }
  return line === '' ? lines : [...lines, line]
}
