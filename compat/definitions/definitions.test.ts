/**
 * Proves the message declarations and the error table against Kafka's own: field by field, version by version.
 * Run: node --import tsx --test compat/definitions/*.test.ts
 */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { type Field, type Fields, fallbackOf, type Type } from '../../src/schema/fields.ts'
import { Message } from '../../src/schema/message.ts'
import { errorCodes } from '../../src/std/errors.ts'
import { errorNumbers, isRetriable } from '../../src/wire/kafka/errors.ts'
import { whyNoApacheKafka, whyNoJdk } from '../../test/support/apache-kafka.ts'
import { type JsonField, type JsonMessage, jarFolder, kafkaDefinitions } from './kafka-jar.ts'
import { keyTypes } from './key-types.ts'

const folder = fileURLToPath(new URL('../../src/wire/kafka/messages/', import.meta.url))
const skip = whyNoApacheKafka()

type AnyField = Field<unknown, unknown, boolean>

/** One field at one version, in words that both sides are put into. */
interface Line {
  path: string
  type: string
  nullable: boolean
  tag: number
  fallback: string
  /** Fields that the version lacks only. */
  lossy?: boolean
}

test('declarations are those of Kafka', { skip }, async t => {
  const theirs = kafkaDefinitions()
  let compared = 0
  for (const file of readdirSync(folder)) {
    const module = (await import(join(folder, file))) as Record<string, unknown>
    for (const message of messagesOf(module)) {
      await t.test(message.name, () => {
        const definition = theirs.get(message.name)
        assert.ok(definition, `Kafka has no ${message.name}`)
        compare(message, definition)
      })
      compared++
    }
  }
  assert.ok(compared > 150, `${compared} messages`)
})

test('every API that Kafka shows to clients is declared', { skip }, async () => {
  const declared = new Map<number, string>()
  for (const file of readdirSync(folder)) {
    const module = (await import(join(folder, file))) as Record<string, { key?: number; name: string }>
    for (const value of Object.values(module)) if (value.key !== undefined) declared.set(value.key, value.name)
  }
  // What only controllers speak, and what brokers have not served since Kafka 4.0.
  const controllers = [4, 5, 6, 7, 52, 53, 54, 56, 58, 59, 62, 63, 67, 70, 73, 82]
  for (const { type, apiKey, name } of kafkaDefinitions().values())
    if (type === 'request' && !controllers.includes(apiKey as number))
      assert.equal(`${declared.get(apiKey as number)}Request`, name)
})

test('error numbers and what is retriable are those of Kafka', { skip: skip ?? whyNoJdk() }, () => {
  const source = fileURLToPath(new URL('PrintErrors.java', import.meta.url))
  const java = spawnSync('java', ['-cp', join(jarFolder, '*'), source], { encoding: 'utf8' })
  assert.equal(java.status, 0, java.stderr)
  const theirs = java.stdout
    .trim()
    .split('\n')
    .filter(line => !line.startsWith('NONE '))
  const ours = errorCodes.map(code => `${code} ${errorNumbers[code]} ${isRetriable(code)}`)
  assert.deepEqual(ours.sort(), theirs.sort())
})

function messagesOf(module: Record<string, unknown>): Message<unknown, unknown>[] {
  return Object.values(module).flatMap(value => {
    if (value instanceof Message) return [value]
    const { request, response } = value as { request?: unknown; response?: unknown }
    return request instanceof Message && response instanceof Message ? [request, response] : []
  })
}

function compare(message: Message<unknown, unknown>, definition: JsonMessage): void {
  const valid = range(definition.validVersions) as [number, number]
  const isKey = keyTypes.has(message.name)
  if (isKey) assert.equal(message.versions[1], definition.apiKey)
  else assert.deepEqual(message.versions, valid)
  const flexible = range(definition.flexibleVersions)
  for (let version = valid[0]; version <= valid[1]; version++) {
    const ourVersion = isKey ? (definition.apiKey as number) : version
    assert.equal(message.isFlexible(ourVersion), contains(flexible, version), `flexible ${version}`)
    assert.deepEqual(
      ourLines(message.fields, ourVersion, message.versions, ''),
      theirLines(definition.fields, version, valid, '', definition),
      `version ${version}`
    )
  }
}

function ourLines(fields: Fields, version: number, valid: readonly [number, number], prefix: string): Line[] {
  return Object.entries(fields).flatMap(([name, field]) => {
    const path = `${prefix}${name}`
    if (!ourOverlap(field, valid)) return []
    const fallback = showDefault(fallbackOf(field))
    if (!field.inVersion(version))
      return [{ path, type: typeName(field.type), nullable: false, tag: -1, fallback, lossy: field.traits.lossy }]
    const line = {
      path,
      type: typeName(field.type),
      nullable: version >= field.traits.nullableSince,
      tag: field.traits.tag,
      fallback: ourWhole(field, valid) && field.traits.tag < 0 && field.traits.fallback === null ? 'null?' : fallback
    }
    const struct = field.type.kind === 'list' ? field.type.of : field.type
    const inner = struct.kind === 'struct' ? ourLines(struct.fields, version, clip(field, valid), `${path}.`) : []
    return [line, ...inner]
  })
}

const ourOverlap = (field: AnyField, valid: readonly [number, number]) =>
  field.traits.since <= valid[1] && field.traits.until >= valid[0]
const ourWhole = (field: AnyField, valid: readonly [number, number]) =>
  field.traits.since <= valid[0] && field.traits.until >= valid[1]
const clip = (field: AnyField, valid: readonly [number, number]): [number, number] => [
  Math.max(valid[0], field.traits.since),
  Math.min(valid[1], field.traits.until)
]

function typeName(type: Type): string {
  if (type.kind === 'list') return `[]${typeName(type.of)}`
  return type.kind === 'struct' ? 'struct' : type.name
}

const showDefault = (value: unknown) =>
  Buffer.isBuffer(value)
    ? 'bytes'
    : typeof value === 'object' && value && !Array.isArray(value)
      ? 'struct'
      : JSON.stringify(value)

const primitives = /^(u?int\d+|float64|bool|string|bytes|records|uuid)$/

function theirLines(
  fields: JsonField[],
  version: number,
  valid: [number, number],
  prefix: string,
  message: JsonMessage
): Line[] {
  return fields.flatMap(field => {
    const versions = range(field.versions ?? field.taggedVersions)
    if (!versions || versions[0] > valid[1] || versions[1] < valid[0]) return []
    const path = `${prefix}${field.name[0].toLowerCase()}${field.name.slice(1)}`
    const isList = field.type.startsWith('[]')
    const element = field.type.replace('[]', '')
    const isStruct = !primitives.test(element)
    const type = `${isList ? '[]' : ''}${isStruct ? 'struct' : element}`
    const whole = versions[0] <= valid[0] && versions[1] >= valid[1]
    const fallback = theirDefault(field, type)
    if (!contains(versions, version))
      return [{ path, type, nullable: false, tag: -1, fallback, lossy: String(field.ignorable) === 'true' }]
    const nullable = contains(range(field.nullableVersions), version)
    const nulls = range(field.nullableVersions)
    const nullableEver = nulls !== undefined && nulls[0] <= valid[1] && nulls[1] >= valid[0]
    const tag = contains(range(field.taggedVersions), version) ? (field.tag as number) : -1
    // A nullable field that every version has and that names no default is null here when it is left out, where
    // Kafka's generated classes say empty. It can't be seen on the wire.
    const open = whole && tag < 0 && nullableEver && (field.default ?? 'null') === 'null'
    const line = { path, type, nullable, tag, fallback: open ? 'null?' : fallback }
    if (!isStruct) return [line]
    const inner = field.fields ?? message.commonStructs?.find(({ name }) => name === element)?.fields
    assert.ok(inner, `${path}: no fields`)
    const clipped: [number, number] = [Math.max(valid[0], versions[0]), Math.min(valid[1], versions[1])]
    return [line, ...theirLines(inner, version, clipped, `${path}.`, message)]
  })
}

function theirDefault(field: JsonField, type: string): string {
  // A default of null, and not of the text "null", stands for the type's own in Kafka's classes.
  if (field.default !== undefined && field.default !== null) {
    const text = String(field.default)
    if (text === 'null') return 'null'
    if (type === 'string' || type === 'uuid') return JSON.stringify(text)
    return type === 'bool' ? text : JSON.stringify(Number(text))
  }
  if (type.startsWith('[]')) return '[]'
  if (type === 'struct') return 'struct'
  if (type === 'string') return '""'
  if (type === 'bytes' || type === 'records') return 'bytes'
  if (type === 'bool') return 'false'
  return type === 'uuid' ? '"AAAAAAAAAAAAAAAAAAAAAA"' : '0'
}

function range(text: string | undefined): [number, number] | undefined {
  if (text === undefined || text === 'none') return undefined
  const match = /^(\d+)(\+|-(\d+))?$/.exec(text.trim())
  assert.ok(match, `range ${text}`)
  const from = Number(match[1])
  if (match[2] === '+') return [from, Number.POSITIVE_INFINITY]
  return [from, match[3] === undefined ? from : Number(match[3])]
}

function contains(versions: [number, number] | undefined, version: number): boolean {
  return versions !== undefined && version >= versions[0] && version <= versions[1]
}
