import { assert } from '../std/assert.ts'
import { closureCodec } from './closures.ts'
import { DecodeError } from './errors.ts'
import { type Decoded, type Encoded, type Fields, structType } from './fields.ts'
import { planStruct } from './plan.ts'
import { Reader } from './reader.ts'
import { sourceCodec } from './source.ts'
import { Writer } from './writer.ts'

/** First and last version. */
export type Versions = readonly [number, number]

/** Reads and writes one message at one version. Throws DecodeError and EncodeError. */
export interface Codec<D, E> {
  decode(reader: Reader): D
  encode(writer: Writer, value: E): void
}

/** A declared message; its codecs are compiled on first use, per version. */
export class Message<D, E> {
  declare readonly decoded: D
  declare readonly encoded: E
  readonly name: string
  readonly versions: Versions
  /** The first flexible version (KIP-482): compact lengths, tagged fields. Infinity for none. */
  readonly flexible: number
  readonly fields: Fields
  private readonly codecs: Codec<D, E>[] = []

  constructor(name: string, versions: Versions, flexible: number, fields: Fields) {
    this.name = name
    this.versions = versions
    this.flexible = flexible
    this.fields = structType(fields).fields
  }

  isFlexible(version: number): boolean {
    return version >= this.flexible
  }

  has(version: number): boolean {
    return version >= this.versions[0] && version <= this.versions[1]
  }

  codec(version: number): Codec<D, E> {
    return this.codecs[version] ?? this.compile(version)
  }

  private compile(version: number): Codec<D, E> {
    assert(this.has(version), `${this.name} has no version ${version}`)
    const plan = planStruct(this.name, this.fields, version, this.isFlexible(version))
    const codec = (generationAllowed() ? sourceCodec(plan) : closureCodec(plan)) as Codec<D, E>
    this.codecs[version] = codec
    return codec
  }

  /** Decodes; bytes after the message are accepted, as Kafka does. Throws DecodeError. */
  decode(bytes: Buffer, version: number): D {
    return this.codec(version).decode(new Reader(bytes))
  }

  /** Encodes into one buffer. Throws EncodeError. */
  encode(value: E, version: number): Buffer {
    const writer = new Writer()
    this.codec(version).encode(writer, value)
    return writer.takeWhole()
  }

  /** As `encode`, behind the int16 version that Kafka's internal topics put in front of keys and values. */
  encodeVersioned(value: E, version: number): Buffer {
    const writer = new Writer(256)
    writer.int16(version)
    this.codec(version).encode(writer, value)
    return writer.takeWhole()
  }

  /** Decodes what `encodeVersioned` made. Throws DecodeError, also for a version that isn't declared. */
  decodeVersioned(bytes: Buffer): D {
    const reader = new Reader(bytes)
    const version = reader.int16()
    if (!this.has(version)) throw new DecodeError(`${this.name} of version ${version}`)
    return this.codec(version).decode(reader)
  }
}

let allowed: boolean | undefined

function generationAllowed(): boolean {
  if (allowed === undefined) {
    try {
      allowed = new Function('return true')() as boolean
    } catch {
      allowed = false
    }
  }
  return allowed
}

/** Declares a message that stands alone, such as a record of an internal topic. */
export function message<const F extends Fields>(declaration: {
  name: string
  versions: Versions
  flexible?: number
  fields: F
}): Message<Decoded<F>, Encoded<F>> {
  const { name, versions, flexible = Number.POSITIVE_INFINITY, fields } = declaration
  return new Message(name, versions, flexible, fields)
}

/** One of Kafka's APIs: a request and its response. */
export interface Api<QD = unknown, QE = unknown, SD = unknown, SE = unknown> {
  readonly key: number
  readonly name: string
  /** The versions declared; what is served is the handler's to say. */
  readonly versions: Versions
  readonly flexible: number
  readonly request: Message<QD, QE>
  readonly response: Message<SD, SE>
}

/** Declares an API. */
export function api<const Q extends Fields, const S extends Fields>(declaration: {
  key: number
  name: string
  versions: Versions
  flexible?: number
  request: Q
  response: S
}): Api<Decoded<Q>, Encoded<Q>, Decoded<S>, Encoded<S>> {
  const { key, name, versions, flexible = Number.POSITIVE_INFINITY } = declaration
  return {
    key,
    name,
    versions,
    flexible,
    request: message({ name: `${name}Request`, versions, flexible, fields: declaration.request }),
    response: message({ name: `${name}Response`, versions, flexible, fields: declaration.response })
  }
}

/** What a handler of the API is given. */
export type RequestOf<A> = A extends { request: { decoded: infer D } } ? D : never
/** What a handler of the API answers. */
export type ResponseOf<A> = A extends { response: { encoded: infer E } } ? E : never
/** What a client of the API sends. */
export type RequestInputOf<A> = A extends { request: { encoded: infer E } } ? E : never
/** What a client of the API receives. */
export type DecodedResponseOf<A> = A extends { response: { decoded: infer D } } ? D : never
