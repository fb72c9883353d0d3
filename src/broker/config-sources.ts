import type { MetadataImage } from '../control/types.ts'
import { inFinestUnit, type Option, type OptionValues } from '../std/option.ts'

/** Where the text of a config was set, strongest first; `default`: nowhere. `logger`: the level of a logger. */
export type ConfigSource = 'topic' | 'dynamicBroker' | 'dynamicDefault' | 'static' | 'default' | 'logger'

/** A text that a config has somewhere. What is set for a broker may have another name than in a topic. */
export interface SourcedText {
  readonly name: string
  readonly text: string
  readonly source: ConfigSource
}

/** What one broker's options are set to: dynamically for it, dynamically for all brokers, or at its start. */
export interface BrokerSources {
  readonly image: MetadataImage
  readonly nodeId: number
  readonly values: OptionValues
}

/** Names that a broker option goes by: its own, and those in coarser units. */
type BrokerOption = Pick<Option, 'name' | 'coarser'>

/** Everywhere that a broker option is set, in whatever unit, strongest first; empty while its default holds. */
export function brokerTexts({ name, coarser = [] }: BrokerOption, sources: BrokerSources): SourcedText[] {
  const { image, nodeId, values } = sources
  const names = [name, ...coarser.map(unit => unit.name)]
  const texts: SourcedText[] = []
  const add = (textOf: (name: string) => string | undefined, source: ConfigSource) => {
    for (const set of names) {
      const text = textOf(set)
      if (text !== undefined) texts.push({ name: set, text, source })
    }
  }
  add(set => image.brokerConfigs(nodeId)[set], 'dynamicBroker')
  add(set => image.brokerConfigs(undefined)[set], 'dynamicDefault')
  add(set => values.textOf(set), 'static')
  return texts
}

/** The text that holds for a broker option, in its own unit; undefined while its default does. */
export function brokerText(option: BrokerOption, sources: BrokerSources): string | undefined {
  const first = brokerTexts(option, sources).at(0)
  const unit = first && option.coarser?.find(({ name }) => name === first.name)
  return first && (unit ? inFinestUnit(first.text, unit.factor) : first.text)
}
