import type { MetadataImage } from '../control/types.ts'
import type { OptionValues } from '../std/option.ts'

/** Where the text of a config was set, strongest first; `default`: nowhere. */
export type ConfigSource = 'topic' | 'dynamicBroker' | 'dynamicDefault' | 'static' | 'default'

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

/** Everywhere that a broker option is set, strongest first; empty while its default holds. */
export function brokerTexts(name: string, { image, nodeId, values }: BrokerSources): SourcedText[] {
  const texts: SourcedText[] = []
  const add = (text: string | undefined, source: ConfigSource) => {
    if (text !== undefined) texts.push({ name, text, source })
  }
  add(image.brokerConfigs(nodeId)[name], 'dynamicBroker')
  add(image.brokerConfigs(undefined)[name], 'dynamicDefault')
  add(values.textOf(name), 'static')
  return texts
}
