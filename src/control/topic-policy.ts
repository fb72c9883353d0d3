import { partitionTopicOptions } from '../partition/options.ts'
import { OptionValues, option } from '../std/option.ts'
import type { MetadataImage, TopicImage } from './types.ts'

/** Topic options that the controller obeys. */
export const controlTopicOptions = {
  unclean: option({
    name: 'unclean.leader.election.enable',
    type: 'boolean',
    default: false,
    broker: 'unclean.leader.election.enable',
    doc: 'Whether a replica that is neither in sync nor eligible may lead where nobody else can, at the price of acknowledged records.'
  })
} as const

/** What elections of a topic's leaders go by. */
export interface TopicPolicy {
  /** min.insync.replicas; a partition with fewer replicas needs all of them. */
  readonly minIsr: number
  readonly unclean: boolean
}

const { minInsyncReplicas } = partitionTopicOptions

/**
 * What holds for a topic: what is set for it, else for all brokers, else at this broker's start, else the default. What
 * is set for one broker only doesn't count, as the controller may be any (Kafka's does likewise).
 */
export function topicPolicy(
  { configs }: Pick<TopicImage, 'configs'>,
  image: MetadataImage,
  values: OptionValues
): TopicPolicy {
  const forAll = image.brokerConfigs(undefined)
  const texts: Record<string, string> = {}
  for (const { name, broker = name } of [minInsyncReplicas, controlTopicOptions.unclean]) {
    const text = configs[name] ?? forAll[broker] ?? values.textOf(broker)
    if (text !== undefined) texts[name] = text
  }
  const resolved = new OptionValues(texts)
  return { minIsr: resolved.get(minInsyncReplicas), unclean: resolved.get(controlTopicOptions.unclean) }
}
