import { parse } from 'yaml'
import { messageOf, NaruError } from '../std/errors.ts'
import type { Texts } from './sources.ts'

/**
 * Option texts from a YAML file: names written out (`log.retention.ms: 1000`) or nested (`log: { retention: { ms: … } }`).
 * Throws INVALID_CONFIG with the file's name when it isn't such a mapping.
 */
export function textsFromYaml(yaml: string, fileName: string): Texts {
  let document: unknown
  try {
    document = parse(yaml, { intAsBigInt: true })
  } catch (error) {
    throw new NaruError('INVALID_CONFIG', `${fileName} is not YAML: ${messageOf(error)}`)
  }
  const texts: Texts = {}
  if (document === null || document === undefined) return texts
  if (!isMapping(document)) throw new NaruError('INVALID_CONFIG', `${fileName} must hold a mapping of option names.`)
  flatten(document, '', texts, fileName)
  return texts
}

function isMapping(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function flatten(mapping: Record<string, unknown>, prefix: string, texts: Texts, fileName: string): void {
  for (const [key, value] of Object.entries(mapping)) {
    const name = prefix + key
    if (isMapping(value)) flatten(value, `${name}.`, texts, fileName)
    else if (Array.isArray(value)) texts[name] = value.join(',')
    else if (value === null) throw new NaruError('INVALID_CONFIG', `${fileName}: ${name} has no value.`)
    else texts[name] = String(value)
  }
}
