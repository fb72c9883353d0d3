// `npm run docs`: writes the pages that are read off the code. `test/tidy/generated-docs.test.ts` holds them to it.
import { writeFileSync } from 'node:fs'
import { pathToFileURL } from 'node:url'
import { fixedTopicOptions } from '../src/broker/fixed-topic-options.ts'
import { otherResources } from '../src/broker/other-configs.ts'
import { refusedOptions } from '../src/broker/refused-options.ts'
import { fixedBrokerOptions } from '../src/broker/topic-options.ts'
import { nodeOptions } from '../src/config/node-options.ts'
import { brokerOptions } from '../src/config/options.ts'
import { environmentName } from '../src/config/sources.ts'
import { supervisorOptions } from '../src/config/supervisor-options.ts'
import { handlers } from '../src/doors/kafka/handlers/index.ts'
import { Router } from '../src/doors/kafka/router.ts'
import { partitionTopicOptions } from '../src/partition/options.ts'
import { formatOption, type Option } from '../src/std/option.ts'
import { storageTopicOptions } from '../src/storage/options.ts'

const note = '<!-- Made by `npm run docs` from the declarations in src/. Change them, not this page. -->'

/** The pages by path, as they should be now. */
export function generatedPages(): Record<string, string> {
  return {
    'docs/configuration.md': configurationPage(),
    'docs/kafka-options.md': kafkaOptionsPage(),
    'docs/protocol.md': protocolPage()
  }
}

function configurationPage(): string {
  const topic = [storageTopicOptions, partitionTopicOptions].flatMap(group => Object.values<Option>(group))
  const node: readonly Option[] = Object.values(nodeOptions)
  return `${note}
# Configuration

A broker option is given, weakest first, by the file of \`naru start --config naru.yaml\`, by the environment
(\`${environmentName('num.partitions')}\` for \`num.partitions\`) or by a flag: \`--port 9092\` for those of the first
table, \`--set num.partitions=3\` for all others. \`startBroker({ config: { 'num.partitions': 3 } })\` takes them in a program.
Names are Kafka's where Kafka has the option. An unknown name or a value that doesn't fit is refused at the start: Kafka takes
unknown names with a warning, but a misspelt \`log.retention.ms\` that nobody notices costs more than a start that fails.
[kafka-options.md](kafka-options.md) has Kafka's options that work otherwise or not at all, each with the reason.

Options marked *dynamic* can be changed while the broker runs, for one broker or for all (\`naru config\`, \`kafka-configs\`, any
admin client). What is set so is kept in the cluster and wins over the start's: first what is set for the one broker, then what
is set for all.

## The node

${table(node, false)}
## Several brokers

What \`naru start\` itself goes by, for [several brokers on one machine](cluster.md).

${table(Object.values<Option>(supervisorOptions), false)}
## The broker

${table(
  brokerOptions.filter(option => !node.includes(option) && !fixedBrokerOptions.includes(option)),
  false
)}
## Topics

Set when a topic is created or later (\`naru topic create --config retention.ms=3600000\`, any Kafka tool). What a topic doesn't set
comes from the broker option in the last column. A config of Kafka's that is not here is refused with INVALID_CONFIG, but for its
default ([kafka-options.md](kafka-options.md)); none is accepted and ignored.

${table(topic, true)}`
}

function kafkaOptionsPage(): string {
  const rows = fixedTopicOptions.map(({ option, why }) => {
    const { name, broker, coarser = [] } = option
    const names = broker === undefined ? [] : [broker, ...coarser.map(unit => unit.name)]
    return `| \`${name}\` | ${names.map(one => `\`${one}\``).join(', ')} | ${formatOption(option, option.default) || '(empty)'} | ${why} |`
  })
  const list = (names: readonly string[]) =>
    [...names]
      .sort()
      .map(name => `\`${name}\``)
      .join(', ')
  const refused = refusedOptions.map(({ why, names }) => `| ${why} | ${list(names)} |`)
  const others = Object.entries(otherResources).map(([type, { why, names }]) => `| ${type} | ${why} | ${list(names)} |`)
  return `${note}
# Options of Kafka's

Every topic and broker config of Kafka 4.3 either works ([configuration.md](configuration.md)) or is on this page. A test asks a running
Kafka for its list and compares.

## Those that take their default only

They are shown by every tool with the value that they have; another one is refused.

| topic config | broker option | value | why |
|---|---|---|---|
${rows.join('\n')}

## Broker options that are not there

They are not shown, and refused: at the start, and by AlterConfigs with INVALID_REQUEST.

| why | options |
|---|---|
${refused.join('\n')}

## Configs of groups and of clients' metrics

They are described as having none; setting one is refused with INVALID_CONFIG.

| of | why | configs |
|---|---|---|
${others.join('\n')}
`
}

function table(options: readonly Option[], withBroker: boolean): string {
  const rows = [...options]
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .map(option => {
      const shown = formatOption(option, option.default) || '(empty)'
      const unit = option.unit ? `, ${option.unit}` : ''
      const others = withBroker ? [] : (option.coarser ?? [])
      const same = others.every(({ factor }) => factor === 1n)
      const listed = others.map(({ name }) => `\`${name}\``).join(', ')
      const coarser = others.length > 0 ? ` ${same ? 'Where it is not set' : 'In a coarser unit'}: ${listed}.` : ''
      const values = option.values ? ` One of: ${option.values.join(', ')}.` : ''
      const broker = withBroker ? ` ${option.broker ? `\`${option.broker}\`` : ''} |` : ''
      const dynamic = option.dynamic ? ', dynamic' : ''
      return `| \`${option.name}\` | ${option.type}${unit}${dynamic} | ${shown} | ${option.doc}${values}${coarser} |${broker}`
    })
  const [heads, rule] = withBroker ? [' broker option |', '---|'] : ['', '']
  return `| option | type | default | what it does |${heads}\n|---|---|---|---|${rule}\n${rows.join('\n')}\n`
}

function protocolPage(): string {
  const rows = new Router(handlers)
    .served()
    .map(({ apiKey, name, minVersion, maxVersion }) => `| ${apiKey} | ${name} | ${minVersion}-${maxVersion} |`)
  return `${note}
# Kafka protocol

The APIs that this broker serves, as ApiVersions tells clients. Produce 0 to 2 are named, because older clients look for
them before they compress, and refused, as Kafka does.

| key | API | versions |
|---|---|---|
${rows.join('\n')}
`
}

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href)
  for (const [path, text] of Object.entries(generatedPages())) writeFileSync(path, text)
