import { NaruError } from './errors.ts'

/** What an option's text form may be. `long` keeps all 64 bits: an int64 that prints must stay exact. */
export type OptionType = 'boolean' | 'int' | 'long' | 'double' | 'string' | 'list'

type ValueOf<T extends OptionType> = T extends 'boolean'
  ? boolean
  : T extends 'int' | 'double'
    ? number
    : T extends 'long'
      ? bigint
      : T extends 'list'
        ? string[]
        : string

/**
 * An option, declared once beside the code that uses it (DESIGN rule 11). Flags, environment, file, DescribeConfigs
 * and docs/configuration.md derive from the declaration. Kafka's name where Kafka has the option.
 */
export interface Option<T extends OptionType = OptionType> {
  readonly name: string
  readonly type: T
  readonly default: ValueOf<T>
  readonly doc: string
  /** What a number counts: 'ms', 'bytes', 'messages'. */
  readonly unit?: string
  /** The only texts allowed. */
  readonly values?: readonly string[]
  readonly min?: number | bigint
  readonly max?: number | bigint
  /** The broker option that gives a topic option its default (`log.retention.ms` for `retention.ms`). */
  readonly broker?: string
  /**
   * Names for the same in coarser units, the finest first (`log.retention.hours` for `log.retention.ms`): they count where
   * no finer one is set.
   */
  readonly coarser?: readonly CoarserOption[]
  /** True for a broker option that can be changed while the broker runs. */
  readonly dynamic?: boolean
  /** True where clients are shown no value while none is set, as Kafka does for some: the default only works here. */
  readonly hiddenDefault?: boolean
  /** Why a value that fits the type is refused all the same; undefined when it isn't. */
  check?(value: ValueOf<T>): string | undefined
  /** True when the value must never be shown. */
  readonly sensitive?: boolean
}

/** A broker option that gives another one in a coarser unit. */
export interface CoarserOption {
  readonly name: string
  readonly type: 'int' | 'long'
  /** How many of the finer unit one is. */
  readonly factor: bigint
}

/** Declares an option; only fixes its types. */
export function option<const T extends OptionType>(declaration: Option<T>): Option<T> {
  return declaration
}

/** The value type of an option. */
export type OptionValue<O> = O extends Option<infer T> ? ValueOf<T> : never

/** Parses an option's text form. Throws INVALID_CONFIG with the option's name, the reason and what is allowed. */
export function parseOption<T extends OptionType>(declared: Option<T>, text: string): ValueOf<T> {
  const value = parse(declared, text) as ValueOf<T>
  const why = declared.check?.(value)
  // As Java prints a list.
  const shown = Array.isArray(value) ? `[${value.join(', ')}]` : text
  if (why !== undefined) throw refusal(declared, shown, why)
  return value
}

/** The text form of a value, as DescribeConfigs shows it: `parseOption` gives the value again. */
export function formatOption(
  { type }: Pick<Option, 'type'>,
  value: boolean | number | bigint | string | readonly string[]
): string {
  if (type === 'double') return formatDouble(Number(value))
  return Array.isArray(value) ? value.join(',') : String(value)
}

/** As Java prints a double: 7.0, 2.147483648E9. */
function formatDouble(value: number): string {
  const size = Math.abs(value)
  const withFraction = (digits: string) => (digits.includes('.') ? digits : `${digits}.0`)
  if (!Number.isFinite(value)) return String(value)
  if (size === 0 || (size >= 1e-3 && size < 1e7)) return withFraction(String(value))
  const [digits, exponent] = value.toExponential().split('e')
  return `${withFraction(digits)}E${Number(exponent)}`
}

/** What Java reads as a double, but for NaN, which means nothing here, and hexadecimal. */
const doubleForm = /^([+-]?(?:Infinity|(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?))[fFdD]?$/

function parse(declared: Option, raw: string): boolean | number | bigint | string | string[] {
  const text = raw.trim()
  const refuse = (why: string): never => {
    throw refusal(declared, text, why)
  }
  switch (declared.type) {
    case 'boolean':
      if (/^true$/i.test(text)) return true
      if (/^false$/i.test(text)) return false
      // As it was given: Kafka's words for other types have it without blanks around.
      throw refusal(declared, raw, 'Expected value to be either true or false')
    case 'int':
    case 'long': {
      if (!/^[+-]?\d+$/.test(text)) return refuse(`Not a number of type ${declared.type.toUpperCase()}`)
      const value = BigInt(text)
      const bits = declared.type === 'int' ? 32 : 64
      if (BigInt.asIntN(bits, value) !== value) return refuse(`Not a number of type ${declared.type.toUpperCase()}`)
      checkRange(declared, value)
      return declared.type === 'int' ? Number(value) : value
    }
    case 'double': {
      const digits = doubleForm.exec(text)?.[1]
      if (digits === undefined) return refuse('Not a number of type DOUBLE')
      const value = Number(digits)
      checkRange(declared, value)
      return value
    }
    case 'list': {
      const items = text === '' ? [] : text.split(',').map(item => item.trim())
      for (const item of items)
        if (declared.values && !declared.values.includes(item))
          throw refusal(declared, item, `String must be one of: ${declared.values.join(', ')}`)
      return items
    }
    default:
      if (declared.values && !declared.values.includes(text))
        return refuse(`String must be one of: ${declared.values.join(', ')}`)
      return text
  }
}

function refusal({ name }: Option, text: string, why: string): NaruError {
  return new NaruError('INVALID_CONFIG', `Invalid value ${text} for configuration ${name}: ${why}`)
}

/** As in Kafka, what is refused is told as it was read: ` 7 ` for a double as 7.0. */
function checkRange(declared: Option, value: number | bigint): void {
  const refuse = (why: string) => {
    throw refusal(declared, formatOption(declared, value), why)
  }
  if (declared.min !== undefined && value < declared.min) refuse(`Value must be at least ${declared.min}`)
  if (declared.max !== undefined && value > declared.max) refuse(`Value must be no more than ${declared.max}`)
}

/** An option and those that give it in coarser units. */
export function withUnits(declared: Option): Option[] {
  return [declared, ...(declared.coarser ?? []).map(({ name, type }) => ({ ...declared, name, type }) as Option)]
}

/** A number set in a coarser unit in the finest one; a negative one means the same in all of them. */
export function inFinestUnit(text: string, factor: bigint): string {
  const value = BigInt(text)
  return String(value < 0n ? value : value * factor)
}

/** Values that were set, by option name, behind their defaults. */
export class OptionValues {
  private readonly texts: ReadonlyMap<string, string>

  /** `texts`: checked texts by option name (parseOption accepts them). */
  constructor(texts: Readonly<Record<string, string>> = {}) {
    this.texts = new Map(Object.entries(texts))
  }

  /** The value of an option: what was set, else its default. */
  get<T extends OptionType>(declared: Option<T>): ValueOf<T> {
    const text = this.texts.get(declared.name) ?? this.coarserText(declared)
    return text === undefined ? declared.default : parseOption(declared, text)
  }

  /** The values of a group of options, by the names that the group gives them. */
  of<G extends Record<string, Option>>(group: G): { readonly [K in keyof G]: OptionValue<G[K]> } {
    const values: Record<string, unknown> = {}
    for (const [name, declared] of Object.entries(group)) values[name] = this.get(declared)
    return values as { readonly [K in keyof G]: OptionValue<G[K]> }
  }

  /** The text that was set under this name, undefined when there is none. */
  textOf(name: string): string | undefined {
    return this.texts.get(name)
  }

  private coarserText({ coarser = [] }: Option): string | undefined {
    for (const { name, factor } of coarser) {
      const text = this.texts.get(name)
      if (text !== undefined) return inFinestUnit(text, factor)
    }
    return undefined
  }
}
