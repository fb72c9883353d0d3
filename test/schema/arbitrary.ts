import fc from 'fast-check'
import { type Field, type Fields, fallbackOf, type Type } from '../../src/schema/fields.ts'

type AnyField = Field<unknown, unknown, boolean>

/** Values that a struct can carry at a version, each with every field of that version. */
export function arbitraryStruct(fields: Fields, version: number): fc.Arbitrary<Record<string, unknown>> {
  const present = Object.entries(fields).filter(([, field]) => field.inVersion(version))
  return fc.record(Object.fromEntries(present.map(([name, field]) => [name, arbitraryField(field, version)])))
}

function arbitraryField(field: AnyField, version: number): fc.Arbitrary<unknown> {
  const value = arbitraryType(field.type, version)
  return version >= field.traits.nullableSince ? fc.option(value, { freq: 4 }) : value
}

function arbitraryType(type: Type, version: number): fc.Arbitrary<unknown> {
  if (type.kind === 'list') return fc.array(arbitraryType(type.of, version), { maxLength: 3 })
  if (type.kind === 'struct') return arbitraryStruct(type.fields, version)
  switch (type.name) {
    case 'int8':
      return fc.integer({ min: -0x80, max: 0x7f })
    case 'int16':
      return fc.integer({ min: -0x8000, max: 0x7fff })
    case 'uint16':
      return fc.integer({ min: 0, max: 0xffff })
    case 'int32':
      return fc.integer()
    case 'uint32':
      return fc.integer({ min: 0, max: 0xffff_ffff })
    case 'int64':
      return fc.oneof({ arbitrary: fc.maxSafeInteger(), weight: 8 }, fc.constantFrom(-(2 ** 63), 2 ** 63))
    case 'float64':
      return fc.double({ noNaN: true }).map(value => value + 0)
    case 'bool':
      return fc.boolean()
    case 'uuid':
      return fc.uint8Array({ minLength: 16, maxLength: 16 }).map(bytes => Buffer.from(bytes).toString('base64url'))
    case 'string':
      return fc.string({ maxLength: 12, unit: 'grapheme' })
    default:
      return fc.uint8Array({ maxLength: 20 }).map(bytes => Buffer.from(bytes))
  }
}

/** The value with the defaults of all fields that were left out, as decoding gives it. */
export function filled(fields: Fields, version: number, value: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(fields).map(([name, field]) => {
      const given = value[name]
      if (given === undefined || !field.inVersion(version)) return [name, fallbackOf(field)]
      return [name, filledType(field.type, version, given)]
    })
  )
}

function filledType(type: Type, version: number, value: unknown): unknown {
  if (value === null || type.kind === 'primitive') return value
  if (type.kind === 'list') return (value as unknown[]).map(element => filledType(type.of, version, element))
  return filled(type.fields, version, value as Record<string, unknown>)
}
