import { NaruError } from '../std/errors.ts'
import { zstdWasm } from './libraries.ts'

interface Memory {
  readonly buffer: ArrayBuffer
  grow(pages: number): number
}

/** The part of the global that is used here: the types of Node 20 leave it out. */
declare const WebAssembly: {
  Module: new (bytes: Uint8Array) => object
  Instance: new (module: object, imports: Record<string, Record<string, unknown>>) => { exports: unknown }
}

/** libzstd's functions by the names that its WebAssembly build gives them. Pointers and sizes are numbers. */
interface Exports {
  f: Memory
  /** Static constructors. */
  g(): void
  /** ZSTD_isError(code) */
  h(code: number): number
  /** ZSTD_compressBound(bytes) */
  i(bytes: number): number
  /** ZSTD_createCCtx() */
  j(): number
  /** ZSTD_compress_usingDict(context, target, capacity, source, bytes, dictionary, bytes, level) */
  l(
    context: number,
    to: number,
    room: number,
    from: number,
    bytes: number,
    dict: 0,
    dictBytes: 0,
    level: number
  ): number
  /** ZSTD_createDCtx() */
  n(): number
  /** ZSTD_decompress_usingDict(context, target, capacity, source, bytes, dictionary, bytes) */
  q(context: number, to: number, room: number, from: number, bytes: number, dict: 0, dictBytes: 0): number
  /** malloc(bytes) */
  s(bytes: number): number
  /** free(pointer) */
  t(pointer: number): void
}

interface Zstd {
  exports: Exports
  compressor: number
  decompressor: number
}

/** WebAssembly memory never shrinks: an instance that grew beyond this is dropped after the call. It begins with 16 MB. */
const keptBytesMax = 32 * 1024 * 1024
const pageBytes = 65_536
/** A block regenerates at most this (RFC 8878, 3.1.1.2.4). */
const blockBytesMax = 128 * 1024
const defaultLevel = 3

let compiled: object | undefined
let kept: Zstd | undefined

function instantiate(): Zstd {
  let memory: Memory | undefined
  const fail = () => {
    throw new Error('zstd gave up')
  }
  const grow = (bytes: number): number => {
    const missing = Math.ceil(((bytes >>> 0) - memory!.buffer.byteLength) / pageBytes)
    try {
      memory!.grow(missing)
      return 1
    } catch {
      return 0
    }
  }
  compiled ??= new WebAssembly.Module(zstdWasm())
  const instance = new WebAssembly.Instance(compiled, { a: { a: fail, b: fail, c: fail, d: () => 0, e: grow } })
  const exports = instance.exports as Exports
  memory = exports.f
  exports.g()
  return { exports, compressor: exports.j(), decompressor: exports.n() }
}

/** Copies `input` in, calls `work` on it with room for `capacity` bytes, and copies the result out. */
function call(input: Uint8Array, capacity: number, work: (zstd: Zstd, to: number, from: number) => number): Buffer {
  const zstd = kept ?? instantiate()
  kept = undefined // an instance that throws in the middle is not used again
  const { f: memory, h: isError, s: malloc, t: free } = zstd.exports
  const from = malloc(input.length)
  const to = malloc(capacity)
  if (from === 0 || to === 0) throw new NaruError('MESSAGE_TOO_LARGE', 'No memory for the zstd data.')
  new Uint8Array(memory.buffer, from, input.length).set(input)
  const written = work(zstd, to, from)
  const failed = isError(written) !== 0
  const output = failed ? undefined : Buffer.from(new Uint8Array(memory.buffer, to, written))
  free(from)
  free(to)
  if (memory.buffer.byteLength <= keptBytesMax) kept = zstd
  if (!output) throw new RangeError(`zstd error ${-written}`)
  return output
}

export function zstdCompress(input: Uint8Array, level = defaultLevel): Buffer {
  // ZSTD_compressBound, rounded up.
  const capacity = input.length + (input.length >>> 8) + 512
  return call(input, capacity, ({ exports, compressor }, to, from) =>
    exports.l(compressor, to, capacity, from, input.length, 0, 0, level)
  )
}

/** Throws RangeError for damaged data, NaruError MESSAGE_TOO_LARGE when the result would exceed `bytesMax`. */
export function zstdDecompress(input: Uint8Array, bytesMax: number): Buffer {
  const bound = contentBound(input)
  const capacity = Math.max(1, Math.min(bound, bytesMax))
  try {
    return call(input, capacity, ({ exports, decompressor }, to, from) =>
      exports.q(decompressor, to, capacity, from, input.length, 0, 0)
    )
  } catch (error) {
    if (error instanceof RangeError && bound > bytesMax)
      throw new NaruError('MESSAGE_TOO_LARGE', `The batch takes more than ${bytesMax} bytes decompressed.`)
    throw error
  }
}

const frameMagic = 0xfd2fb528
const skippableMagic = 0x184d2a50

/**
 * The most that the frames of `input` can hold, read off their block headers: declared content sizes are not believed,
 * and streaming writers leave them out.
 */
function contentBound(input: Uint8Array): number {
  const view = new DataView(input.buffer, input.byteOffset, input.byteLength)
  let bound = 0
  let at = 0
  while (at + 4 <= input.length) {
    const magic = view.getUint32(at, true)
    if ((magic & 0xfffffff0) >>> 0 === skippableMagic) {
      at += 8 + view.getUint32(at + 4, true)
      continue
    }
    if (magic !== frameMagic) throw new RangeError('not a zstd frame')
    const descriptor = view.getUint8(at + 4)
    const singleSegment = (descriptor & 0x20) !== 0
    const sizeFlag = descriptor >>> 6
    const sizeBytes = sizeFlag === 0 ? (singleSegment ? 1 : 0) : 1 << sizeFlag
    at += 5 + (singleSegment ? 0 : 1) + [0, 1, 2, 4][descriptor & 3] + sizeBytes
    for (let last = false; !last; ) {
      const block = view.getUint16(at, true) | (view.getUint8(at + 2) << 16)
      const type = (block >>> 1) & 3
      const bytes = block >>> 3
      last = (block & 1) === 1
      bound += type === 2 ? blockBytesMax : bytes
      at += 3 + (type === 1 ? 1 : bytes)
    }
    if ((descriptor & 4) !== 0) at += 4
  }
  return bound
}
