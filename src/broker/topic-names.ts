import type { Control } from '../control/types.ts'
import { offsetsTopicName } from '../groups/coordinator.ts'
import { NaruError } from '../std/errors.ts'

/** Topics of the broker's own; nothing is kept in the last two yet. */
const internalTopics = new Set([offsetsTopicName, '__transaction_state', '__share_group_state'])

/** The log of Kafka's controllers; it has no counterpart here. */
export const clusterMetadataTopic = '__cluster_metadata'

const nameLengthMax = 249

/** Whether a topic is the broker's own: not to be shown to consumers that take all topics. */
export function isInternalTopic(name: string): boolean {
  return internalTopics.has(name)
}

/** Throws INVALID_TOPIC_EXCEPTION, in Kafka's words, for what can't name a topic. */
export function checkTopicName(name: string): void {
  const why = whyInvalid(name)
  if (why) throw new NaruError('INVALID_TOPIC_EXCEPTION', `Topic name is invalid: ${why}`)
}

function whyInvalid(name: string): string | undefined {
  if (name === '') return 'the empty string is not allowed'
  if (name === '.' || name === '..') return `'${name}' is not allowed`
  if (name.length > nameLengthMax)
    return `the length of '${name}' is longer than the max allowed length ${nameLengthMax}`
  if (!/^[a-zA-Z0-9._-]+$/.test(name))
    return `'${name}' contains one or more characters other than ASCII alphanumerics, '.', '_' and '-'`
  return undefined
}

/**
 * The names that are taken, so that no two topics differ only by `.` and `_`: names of metrics can't tell them apart.
 * Follows the image, and knows the topics that are just being made.
 */
export class TakenNames {
  /** By what they look like with every `.` as `_`: names, with how often they are held. */
  private readonly byLooks = new Map<string, Map<string, number>>()

  constructor(control: Control) {
    for (const { name } of control.image.topics()) this.hold(name)
    control.onChange(({ created, deleted }) => {
      for (const { name } of deleted) this.release(name)
      for (const { name } of created) this.hold(name)
    })
  }

  /** The other topic that a name can't be told apart from. */
  lookalike(name: string): string | undefined {
    for (const taken of this.byLooks.get(looks(name))?.keys() ?? []) if (taken !== name) return taken
    return undefined
  }

  /** Takes a name until as many calls of `release`: a topic has it, or is being made with it. */
  hold(name: string): void {
    const key = looks(name)
    let names = this.byLooks.get(key)
    if (!names) {
      names = new Map()
      this.byLooks.set(key, names)
    }
    names.set(name, (names.get(name) ?? 0) + 1)
  }

  release(name: string): void {
    const key = looks(name)
    const names = this.byLooks.get(key)
    const held = names?.get(name) ?? 0
    if (held > 1) names?.set(name, held - 1)
    else names?.delete(name)
    if (names?.size === 0) this.byLooks.delete(key)
  }
}

function looks(name: string): string {
  return name.replaceAll('.', '_')
}
