import { assert } from '../std/assert.ts'
import { zeroUuid } from './reader.ts'
import type { RecordsInput } from './writer.ts'

/** Types that Reader and Writer have a method for. */
export type Primitive =
  | 'int8'
  | 'int16'
  | 'uint16'
  | 'int32'
  | 'uint32'
  | 'int64'
  | 'float64'
  | 'bool'
  | 'uuid'
  | 'string'
  | 'bytes'
  | 'records'

export type Type =
  | { readonly kind: 'primitive'; readonly name: Primitive }
  | { readonly kind: 'list'; readonly of: Type }
  | { readonly kind: 'struct'; readonly fields: Fields }

/** Fields by name, in the order of the wire. */
export type Fields = { readonly [name: string]: Field<unknown, unknown, boolean> }

interface Traits {
  readonly since: number
  readonly until: number
  readonly nullableSince: number
  readonly tag: number
  readonly lossy: boolean
  /** Undefined: the type's own default. */
  readonly fallback: unknown
}

/**
 * One field of a message: its type, and by the words chained to it the versions that have it, its default, whether
 * it may be null, lost or tagged. `D` is what decoding gives, `E` what encoding takes; with `O` the field may be left
 * out when encoding, because some version lacks it or a default was named.
 */
export class Field<D, E = D, O extends boolean = false> {
  declare readonly decoded: D
  declare readonly encoded: E
  declare readonly optional: O
  readonly type: Type
  readonly traits: Traits

  constructor(type: Type, traits: Partial<Traits> = {}) {
    this.type = type
    this.traits = {
      since: 0,
      until: Number.POSITIVE_INFINITY,
      nullableSince: Number.POSITIVE_INFINITY,
      tag: -1,
      lossy: false,
      fallback: undefined,
      ...traits
    }
  }

  /** The first version that has the field. */
  since(version: number): Field<D, E, true> {
    return new Field(this.type, { ...this.traits, since: version })
  }

  /** The last version that has the field. */
  until(version: number): Field<D, E, true> {
    return new Field(this.type, { ...this.traits, until: version })
  }

  /** The value of a field that was left out, or that the version lacks. */
  or(fallback: D): Field<D, E, true> {
    return new Field(this.type, { ...this.traits, fallback })
  }

  /** May be null from `version` on; null is then also its default unless `or` says otherwise. */
  nullable(version = 0): Field<D | null, E | null, true> {
    return new Field(this.type, {
      ...this.traits,
      nullableSince: version,
      fallback: this.traits.fallback === undefined ? null : this.traits.fallback
    })
  }

  /** A value for a version that lacks the field is dropped; without this word it is an EncodeError. */
  lossy(): Field<D, E, O> {
    return new Field(this.type, { ...this.traits, lossy: true })
  }

  /** Carried in the tagged section (KIP-482), and only when it differs from its default. */
  tag(tag: number): Field<D, E, true> {
    return new Field(this.type, { ...this.traits, tag })
  }

  /** Narrows the TypeScript type, as for ids. */
  as<T extends D>(): Field<T, T, O> {
    return new Field(this.type, this.traits)
  }

  /** Whether a version has the field. */
  inVersion(version: number): boolean {
    return version >= this.traits.since && version <= this.traits.until
  }
}

const primitive = <D, E = D>(name: Primitive): Field<D, E> => new Field<D, E>({ kind: 'primitive', name })

export const int8 = primitive<number>('int8')
export const int16 = primitive<number>('int16')
export const uint16 = primitive<number>('uint16')
export const int32 = primitive<number>('int32')
export const uint32 = primitive<number>('uint32')
/** A number: exact up to 2^53, rounded beyond; the rounded ends of int64 encode as the ends. */
export const int64 = primitive<number>('int64')
export const float64 = primitive<number>('float64')
export const bool = primitive<boolean>('bool')
/** Kafka's text form: 16 bytes in base64url, 22 characters. */
export const uuid = primitive<string>('uuid')
export const string = primitive<string>('string')
/** Copied when decoded. */
export const bytes = primitive<Buffer>('bytes')
/** A slice of the received bytes when decoded; large chunks are not copied when encoded. */
export const records = primitive<Buffer, RecordsInput>('records')

/** An array of structs, or of one of the words without a name. */
export function list<D, E>(of: Field<D, E, boolean>): Field<D[], readonly E[]>
export function list<const F extends Fields>(of: F): Field<Decoded<F>[], readonly Encoded<F>[]>
export function list(of: Field<unknown, unknown, boolean> | Fields): Field<unknown[], readonly unknown[]> {
  return new Field({ kind: 'list', of: of instanceof Field ? of.type : structType(of) })
}

/** One struct within another. */
export function struct<const F extends Fields>(fields: F): Field<Decoded<F>, Encoded<F>> {
  return new Field(structType(fields))
}

export function structType(fields: Fields): Type & { kind: 'struct' } {
  for (const [name, field] of Object.entries(fields)) {
    // Names become source text of compiled functions.
    assert(/^[a-z][A-Za-z0-9]*$/.test(name), `'${name}' is no field name`)
    assert(field.traits.tag < 0 || !holdsRecords(field.type), `${name}: records can't be tagged`)
  }
  return { kind: 'struct', fields }
}

function holdsRecords(type: Type): boolean {
  if (type.kind === 'primitive') return type.name === 'records'
  if (type.kind === 'list') return holdsRecords(type.of)
  return Object.values(type.fields).some(field => holdsRecords(field.type))
}

type OptionalNames<F extends Fields> = {
  [K in keyof F]: F[K] extends Field<unknown, unknown, infer O> ? (true extends O ? K : never) : never
}[keyof F]

type Flat<T> = { [K in keyof T]: T[K] }

/** What decoding gives: every field, whatever the version. */
export type Decoded<F extends Fields> = Flat<{ -readonly [K in keyof F]: F[K]['decoded'] }>

/** What encoding takes: fields with a default, and those that only some versions have, may be left out. */
export type Encoded<F extends Fields> = Flat<
  { readonly [K in Exclude<keyof F, OptionalNames<F>>]: F[K]['encoded'] } & {
    readonly [K in OptionalNames<F>]?: F[K]['encoded']
  }
>

const emptyBytes = Buffer.alloc(0)

/** The default of a field, fresh where it could be changed. */
export function fallbackOf(field: Field<unknown, unknown, boolean>): unknown {
  const { fallback } = field.traits
  if (Array.isArray(fallback)) return [...fallback]
  return fallback === undefined ? zeroOf(field.type) : fallback
}

function zeroOf(type: Type): unknown {
  switch (type.kind) {
    case 'list':
      return []
    case 'struct':
      return Object.fromEntries(Object.entries(type.fields).map(([name, field]) => [name, fallbackOf(field)]))
    default:
      return zeroOfPrimitive(type.name)
  }
}

function zeroOfPrimitive(name: Primitive): unknown {
  switch (name) {
    case 'string':
      return ''
    case 'bool':
      return false
    case 'uuid':
      return zeroUuid
    case 'bytes':
    case 'records':
      return emptyBytes
    default:
      return 0
  }
}

/** Whether a value given for encoding says no more than the field's default. */
export function isFallback(field: Field<unknown, unknown, boolean>, value: unknown): boolean {
  if (value === undefined) return true
  const { fallback } = field.traits
  if (value === null || fallback === null) return value === fallback
  switch (field.type.kind) {
    case 'list':
      return (value as unknown[]).length === 0
    case 'struct': {
      const given = value as Record<string, unknown>
      return Object.entries(field.type.fields).every(([name, inner]) => isFallback(inner, given[name]))
    }
    default: {
      const { name } = field.type
      if (name === 'bytes' || name === 'records') return (value as Buffer).length === 0
      return value === (fallback === undefined ? zeroOfPrimitive(name) : fallback)
    }
  }
}
