import type { MetadataImage } from '../control/types.ts'
import { messageOf } from '../std/errors.ts'
import type { Logger } from '../std/log.ts'
import { type Option, type OptionValue, type OptionValues, parseOption } from '../std/option.ts'
import { type BrokerSources, brokerText } from './config-sources.ts'

interface Kept {
  readonly revision: number
  readonly text: string | undefined
  readonly value: unknown
}

/** Values of a group of options, read when they are used. */
export type OptionView<G extends Record<string, Option>> = { readonly [K in keyof G]: OptionValue<G[K]> }

/** What broker options are set to now, also while the broker runs. An unchanged list is the same list. */
export class CurrentOptions {
  private readonly sources: BrokerSources
  private readonly logger: Logger
  private readonly kept = new Map<string, Kept>()

  constructor(parts: {
    control: { readonly image: MetadataImage; readonly nodeId: number }
    values: OptionValues
    logger: Logger
  }) {
    const { control, values } = parts
    this.logger = parts.logger
    this.sources = { image: control.image, nodeId: control.nodeId, values }
  }

  get<O extends Option>(option: O): OptionValue<O> {
    const { revision } = this.sources.image
    const before = this.kept.get(option.name)
    if (before?.revision === revision) return before.value as OptionValue<O>
    const text = brokerText(option, this.sources)
    const value = before && before.text === text ? before.value : this.parsed(option, text)
    this.kept.set(option.name, { revision, text, value })
    return value as OptionValue<O>
  }

  /** What an earlier version took and this one refuses must not fail where it is used: the default holds then. */
  private parsed(option: Option, text: string | undefined): unknown {
    if (text === undefined) return option.default
    try {
      return parseOption(option, text)
    } catch (error) {
      const why = messageOf(error)
      this.logger.error(
        { option: option.name, text, error: why },
        'an option is set to what it can not be; its default holds'
      )
      return option.default
    }
  }

  /** The values of a group of options, by the names that the group gives them: as they are whenever they are read. */
  view<G extends Record<string, Option>>(group: G): OptionView<G> {
    const view = {}
    for (const [name, option] of Object.entries(group))
      Object.defineProperty(view, name, { enumerable: true, get: () => this.get(option) })
    return view as OptionView<G>
  }
}
