import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'

/**
 * The codec libraries, each loaded when it is first needed and synchronously: the produce path cannot wait (append
 * order is request order), and a broker that never meets a codec pays neither start-up time nor memory for it.
 */
const require = createRequire(import.meta.url)

let snappyLibrary: typeof import('snappy') | undefined
export function snappy(): typeof import('snappy') {
  snappyLibrary ??= require('snappy') as typeof import('snappy')
  return snappyLibrary
}

let lz4Library: typeof import('lz4-napi') | undefined
export function lz4(): typeof import('lz4-napi') {
  lz4Library ??= require('lz4-napi') as typeof import('lz4-napi')
  return lz4Library
}

let zlibLibrary: typeof import('node:zlib') | undefined
export function zlib(): typeof import('node:zlib') {
  zlibLibrary ??= require('node:zlib') as typeof import('node:zlib')
  return zlibLibrary
}

/** The WebAssembly build of libzstd inside its package, whose own JavaScript can only be initialized asynchronously. */
export function zstdWasm(): Uint8Array {
  return readFileSync(require.resolve('@bokuweb/zstd-wasm').replace(/[^\\/]+$/, 'zstd.wasm'))
}
