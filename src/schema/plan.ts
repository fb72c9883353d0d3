import { assert } from '../std/assert.ts'
import { type Field, type Fields, fallbackOf, type Primitive, type Type } from './fields.ts'

/** How one value is carried at one version: the same plan is turned into source text and into closures. */
export type Step =
  | {
      readonly kind: 'primitive'
      /** The methods of Reader and Writer that carry it. */
      readonly method: Method
      /** The value of a field left out. */
    }
  | {
      readonly kind: 'list'
      readonly compact: boolean
      readonly nullable: boolean
      readonly elementBytesMin: number
      readonly of: Step
    }
  | {
      readonly kind: 'struct'
      readonly nullable: boolean
      /** The byte in front that says null; of a struct that is there it is 1. */
      readonly nullMark: -1 | 0
      readonly plan: StructPlan
    }

type Sized = 'string' | 'bytes' | 'records'
export type Method =
  | Exclude<Primitive, Sized>
  | Sized
  | `nullable${Capitalize<Sized>}`
  | `compact${Capitalize<Sized>}`
  | `compactNullable${Capitalize<Sized>}`

export interface FieldPlan {
  readonly name: string
  readonly field: Field<unknown, unknown, boolean>
  readonly step: Step
}

/** One struct at one version. */
export interface StructPlan {
  readonly name: string
  /** Ends in a section of tagged fields. */
  readonly flexible: boolean
  /** In the order of the wire. */
  readonly present: readonly FieldPlan[]
  /** By tag. */
  readonly tagged: readonly FieldPlan[]
  /** Those that this version lacks. */
  readonly absent: readonly { readonly name: string; readonly field: Field<unknown, unknown, boolean> }[]
  /** All names, in the order of the declaration. */
  readonly names: readonly string[]
  readonly bytesMin: number
}

export function planStruct(name: string, fields: Fields, version: number, flexible: boolean): StructPlan {
  const present: FieldPlan[] = []
  const tagged: FieldPlan[] = []
  const absent: StructPlan['absent'][number][] = []
  for (const [fieldName, field] of Object.entries(fields)) {
    if (!field.inVersion(version)) {
      absent.push({ name: fieldName, field })
      continue
    }
    const nullable = version >= field.traits.nullableSince
    const isTagged = field.traits.tag >= 0
    const step = planType(`${name}.${fieldName}`, field.type, version, flexible, nullable, isTagged)
    if (!isTagged) present.push({ name: fieldName, field, step })
    else {
      assert(flexible, `${name}.${fieldName}: tagged in version ${version}, which isn't flexible`)
      tagged.push({ name: fieldName, field, step })
    }
  }
  tagged.sort((one, other) => one.field.traits.tag - other.field.traits.tag)
  let bytesMin = flexible ? 1 : 0
  for (const { step } of present) bytesMin += stepBytesMin(step)
  return { name, flexible, present, tagged, absent, names: Object.keys(fields), bytesMin }
}

function planType(
  name: string,
  type: Type,
  version: number,
  flexible: boolean,
  nullable: boolean,
  isTagged = false
): Step {
  switch (type.kind) {
    case 'primitive':
      return { kind: 'primitive', method: methodOf(type.name, flexible, nullable) }
    case 'struct':
      return {
        kind: 'struct',
        nullable,
        nullMark: isTagged ? 0 : -1,
        plan: planStruct(name, type.fields, version, flexible)
      }
    case 'list': {
      const of = planType(name, type.of, version, flexible, false)
      const elementBytesMin = stepBytesMin(of)
      // An element of no bytes would let a count of four bytes stand for any amount of memory.
      assert(elementBytesMin > 0, `${name}: elements without bytes in version ${version}`)
      return { kind: 'list', compact: flexible, nullable, elementBytesMin, of }
    }
  }
}

function methodOf(name: Primitive, flexible: boolean, nullable: boolean): Method {
  if (name !== 'string' && name !== 'bytes' && name !== 'records') return name
  const capital = (name[0].toUpperCase() + name.slice(1)) as Capitalize<Sized>
  if (flexible) return nullable ? `compactNullable${capital}` : `compact${capital}`
  return nullable ? `nullable${capital}` : name
}

function stepBytesMin(step: Step): number {
  if (step.kind === 'list') return step.compact ? 1 : 4
  if (step.kind === 'struct') return step.nullable ? 1 : step.plan.bytesMin
  switch (step.method) {
    case 'int8':
    case 'bool':
      return 1
    case 'int16':
    case 'uint16':
    case 'string':
    case 'nullableString':
      return 2
    case 'int64':
    case 'float64':
      return 8
    case 'uuid':
      return 16
    case 'int32':
    case 'uint32':
    case 'bytes':
    case 'nullableBytes':
    case 'records':
    case 'nullableRecords':
      return 4
    default:
      return 1
  }
}

/** A default as source text, where it can be written so; the others are made by a call. */
export function literalOf(field: Field<unknown, unknown, boolean>): string | undefined {
  return literal(fallbackOf(field))
}

function literal(value: unknown): string | undefined {
  if (value === null || typeof value === 'number' || typeof value === 'boolean' || typeof value === 'string')
    return JSON.stringify(value)
  if (Array.isArray(value)) return value.length === 0 ? '[]' : undefined
  if (typeof value !== 'object' || Object.getPrototypeOf(value) !== Object.prototype) return undefined
  const fields = Object.entries(value).map(([name, inner]) => [name, literal(inner)])
  return fields.every(([, text]) => text !== undefined)
    ? `{ ${fields.map(([name, text]) => `${name}: ${text}`).join(', ')} }`
    : undefined
}
