/**
 * Bytes of Kafka's own message classes read here, and ours there, for every message at every version: both must find
 * the same values, and write the same bytes again. Classes and values are chosen from seeds.
 */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { before, describe, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import fc from 'fast-check'
import { type Fields, isFallback, type Type } from '../../src/schema/fields.ts'
import type { Message } from '../../src/schema/message.ts'
import { arbitraryStruct, filled } from '../../test/schema/arbitrary.ts'
import { apacheKafkaJars, whyNoApacheKafka, whyNoJdk } from '../../test/support/apache-kafka.ts'
import { allMessages } from '../../test/wire/kafka/all-messages.ts'
import { keyTypes } from './key-types.ts'

const samples = 4

interface Asked {
  readonly message: Message<unknown, unknown>
  readonly version: number
  /** Values that were encoded here; absent where Kafka chose them. */
  readonly ours?: Record<string, unknown>
  readonly line: string
  answer: string
}

describe('bytes of one side are values on the other', { skip: whyNoApacheKafka() ?? whyNoJdk() }, () => {
  const asked = new Map<string, Asked[]>()

  before(async () => {
    for (const message of allMessages)
      for (let version = message.versions[0]; version <= message.versions[1]; version++) {
        // Where a key's version tells its type, Kafka's class has one version, and its older types classes of their own.
        const isKey = keyTypes.has(message.name)
        if (isKey && version < message.versions[1]) continue
        const theirVersion = isKey ? 0 : version
        const words = `${message.name} ${theirVersion}`
        const values = fc.sample(arbitraryStruct(message.fields, version), { numRuns: samples, seed: 1 })
        const list: Asked[] = values.map(ours => {
          const line = `read ${words} ${message.encode(ours, version).toString('hex')}`
          return { message, version, ours, line, answer: '' }
        })
        for (let seed = 1; seed <= samples; seed++)
          list.push({ message, version, line: `random ${words} ${seed}`, answer: '' })
        asked.set(message.name, [...(asked.get(message.name) ?? []), ...list])
      }
    await ask([...asked.values()].flat())
  })

  for (const { name } of allMessages)
    test(name, () => {
      for (const { message, version, ours, line, answer } of asked.get(name)!) {
        const at = answer.indexOf(' ')
        assert.ok(at >= 0 && !answer.startsWith('failed'), `${line}: ${answer}`)
        const bytes = Buffer.from(answer.slice(0, at), 'hex')
        const decoded = message.decode(bytes, version) as Record<string, unknown>
        assert.deepEqual(inJson(message.fields, version, decoded), JSON.parse(answer.slice(at + 1)), line)
        assert.equal(message.encode(decoded, version).toString('hex'), bytes.toString('hex'), line)
        if (!ours) continue
        assert.equal(bytes.toString('hex'), line.slice(line.lastIndexOf(' ') + 1), line)
        assert.deepEqual(decoded, filled(message.fields, version, ours), line)
      }
    })
})

/** Asks all in one JVM and keeps the answers. */
async function ask(asked: readonly Asked[]): Promise<void> {
  const source = fileURLToPath(new URL('Messages.java', import.meta.url))
  const java = spawn('java', ['-Xmx512M', '-XX:+UseSerialGC', '-cp', join(apacheKafkaJars, '*'), source])
  let printed = ''
  let complaint = ''
  java.stdout.setEncoding('utf8').on('data', chunk => (printed += chunk))
  java.stderr.setEncoding('utf8').on('data', chunk => (complaint += chunk))
  java.stdin.on('error', () => {}) // its exit code tells
  java.stdin.end(asked.map(({ line }) => `${line}\n`).join(''))
  const code = await new Promise((resolve, reject) => {
    java.once('error', reject)
    java.once('close', resolve)
  })
  assert.equal(code, 0, complaint)
  const lines = printed.trimEnd().split('\n')
  assert.equal(lines.length, asked.length)
  asked.forEach((one, i) => {
    one.answer = lines[i]
  })
}

/** Values as Kafka's JSON converters put them: no tagged fields at their default, bytes in base64, sizes of records. */
function inJson(fields: Fields, version: number, value: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(fields).flatMap(([name, field]) => {
      if (!field.inVersion(version)) return []
      if (field.traits.tag >= 0 && isFallback(field, value[name])) return []
      const isRecords = field.type.kind === 'primitive' && field.type.name === 'records'
      if (isRecords && value[name] !== null) return [[`${name}SizeInBytes`, (value[name] as Buffer).length]]
      return [[name, typeInJson(field.type, version, value[name])]]
    })
  )
}

function typeInJson(type: Type, version: number, value: unknown): unknown {
  if (value === null) return null
  if (Buffer.isBuffer(value)) return value.toString('base64')
  if (type.kind === 'list') return (value as unknown[]).map(element => typeInJson(type.of, version, element))
  return type.kind === 'struct' ? inJson(type.fields, version, value as Record<string, unknown>) : value
}
