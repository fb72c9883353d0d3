import { assert } from '../std/assert.ts'
import { below, chance, type Random } from '../std/random.ts'
import { assertBlocks, blockBytes, DiskError, type DiskFile, type OpenOptions } from './disk.ts'
import type { SimulatedFileNode } from './simulated-node.ts'

export const diskOperations = [
  'open',
  'list',
  'exists',
  'mkdir',
  'rename',
  'remove',
  'syncDir',
  'size',
  'read',
  'write',
  'writeSync',
  'sync',
  'truncate',
  'preallocate',
  'close'
] as const

export type DiskOperation = (typeof diskOperations)[number]

/** The memory that `allocate` gave out: what a direct file may be used with. */
export const allocated = new WeakSet<ArrayBufferLike>()

/** The disk as its files see it: it decides when an operation is carried out, and whether. */
export interface OperationHost {
  run<T>(operation: DiskOperation, path: string, apply: () => T, tear?: () => void, fail?: () => void): Promise<T>
  runSync(operation: DiskOperation, path: string, apply: () => void, tear: () => void): void
  checkSpace(path: string, growth: number): void
}

export class SimulatedFile implements DiskFile {
  readonly path: string
  private readonly disk: OperationHost
  private readonly node: SimulatedFileNode
  private readonly options: OpenOptions
  private readonly random: Random
  private readonly pending = new Set<Promise<unknown>>()
  private closing: Promise<void> | undefined

  constructor(disk: OperationHost, path: string, node: SimulatedFileNode, options: OpenOptions, random: Random) {
    this.disk = disk
    this.path = path
    this.node = node
    this.options = options
    this.random = random
  }

  size(): Promise<number> {
    return this.run('size', () => this.node.content.length)
  }

  read(target: Buffer, offset: number, length: number, position: number): Promise<number> {
    this.check(target, offset, length, position)
    return this.run('read', () => {
      const bytes = Math.max(0, Math.min(length, this.node.content.length - position))
      this.node.content.copyTo(target, offset, position, bytes)
      return bytes
    })
  }

  write(source: Buffer, offset: number, length: number, position: number): Promise<void> {
    this.check(source, offset, length, position)
    return this.run(
      'write',
      () => this.put(source, offset, length, position),
      () => this.node.tear(this.random, source, offset, length, position)
    )
  }

  writeAll(pieces: readonly Buffer[], position: number): Promise<void> {
    let at = position
    for (const piece of pieces) {
      this.check(piece, 0, piece.length, at)
      at += piece.length
    }
    const bytes = Buffer.concat(pieces)
    return this.run(
      'write',
      () => this.put(bytes, 0, bytes.length, position),
      () => this.node.tear(this.random, bytes, 0, bytes.length, position)
    )
  }

  writeSync(source: Buffer, offset: number, length: number, position: number): void {
    this.check(source, offset, length, position)
    this.checkOpen('write')
    this.disk.runSync(
      'writeSync',
      this.path,
      () => this.put(source, offset, length, position),
      () => this.node.tear(this.random, source, offset, length, position)
    )
  }

  sync(): Promise<void> {
    const covered = this.node.lastWrite
    return this.run(
      'sync',
      () => this.node.sync(covered),
      () => {},
      () => this.node.failSync(this.random)
    )
  }

  truncate(length: number): Promise<void> {
    return this.run(
      'truncate',
      () => this.resize(length),
      () => void (chance(this.random, 0.5) && this.resize(length))
    )
  }

  preallocate(length: number): Promise<void> {
    return this.run(
      'preallocate',
      () => {
        if (length > this.node.content.length) this.resize(length)
        this.node.sync(this.node.lastWrite)
      },
      () => {
        const missing = length - this.node.content.length
        if (missing > 0) this.resize(length - below(this.random, missing + 1))
      }
    )
  }

  close(): Promise<void> {
    this.closing ??= Promise.allSettled(this.pending).then(() => this.disk.run('close', this.path, () => {}))
    return this.closing
  }

  private put(source: Buffer, offset: number, length: number, position: number): void {
    const growth = position + length - this.node.content.length
    try {
      this.disk.checkSpace(this.path, growth)
    } catch (error) {
      const room = below(this.random, length + 1 - Math.min(length, growth))
      this.node.write(source, offset, room, position, this.options.durable === true)
      throw error
    }
    this.node.write(source, offset, length, position, this.options.durable === true)
  }

  private resize(length: number): void {
    this.disk.checkSpace(this.path, length - this.node.content.length)
    this.node.setLength(length)
  }

  private run<T>(operation: DiskOperation, apply: () => T, tear?: () => void, fail?: () => void): Promise<T> {
    this.checkOpen(operation)
    const running = this.disk.run(operation, this.path, apply, tear, fail)
    const settled: Promise<unknown> = running.then(
      () => this.pending.delete(settled),
      () => this.pending.delete(settled)
    )
    this.pending.add(settled)
    return running
  }

  private checkOpen(operation: DiskOperation): void {
    if (this.closing) throw new DiskError('io', `${this.path} is closed: ${operation}`)
    if (this.options.mode === 'read' && !['size', 'read', 'sync'].includes(operation))
      throw new DiskError('io', `${this.path} is open for reading only: ${operation}`)
  }

  private check(buffer: Buffer, offset: number, length: number, position: number): void {
    if (offset < 0 || length < 0 || position < 0 || offset + length > buffer.length)
      throw new DiskError('io', `${this.path}: no such range of the buffer`)
    if (!this.options.direct) return
    assertBlocks(length, position)
    assert(
      allocated.has(buffer.buffer) && (buffer.byteOffset + offset) % blockBytes === 0,
      'the memory of a direct operation comes from allocate() and starts at a whole block of it'
    )
  }
}
