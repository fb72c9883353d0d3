import { formatOption, type Option, parseOption } from '../std/option.ts'
import { type BrokerSources, brokerTexts, type ConfigSource, type SourcedText } from './config-sources.ts'
import { type ConfigTexts, topicOptions } from './topic-options.ts'

/** What a config has in one place; no text where it must not be shown. */
export interface ConfigSynonym {
  readonly name: string
  readonly value: string | null
  readonly source: ConfigSource
}

/** One config of a topic or a broker as clients see it. */
export interface ConfigEntry {
  readonly option: Option
  readonly name: string
  /** Null where it must not be shown. */
  readonly value: string | null
  readonly source: ConfigSource
  readonly readOnly: boolean
  /** Every place that gives it a value, the one that counts first. */
  readonly synonyms: readonly ConfigSynonym[]
}

/** In Kafka the broker options behind these have no default of their own: that of a coarser unit holds. */
const withoutDefaultSynonym = new Set(['retention.ms', 'segment.ms', 'segment.jitter.ms', 'flush.ms'])

/** All configs of a topic for which `texts` are set, in order of names. */
export function topicEntries(texts: ConfigTexts, sources: BrokerSources): ConfigEntry[] {
  return Array.from(topicOptions.values(), option => {
    const { name, broker } = option
    const synonyms: SourcedText[] = []
    if (texts[name] !== undefined) synonyms.push({ name, text: texts[name], source: 'topic' })
    if (broker !== undefined) {
      synonyms.push(...brokerTexts(broker, sources))
      if (!withoutDefaultSynonym.has(name)) synonyms.push(defaultOf(option, broker))
    }
    return entry(option, synonyms, false)
  })
}

/** The configs of one broker. `dynamic`: the options that can be changed while it runs. */
export function brokerEntries(
  options: readonly Option[],
  sources: BrokerSources,
  dynamic: ReadonlyMap<string, Option>
): ConfigEntry[] {
  return options.map(option => {
    const synonyms = [...brokerTexts(option.name, sources), defaultOf(option, option.name)]
    return entry(option, synonyms, !dynamic.has(option.name))
  })
}

/** The configs that are set for all brokers. */
export function clusterEntries(texts: ConfigTexts, dynamic: ReadonlyMap<string, Option>): ConfigEntry[] {
  return Object.entries(texts).flatMap(([name, text]) => {
    const option = dynamic.get(name)
    return option ? [entry(option, [{ name, text, source: 'dynamicDefault' }], false)] : []
  })
}

function entry(option: Option, texts: readonly SourcedText[], readOnly: boolean): ConfigEntry {
  const first = texts.at(0)
  const shown = (text: string) => (option.sensitive ? null : text)
  return {
    option,
    name: option.name,
    value: shown(formatOption(first === undefined ? option.default : parseOption(option, first.text))),
    source: first?.source ?? 'default',
    readOnly,
    synonyms: texts.map(({ name, text, source }) => ({ name, value: shown(text), source }))
  }
}

function defaultOf(option: Option, name: string): SourcedText {
  return { name, text: formatOption(option.default), source: 'default' }
}
