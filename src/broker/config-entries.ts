import { formatOption, type Option, option, parseOption, withUnits } from '../std/option.ts'
import { type BrokerSources, brokerText, brokerTexts, type ConfigSource, type SourcedText } from './config-sources.ts'
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

/** All configs of a topic for which `texts` are set, in order of names. */
export function topicEntries(texts: ConfigTexts, sources: BrokerSources): ConfigEntry[] {
  return Array.from(topicOptions.values(), option => {
    const { name, broker } = option
    const own = texts[name] ?? (broker && brokerText({ ...option, name: broker }, sources))
    const synonyms: SourcedText[] = []
    if (texts[name] !== undefined) synonyms.push({ name, text: texts[name], source: 'topic' })
    if (broker !== undefined) {
      const places = everywhere({ ...option, name: broker }, sources)
      if (!option.coarser || places.length > 1) synonyms.push(...places)
    }
    return entry(option, own, synonyms, false)
  })
}

/** The configs of one broker. `dynamic`: the options that can be changed while it runs. */
export function brokerEntries(
  options: readonly Option[],
  sources: BrokerSources,
  dynamic: ReadonlyMap<string, Option>
): ConfigEntry[] {
  return options.flatMap(option => {
    return withUnits(option).map(unit => {
      const synonyms = everywhere(option, sources)
      // What is set in a finer unit says nothing of this one.
      const from = synonyms.findIndex(({ name }) => name === unit.name)
      const own = from === -1 ? [] : synonyms.slice(from)
      const made = entry(unit, own.at(0)?.text, own, !dynamic.has(unit.name))
      // As Kafka: in a unit in which nothing is set, and which has no default of its own (or none that is shown), it has no value.
      return own.length > 0 ? made : { ...made, value: null }
    })
  })
}

/** Not to be set: the protocol has no other place in which a broker could tell it. */
const versionOption = option({
  name: 'naru.version',
  type: 'string',
  default: '',
  doc: "The version of Naru that the broker runs. It can't be set."
})

/** Tells which version of the program a broker is. */
export function versionEntry(version: string): ConfigEntry {
  const { name } = versionOption
  const synonyms = [{ name, value: version, source: 'default' }] as const
  return { option: versionOption, name, value: version, source: 'default', readOnly: true, synonyms }
}

/** The configs that are set for all brokers. */
export function clusterEntries(texts: ConfigTexts, dynamic: ReadonlyMap<string, Option>): ConfigEntry[] {
  return Object.entries(texts).flatMap(([name, text]) => {
    const option = dynamic.get(name)
    return option ? [entry(option, text, [{ name, text, source: 'dynamicDefault' }], false)] : []
  })
}

function entry(option: Option, own: string | undefined, texts: readonly SourcedText[], readOnly: boolean): ConfigEntry {
  const shown = (text: string) => (option.sensitive ? null : text)
  return {
    option,
    name: option.name,
    value: shown(formatOption(option, own === undefined ? option.default : parseOption(option, own))),
    source: texts.at(0)?.source ?? 'default',
    readOnly,
    synonyms: texts.map(({ name, text, source }) => ({ name, value: shown(text), source }))
  }
}

/**
 * Everywhere that a broker option has a text, its default last. Where there are coarser units the coarsest one has the
 * default, and it is shown beside what is set only, as in Kafka.
 */
function everywhere(option: Option, sources: BrokerSources): SourcedText[] {
  const texts = brokerTexts(option, sources)
  const coarsest = option.coarser?.at(-1)
  if (option.hiddenDefault) return texts
  if (!coarsest) return [...texts, { name: option.name, text: formatOption(option, option.default), source: 'default' }]
  return [
    ...texts,
    { name: coarsest.name, text: String(BigInt(String(option.default)) / coarsest.factor), source: 'default' }
  ]
}
