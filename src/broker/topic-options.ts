import { controlTopicOptions } from '../control/topic-policy.ts'
import type { MetadataImage } from '../control/types.ts'
import { type PartitionTopicConfig, partitionTopicOptions } from '../partition/options.ts'
import { throttledPartitions, throttledTopicOptions } from '../partition/throttled.ts'
import { NaruError } from '../std/errors.ts'
import { formatOption, type Option, type OptionValue, OptionValues, parseOption } from '../std/option.ts'
import { logConfig, storageTopicOptions } from '../storage/options.ts'
import type { LogConfig } from '../storage/types.ts'
import { brokerText } from './config-sources.ts'
import { type FixedOption, fixedTopicOptions } from './fixed-topic-options.ts'

/** Texts that are set for a topic, by config name. */
export type ConfigTexts = Readonly<Record<string, string>>

/** What a topic's logs and partitions obey. */
export interface TopicConfig {
  readonly log: LogConfig
  readonly partition: PartitionTopicConfig
}

/** The topic options that have an effect here. */
const effective: readonly Option[] = [
  storageTopicOptions,
  partitionTopicOptions,
  controlTopicOptions,
  throttledTopicOptions
].flatMap(group => Object.values<Option>(group))

const fixed = new Map<string, FixedOption>(fixedTopicOptions.map(entry => [entry.option.name, entry]))

/** Every topic option by name, in order of the names. */
export const topicOptions: ReadonlyMap<string, Option> = new Map(
  [...effective, ...fixedTopicOptions.map(({ option }) => option)]
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .map(option => [option.name, option])
)

/** What Kafka refuses for brokers and not for topics: 0 would delete everything that anybody has. */
const brokerChecks: Readonly<Record<string, Option['check']>> = {
  'log.retention.ms': (value: unknown) => (value === 0n ? 'It must be unlimited (-1) or at least 1' : undefined)
}

/** The broker options that give topics their defaults: `log.retention.ms` for `retention.ms`. */
export const topicDefaultOptions: readonly Option[] = effective.flatMap(({ broker, ...option }) =>
  broker === undefined
    ? []
    : [
        {
          ...option,
          name: broker,
          dynamic: true,
          check: brokerChecks[broker],
          doc: `${option.doc} The default of ${option.name} of topics.`
        }
      ]
)

/** Those behind topic options that can't be chosen: they take their default only. */
export const fixedBrokerOptions: readonly Option[] = fixedTopicOptions.flatMap(
  ({ option: { broker, ...option }, why }) =>
    broker === undefined
      ? []
      : [
          {
            ...option,
            name: broker,
            dynamic: true,
            check: (value: OptionValue<Option>) =>
              formatOption(option, value) === formatOption(option, option.default) ? undefined : why
          }
        ]
)

/**
 * Checks texts that are to be set for a topic and gives them in their plain form. Throws INVALID_CONFIG for a config
 * that Kafka doesn't have, and for a value that would have no effect here.
 */
export function checkTopicConfigs(texts: ConfigTexts): ConfigTexts {
  const checked: Record<string, string> = {}
  for (const [name, text] of Object.entries(texts)) {
    const option = topicOptions.get(name)
    if (!option) throw new NaruError('INVALID_CONFIG', `Unknown topic config name: ${name}`)
    const plain = formatOption(option, parseOption(option, text))
    const only = fixed.get(name)
    if (only && plain !== formatOption(option, option.default))
      throw new NaruError('INVALID_CONFIG', `Invalid value ${text} for configuration ${name}: ${only.why}`)
    checked[name] = plain
  }
  return checked
}

/**
 * What holds for a topic: what is set for it, else for this broker, else for all brokers, else at the broker's start,
 * else the default.
 */
export function topicConfig(
  texts: ConfigTexts,
  image: MetadataImage,
  nodeId: number,
  values: OptionValues
): TopicConfig {
  const resolved: Record<string, string> = {}
  for (const { name, broker, coarser } of effective) {
    const text = texts[name] ?? (broker && brokerText({ name: broker, coarser }, { image, nodeId, values }))
    if (text !== undefined) resolved[name] = text
  }
  const all = new OptionValues(resolved)
  const log = logConfig(all)
  const { leader, follower } = all.of(throttledTopicOptions)
  const throttled = { leader: throttledPartitions(leader, nodeId), follower: throttledPartitions(follower, nodeId) }
  return { log, partition: { ...all.of(partitionTopicOptions), requireKeys: log.compact, throttled } }
}
