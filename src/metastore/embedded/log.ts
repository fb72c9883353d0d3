import { type Disk, DiskError, type DiskFile } from '../../disk/disk.ts'
import { crc32c } from '../../std/crc32c.ts'
import { type KeyValue, type LeaseId, MetastoreError } from '../metastore.ts'
import type { Effect, State } from './state.ts'

/**
 * The embedded metastore's files, format 1. To change it: write the new magic, keep reading the old one, rewrite by a
 * snapshot at start.
 *
 *   snapshot-N   the state at sequence N: a head frame, item frames, an end frame
 *   log-N        the effects behind it: one frame for each group of effects that was made durable together
 *   frame        magic u32 | payload bytes u32 | sequence f64 | CRC-32C of length, sequence and payload u32 | payload, JSON
 *
 * A frame of a log carries how many effects came before it since the beginning of time. A frame is written only when
 * the one before it is durable: so a bad frame with a good one behind it (or a later log) is rot, and refused; a bad one at
 * the very end is a write that was never answered, and is cut off.
 */
const magic = 0x4e4d5331
const headBytes = 20
const snapshotItemsPerFrame = 500
const logName = (first: number) => `log-${String(first).padStart(16, '0')}`
const snapshotName = (sequence: number) => `snapshot-${String(sequence).padStart(16, '0')}`
const sequenceOf = (name: string) => Number(name.slice(name.indexOf('-') + 1))

interface SnapshotHead {
  revision: number
  leases: [id: LeaseId, ttlMs: number][]
  leaseCount: number
}

export interface EffectLogOptions {
  /** A log longer than this, and than twice the last snapshot, is replaced by a snapshot. */
  compactBytes: number
}

export class EffectLog {
  /** Number of effects ever logged. */
  sequence = 0
  private readonly disk: Disk
  private readonly folder: string
  private readonly options: EffectLogOptions
  private file!: DiskFile
  private end = 0
  private snapshotBytes = 0
  private endsWithMark = true
  private compacting: Promise<void> | undefined

  private constructor(disk: Disk, folder: string, options: EffectLogOptions) {
    this.disk = disk
    this.folder = folder
    this.options = options
  }

  /** Opens the folder (made when absent), fills `state` and calls `replayed` for each effect behind the snapshot. */
  static async open(
    disk: Disk,
    folder: string,
    options: EffectLogOptions,
    state: State,
    replayed: (effect: Effect) => void
  ): Promise<EffectLog> {
    const log = new EffectLog(disk, folder, options)
    await log.load(state, replayed)
    return log
  }

  /** Makes the effects durable. After `full` nothing of them is there; after any other rejection the log is dead. */
  async append(effects: readonly Effect[]): Promise<void> {
    const frame = encode(this.sequence, Buffer.from(JSON.stringify(effects)))
    try {
      await this.file.write(frame, 0, frame.length, this.end)
    } catch (error) {
      if (!(error instanceof DiskError) || error.kind !== 'full') throw error
      await this.file.truncate(this.end)
      await this.file.sync()
      throw error
    }
    this.end += frame.length
    this.sequence += effects.length
    this.endsWithMark = effects.length === 0
  }

  /** Whether `compact` is worth it. */
  get isLong(): boolean {
    return !this.compacting && this.end > Math.max(this.options.compactBytes, 2 * this.snapshotBytes)
  }

  /**
   * Goes on in a new log, and puts a snapshot of `state` in place of the old one behind it. Call it between appends; it
   * resolves when appending may go on. `failed` hears of trouble with the snapshot: the old files then stay.
   */
  async compact(state: State, failed: (error: unknown) => void): Promise<void> {
    const head: SnapshotHead = {
      revision: state.revision,
      leases: [...state.leases].map(([id, { ttlMs }]) => [id, ttlMs]),
      leaseCount: state.leaseCount
    }
    const items = state.all()
    const sequence = this.sequence
    const old = this.file
    const next = await this.disk.open(`${this.folder}/${logName(sequence)}`, { mode: 'write', durable: true })
    await this.disk.syncDir(this.folder)
    this.file = next
    this.end = 0
    this.compacting = old
      .close()
      .then(() => this.writeSnapshot(sequence, head, items))
      .then(() => this.removeBefore(sequence))
      .catch(failed)
      .finally(() => {
        this.compacting = undefined
      })
  }

  /** Ends in an empty frame, so that damage to the last true one isn't taken for a torn write at the next start. */
  async close(): Promise<void> {
    await this.compacting
    if (!this.endsWithMark) await this.append([])
    await this.file.close()
  }

  private async load(state: State, replayed: (effect: Effect) => void): Promise<void> {
    await this.disk.mkdir(this.folder)
    await this.disk.syncDir(this.folder.slice(0, this.folder.lastIndexOf('/')) || '/')
    const names = await this.disk.list(this.folder)
    const snapshot = names.filter(name => name.startsWith('snapshot-') && !name.endsWith('.new')).at(-1)
    if (snapshot) await this.readSnapshot(snapshot, state)
    const logs: { name: string; bytes: Buffer }[] = []
    for (const name of names.filter(name => name.startsWith('log-') && sequenceOf(name) >= this.sequence))
      logs.push({ name, bytes: await readWhole(this.disk, `${this.folder}/${name}`) })
    const written = logs.filter(({ bytes }) => bytes.length > 0)
    for (const log of written) await this.readLog(log.name, log.bytes, log === written.at(-1), replayed)
    // An empty log is one that a crash or a full disk kept from being used: all before it must be there.
    for (const { name } of logs.filter(({ bytes }) => bytes.length === 0)) {
      if (sequenceOf(name) > this.sequence) throw this.missing(name)
      await this.disk.remove(`${this.folder}/${name}`)
    }
    if (written.length === 0) {
      const path = `${this.folder}/${logName(this.sequence)}`
      this.file = await this.disk.open(path, { mode: 'write', durable: true })
      await this.disk.syncDir(this.folder)
    }
    await this.removeBefore(snapshot ? sequenceOf(snapshot) : 0)
  }

  private missing(name: string): MetastoreError {
    return new MetastoreError(
      'corrupt',
      `${this.folder}/${name} begins at ${sequenceOf(name)}, but what is there ends at ${this.sequence}. Restore the folder from a copy.`
    )
  }

  private async readLog(
    name: string,
    bytes: Buffer,
    isLast: boolean,
    replayed: (effect: Effect) => void
  ): Promise<void> {
    const path = `${this.folder}/${name}`
    if (sequenceOf(name) !== this.sequence) throw this.missing(name)
    let at = 0
    for (;;) {
      const frame = decodeFrame(bytes, at)
      if (!frame || frame.sequence !== this.sequence) break
      const effects = JSON.parse(frame.payload.toString()) as Effect[]
      for (const effect of effects) replayed(effect)
      this.sequence += effects.length
      this.endsWithMark = effects.length === 0
      at = frame.end
    }
    if (at < bytes.length && (!isLast || hasFrameBehind(bytes, at)))
      throw new MetastoreError(
        'corrupt',
        `${path} is damaged at byte ${at}: what was stored there is lost. Restore the folder from a copy.`
      )
    if (!isLast) return
    this.file = await this.disk.open(path, { mode: 'write', durable: true })
    if (at < bytes.length) {
      await this.file.truncate(at)
      await this.file.sync()
    }
    this.end = at
  }

  private async readSnapshot(name: string, state: State): Promise<void> {
    const path = `${this.folder}/${name}`
    const bytes = await readWhole(this.disk, path)
    this.snapshotBytes = bytes.length
    this.sequence = sequenceOf(name)
    let head: SnapshotHead | undefined
    for (let at = 0; ; ) {
      const frame = decodeFrame(bytes, at)
      if (!frame) break
      const content = JSON.parse(frame.payload.toString()) as SnapshotHead | KeyValue[]
      if (!head) {
        head = content as SnapshotHead
        state.restoreHead(head.revision, head.leases, head.leaseCount)
      } else {
        const items = content as KeyValue[]
        if (items.length === 0 && frame.end === bytes.length) return
        for (const item of items) state.restore(item)
      }
      at = frame.end
    }
    throw new MetastoreError('corrupt', `${path} is damaged. Restore the folder from a copy.`)
  }

  private async writeSnapshot(sequence: number, head: SnapshotHead, items: readonly KeyValue[]): Promise<void> {
    const path = `${this.folder}/${snapshotName(sequence)}`
    await this.disk.remove(`${path}.new`)
    const file = await this.disk.open(`${path}.new`, { mode: 'write' })
    let at = 0
    const write = async (content: unknown) => {
      const frame = encode(sequence, Buffer.from(JSON.stringify(content)))
      await file.write(frame, 0, frame.length, at)
      at += frame.length
    }
    await write(head)
    for (let first = 0; first < items.length; first += snapshotItemsPerFrame)
      await write(items.slice(first, first + snapshotItemsPerFrame))
    await write([])
    await file.sync()
    await file.close()
    await this.disk.rename(`${path}.new`, path)
    await this.disk.syncDir(this.folder)
    this.snapshotBytes = at
  }

  /** Removes what the snapshot at `sequence` has replaced. */
  private async removeBefore(sequence: number): Promise<void> {
    for (const name of await this.disk.list(this.folder)) {
      const isDraft = name.endsWith('.new')
      const isOurs = name.startsWith('log-') || name.startsWith('snapshot-')
      if (isDraft || (isOurs && sequenceOf(name) < sequence)) await this.disk.remove(`${this.folder}/${name}`)
    }
  }
}

function encode(sequence: number, payload: Buffer): Buffer {
  const frame = Buffer.allocUnsafe(headBytes + payload.length)
  frame.writeUInt32BE(magic, 0)
  frame.writeUInt32BE(payload.length, 4)
  frame.writeDoubleBE(sequence, 8)
  payload.copy(frame, headBytes)
  frame.writeUInt32BE(crc32c(payload, 0, payload.length, crc32c(frame, 4, 16)), 16)
  return frame
}

/** The intact frame at `at`; undefined when there is none. */
export function decodeFrame(bytes: Buffer, at: number): { sequence: number; payload: Buffer; end: number } | undefined {
  if (at + headBytes > bytes.length || bytes.readUInt32BE(at) !== magic) return undefined
  const end = at + headBytes + bytes.readUInt32BE(at + 4)
  if (end > bytes.length) return undefined
  const payload = bytes.subarray(at + headBytes, end)
  if (crc32c(payload, 0, payload.length, crc32c(bytes, at + 4, at + 16)) !== bytes.readUInt32BE(at + 16))
    return undefined
  return { sequence: bytes.readDoubleBE(at + 8), payload, end }
}

function hasFrameBehind(bytes: Buffer, from: number): boolean {
  const mark = Buffer.alloc(4)
  mark.writeUInt32BE(magic, 0)
  for (let at = bytes.indexOf(mark, from); at >= 0; at = bytes.indexOf(mark, at + 1))
    if (at > from && decodeFrame(bytes, at)) return true
  return false
}

async function readWhole(disk: Disk, path: string): Promise<Buffer> {
  const file = await disk.open(path, { mode: 'read' })
  try {
    const bytes = Buffer.alloc(await file.size())
    const count = await file.read(bytes, 0, bytes.length, 0)
    return bytes.subarray(0, count)
  } finally {
    await file.close()
  }
}
