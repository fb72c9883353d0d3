import { whyRefused } from '../broker/refused-options.ts'
import { NaruError } from '../std/errors.ts'
import { formatOption, inFinestUnit, type Option, parseOption, withUnits } from '../std/option.ts'

/** Where a value came from, strongest last: a flag wins over the environment, that over the file, that over defaults. */
export type ConfigSource = 'file' | 'environment' | 'flag'

/** Option texts by option name. */
export type Texts = Record<string, string>

/** `log.retention.ms` is NARU_LOG_RETENTION_MS in the environment. */
export function environmentName(option: string): string {
  return `NARU_${option.toUpperCase().replaceAll(/[.-]/g, '_')}`
}

/** Option texts from NARU_* variables. Variables of the tools themselves (`known` has no such option) are left alone. */
export function textsFromEnvironment(environment: Record<string, string | undefined>, known: readonly Option[]): Texts {
  const texts: Texts = {}
  for (const { name } of allNames(known)) {
    const text = environment[environmentName(name)]
    if (text !== undefined) texts[name] = text
  }
  return texts
}

/**
 * Merges texts of several sources, weakest first, and checks each against its declaration. A finer unit counts before a
 * coarser one, whatever their sources, as in Kafka (see OptionValues).
 * Throws INVALID_CONFIG for an unknown name (with the nearest known one) and for a value that doesn't fit.
 */
export function mergeTexts(known: readonly Option[], ...sources: readonly Texts[]): Texts {
  const byName = new Map(allNames(known).map(option => [option.name, option]))
  const merged: Texts = {}
  for (const texts of sources)
    for (const [name, text] of Object.entries(texts)) {
      const option = byName.get(name)
      if (!option) throw new NaruError('INVALID_CONFIG', whyUnknown(name, byName))
      merged[name] = formatOption(option, parseOption(option, text))
    }
  for (const option of known) checkUnits(option, merged)
  return merged
}

/** The options with those that give them in coarser units. */
function allNames(known: readonly Option[]): Option[] {
  return known.flatMap(withUnits)
}

/** What is set in a coarser unit must fit in the finest one too. */
function checkUnits(option: Option, texts: Texts): void {
  for (const { name, factor } of option.coarser ?? []) {
    const text = texts[name]
    if (text !== undefined) parseOption({ ...option, name }, inFinestUnit(text, factor))
  }
}

function whyUnknown(name: string, known: ReadonlyMap<string, Option>): string {
  const why = whyRefused(name)
  return why === undefined ? `There is no option ${name}.${suggestion(name, known)}` : `${name} can't be set. ${why}.`
}

function suggestion(name: string, known: ReadonlyMap<string, Option>): string {
  let best = ''
  let bestDistance = 4
  for (const candidate of known.keys()) {
    const distance = editDistance(name, candidate, bestDistance)
    if (distance < bestDistance) {
      best = candidate
      bestDistance = distance
    }
  }
  return best ? ` Did you mean ${best}?` : ''
}

/** Levenshtein distance, or `limit` once it can't be less. */
function editDistance(a: string, b: string, limit: number): number {
  if (Math.abs(a.length - b.length) >= limit) return limit
  let previous = Array.from({ length: b.length + 1 }, (_, i) => i)
  for (let i = 1; i <= a.length; i++) {
    const row = [i]
    for (let j = 1; j <= b.length; j++)
      row[j] = Math.min(previous[j] + 1, row[j - 1] + 1, previous[j - 1] + (a[i - 1] === b[j - 1] ? 0 : 1))
    previous = row
  }
  return Math.min(limit, previous[b.length])
}
