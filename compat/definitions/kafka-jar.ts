/** Reads Kafka's own message definitions out of its jars, which Maven brings (see test/support/apache-kafka.ts). */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { inflateRawSync } from 'node:zlib'
import { fetchApacheKafka, kafkaVersion } from '../../test/support/apache-kafka.ts'

export const jarFolder = fileURLToPath(new URL(`../../.cache/kafka-${kafkaVersion}/`, import.meta.url))

export interface JsonField {
  name: string
  type: string
  versions?: string
  nullableVersions?: string
  taggedVersions?: string
  tag?: number
  ignorable?: boolean | string
  default?: unknown
  fields?: JsonField[]
}

export interface JsonMessage {
  apiKey?: number
  type: string
  name: string
  validVersions: string
  flexibleVersions: string
  fields: JsonField[]
  commonStructs?: { name: string; fields: JsonField[] }[]
}

/** All messages of kafka-clients and of the coordinators, by name. Throws when the jars can't be had. */
export function kafkaDefinitions(): Map<string, JsonMessage> {
  fetchApacheKafka()
  const messages = new Map<string, JsonMessage>()
  for (const artifact of ['kafka-clients', 'kafka-group-coordinator', 'kafka-transaction-coordinator'])
    for (const [path, text] of zipEntries(readFileSync(join(jarFolder, `${artifact}-${kafkaVersion}.jar`))))
      if (/^common\/message\/\w+\.json$/.test(path)) {
        const message = JSON.parse(withoutComments(text().toString('utf8'))) as JsonMessage
        messages.set(message.name, message)
      }
  return messages
}

/** Kafka's definitions have comments of whole lines, and of ends of lines outside strings. */
function withoutComments(text: string): string {
  return text.replace(/("(?:[^"\\]|\\.)*")|\/\/[^\n]*/g, (_all, string: string | undefined) => string ?? '')
}

/** Names and contents by the central directory of a zip file without zip64. */
function* zipEntries(zip: Buffer): Generator<[string, () => Buffer]> {
  const end = zip.lastIndexOf(Buffer.from('PK\x05\x06'))
  let at = zip.readUInt32LE(end + 16)
  for (let left = zip.readUInt16LE(end + 10); left > 0; left--) {
    const method = zip.readUInt16LE(at + 10)
    const bytes = zip.readUInt32LE(at + 20)
    const nameBytes = zip.readUInt16LE(at + 28)
    const local = zip.readUInt32LE(at + 42)
    const name = zip.toString('utf8', at + 46, at + 46 + nameBytes)
    const start = local + 30 + zip.readUInt16LE(local + 26) + zip.readUInt16LE(local + 28)
    const content = zip.subarray(start, start + bytes)
    yield [name, () => (method === 0 ? content : inflateRawSync(content))]
    at += 46 + nameBytes + zip.readUInt16LE(at + 30) + zip.readUInt16LE(at + 32)
  }
}
