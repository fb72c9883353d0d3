import type { ConfigChange, ConfigEntry } from '../client/admin-configs.ts'
import { UsageError } from './failure.ts'

/** Reads `name=value`, `name+=item` (into a list) or `name-=item` (out of it). `flag` is for messages. Throws UsageError. */
export function configChange(text: string, flag: string): ConfigChange {
  const match = /^([^=+\s][^=+\s]*?)([+-]?)=(.*)$/s.exec(text)
  if (!match) throw new UsageError(`${flag} takes name=value, not '${text}'.`)
  const [, name, sign, value] = match
  return { name, operation: sign === '+' ? 'append' : sign === '-' ? 'subtract' : 'set', value }
}

/** A change as people and programs are told of it. */
export interface ShownChange {
  readonly name: string
  /** The value before; null where it is hidden or there is none. */
  readonly from: string | null
  /** What it is set to; `+item`, `-item` for lists; `(default)` where it goes back to that. */
  readonly to: string
}

export function shownChanges(before: readonly ConfigEntry[], changes: readonly ConfigChange[]): ShownChange[] {
  return changes.map(({ name, operation, value }) => {
    const known = before.find(entry => entry.name === name)
    const shown = known?.sensitive ? '(hidden)' : value
    const to = operation === 'delete' ? '(default)' : { set: '', append: '+', subtract: '-' }[operation] + shown
    return { name, from: known?.value ?? null, to }
  })
}
