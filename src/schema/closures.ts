import { EncodeError } from './errors.ts'
import { fallbackOf, isFallback } from './fields.ts'
import type { Codec } from './message.ts'
import type { Step, StructPlan } from './plan.ts'
import type { Reader } from './reader.ts'
import type { Writer } from './writer.ts'

/** A codec out of composed functions: some five times slower than source.ts, for where code generation is disallowed. */
export function closureCodec(plan: StructPlan): Codec<unknown, unknown> {
  return { decode: structDecoder(plan), encode: structEncoder(plan) as (writer: Writer, value: unknown) => void }
}

type Bag = Record<string, unknown>

function structDecoder(plan: StructPlan): (reader: Reader) => Bag {
  const present = plan.present.map(({ name, step }) => ({ name, decode: stepDecoder(step) }))
  const tagged = plan.tagged.map(({ name, field, step }) => ({ name, field, decode: stepDecoder(step) }))
  const byTag = new Map(tagged.map(({ name, field, decode }) => [field.traits.tag, { name, decode }]))
  return reader => {
    const value: Bag = {}
    for (const name of plan.names) value[name] = undefined
    for (const { name, field } of plan.absent) value[name] = fallbackOf(field)
    for (const { name, field } of tagged) value[name] = fallbackOf(field)
    for (const { name, decode } of present) value[name] = decode(reader)
    if (!plan.flexible) return value
    for (let tags = reader.uvarint(); tags > 0; tags--) {
      const known = byTag.get(reader.uvarint())
      const bytes = reader.uvarint()
      const start = reader.at
      if (known) {
        value[known.name] = known.decode(reader)
        reader.closeTag(start, bytes)
      } else reader.skip(bytes)
    }
    return value
  }
}

function stepDecoder(step: Step): (reader: Reader) => unknown {
  if (step.kind === 'primitive') {
    const { method } = step
    return reader => reader[method]()
  }
  if (step.kind === 'struct') {
    const decode = structDecoder(step.plan)
    return step.nullable ? reader => (reader.int8() <= step.nullMark ? null : decode(reader)) : decode
  }
  const decode = stepDecoder(step.of)
  const { elementBytesMin } = step
  const method = countMethod(step.compact, step.nullable)
  return reader => {
    const count = reader[method](elementBytesMin)
    if (count < 0) return null
    const values: unknown[] = []
    for (let i = 0; i < count; i++) values.push(decode(reader))
    return values
  }
}

export function countMethod(compact: boolean, nullable: boolean) {
  if (compact) return nullable ? 'compactNullableCount' : 'compactCount'
  return nullable ? 'nullableCount' : 'count'
}

function structEncoder(plan: StructPlan): (writer: Writer, value: Bag) => void {
  const present = plan.present.map(({ name, field, step }) => ({ name, field, encode: stepEncoder(step) }))
  const tagged = plan.tagged.map(({ name, field, step }) => ({ name, field, encode: stepEncoder(step) }))
  return (writer, value) => {
    for (const { name, field } of plan.absent)
      if (!field.traits.lossy) refuseLoss(plan, name, isFallback(field, value[name]))
    for (const { name, field, encode } of present) {
      const given = value[name]
      encode(writer, given === undefined ? fallbackOf(field) : given)
    }
    if (!plan.flexible) return
    const set = tagged.filter(({ name, field }) => !isFallback(field, value[name]))
    writer.uvarint(set.length)
    for (const { name, field, encode } of set) writer.tag(field.traits.tag, inner => encode(inner, value[name]))
  }
}

export function refuseLoss(plan: { readonly name: string }, name: string, fallback: boolean): void {
  if (!fallback) throw new EncodeError(`this version of ${plan.name} has no ${name}, which is set`)
}

function stepEncoder(step: Step): (writer: Writer, value: unknown) => void {
  if (step.kind === 'primitive') {
    const { method } = step
    return (writer, value) => writer[method](value as never)
  }
  if (step.kind === 'struct') {
    const encode = structEncoder(step.plan)
    const { nullable, nullMark, plan } = step
    return (writer, value) => {
      if (nullable) writer.int8(value === null ? nullMark : 1)
      if (value !== null) encode(writer, value as Bag)
      else if (!nullable) throw new EncodeError(`${plan.name} is null`)
    }
  }
  const encode = stepEncoder(step.of)
  const { compact, nullable } = step
  return (writer, value) => {
    if (value === null && !nullable) throw new EncodeError('null where an array must be')
    const values = value as readonly unknown[] | null
    const count = values === null ? -1 : values.length
    if (compact) writer.compactCount(count)
    else writer.count(count)
    if (values !== null) for (const element of values) encode(writer, element)
  }
}
