import { below, chance, type Random } from '../std/random.ts'
import {
  type Disk,
  DiskError,
  type DiskErrorKind,
  type DiskFile,
  type DiskLock,
  type DiskSpace,
  type OpenOptions
} from './disk.ts'
import { allocated, type DiskOperation, diskOperations, type OperationHost, SimulatedFile } from './simulated-file.ts'
import { SimulatedTree } from './simulated-tree.ts'

/** Probabilities, each per operation. Change them at any time. */
export interface DiskFaults {
  read: number
  write: number
  sync: number
  /** That an operation takes some turns of the event loop instead of some microtasks. */
  slow: number
}

export interface SimulatedDiskOptions {
  /** Decides order, faults and what survives: the same seed and the same calls give the same run. */
  random: Random
  /** All files together; writing more fails as `full`, in part written. */
  capacityBytes?: number
  faults?: Partial<DiskFaults>
}

interface Task {
  readonly operation: DiskOperation
  readonly path: string
  apply(): unknown
  /** What a crash leaves of it. */
  tear(): void
  /** What an error leaves of it. */
  fail(): void
  resolve(value: unknown): void
  reject(error: DiskError): void
}

interface PlannedFailure {
  readonly operation: DiskOperation
  readonly pathEnd: string
  readonly kind: DiskErrorKind
}

/**
 * A disk in memory that behaves as badly as real ones may. Written bytes survive a crash only when a sync (or a durable
 * file's write) that began after them has come back; before that any 512-byte sector may hold what it held at any time
 * since the last sync; names survive after `syncDir`. Operations in flight together finish in any order.
 */
export class SimulatedDisk implements Disk, OperationHost {
  readonly faults: DiskFaults
  /** How often each operation was carried out. */
  readonly counts = Object.fromEntries(diskOperations.map(name => [name, 0])) as Record<DiskOperation, number>
  capacityBytes: number
  private readonly random: Random
  private readonly boot: number
  private tree: SimulatedTree
  private readonly inFlight = new Set<Task>()
  private readonly ready: Task[] = []
  private readonly locks = new Set<string>()
  private readonly planned: PlannedFailure[] = []
  private pumping = false
  private crashPoint = Number.POSITIVE_INFINITY
  private total = 0
  private isCrashed = false

  constructor(options: SimulatedDiskOptions, tree = new SimulatedTree(), boot = 1) {
    this.boot = boot
    this.random = options.random
    this.capacityBytes = options.capacityBytes ?? Number.POSITIVE_INFINITY
    this.faults = { read: 0, write: 0, sync: 0, slow: 0.1, ...options.faults }
    this.tree = tree
  }

  /** Operations carried out so far: what `crashAt` counts. */
  get operations(): number {
    return this.total
  }

  get crashed(): boolean {
    return this.isCrashed
  }

  /** The machine loses power in the `operation`-th operation from the disk's start (the first one is 1). */
  crashAt(operation: number): void {
    this.crashPoint = operation
  }

  /** The machine loses power now: what is in flight is torn, everything from here on rejects as `crashed`. */
  crash(): void {
    if (this.isCrashed) return
    this.isCrashed = true
    const tasks = [...this.inFlight]
    this.inFlight.clear()
    this.ready.length = 0
    for (const task of tasks) {
      try {
        task.tear()
      } catch {
        // What the disk has no room for leaves nothing.
      }
      task.reject(crashedError(task.path))
    }
  }

  /** The disk that is found when the machine is on again. */
  afterCrash(): SimulatedDisk {
    this.crash()
    return this.successor(this.tree.afterCrash(this.random), this.boot + 1)
  }

  /** The disk that a new process finds when this one was killed: the page cache is still there. */
  afterKill(): SimulatedDisk {
    this.crash()
    return this.successor(this.tree.afterKill(), this.boot)
  }

  /** Makes the next operation of that kind, on a path that ends so, fail. A failing write is carried out in part. */
  failNext(operation: DiskOperation, pathEnd = '', kind: DiskErrorKind = 'io'): void {
    this.planned.push({ operation, pathEnd, kind })
  }

  flipBit(path: string, position: number, bit = 0): void {
    this.tree.file(path).flipBit(position, bit)
  }

  /** A copy of what a reader of the file sees. */
  contents(path: string): Buffer {
    return this.tree.file(path).bytes()
  }

  /** Replaces a file's bytes, durably; makes it where the folder exists. */
  replace(path: string, bytes: Buffer): void {
    const node = this.tree.find(path) ? this.tree.file(path) : this.tree.create(path)
    node.setLength(0)
    node.write(bytes, 0, bytes.length, 0, false)
    node.sync(node.lastWrite)
    this.tree.sync(path.slice(0, path.lastIndexOf('/')))
  }

  /** The paths of all files, sorted. */
  paths(): string[] {
    const paths: string[] = []
    this.tree.eachFile(path => paths.push(path))
    return paths.sort()
  }

  get usedBytes(): number {
    let bytes = 0
    this.tree.eachFile((_, file) => {
      bytes += file.content.length
    })
    return bytes
  }

  open(path: string, options: OpenOptions): Promise<DiskFile> {
    return this.run('open', path, () => {
      const found = this.tree.find(path)
      if (found?.kind === 'folder') throw new DiskError('io', `${path} is a folder`)
      if (!found && options.mode === 'read') throw new DiskError('missing', `no such file: ${path}`)
      return new SimulatedFile(this, path, found ?? this.tree.create(path), options, this.random)
    })
  }

  list(path: string): Promise<string[]> {
    return this.run('list', path, () => {
      const node = this.tree.find(path)
      return node ? [...this.tree.folder(path).entries.keys()].sort() : []
    })
  }

  exists(path: string): Promise<boolean> {
    return this.run('exists', path, () => this.tree.find(path) !== undefined)
  }

  mkdir(path: string): Promise<void> {
    return this.run('mkdir', path, () => this.tree.mkdir(path), 'sometimes')
  }

  rename(from: string, to: string): Promise<void> {
    return this.run('rename', from, () => void this.tree.rename(from, to), 'sometimes')
  }

  remove(path: string): Promise<void> {
    return this.run('remove', path, () => void this.tree.remove(path), 'sometimes')
  }

  syncDir(path: string): Promise<void> {
    return this.run('syncDir', path, () => this.tree.sync(path))
  }

  async space(path: string): Promise<DiskSpace> {
    if (this.isCrashed) throw crashedError(path)
    if (this.capacityBytes === Number.POSITIVE_INFINITY) return { totalBytes: undefined, usableBytes: undefined }
    return { totalBytes: this.capacityBytes, usableBytes: Math.max(0, this.capacityBytes - this.usedBytes) }
  }

  async bootId(): Promise<string> {
    return `boot ${this.boot}`
  }

  async lock(path: string): Promise<DiskLock> {
    if (this.isCrashed) throw crashedError(path)
    if (this.locks.has(path)) throw new DiskError('locked', `${path} is in use by another broker`)
    this.locks.add(path)
    return { release: async () => void this.locks.delete(path) }
  }

  allocate(bytes: number): Buffer {
    const memory = Buffer.allocUnsafeSlow(bytes).fill(0xa5)
    allocated.add(memory.buffer)
    return memory
  }

  /** Carries out `apply` some time later. `tear` ('sometimes': `apply` itself, by chance) is for a crash that comes first. */
  run<T>(
    operation: DiskOperation,
    path: string,
    apply: () => T,
    tear: (() => void) | 'sometimes' = () => {},
    fail?: () => void
  ): Promise<T> {
    if (this.isCrashed) return Promise.reject(crashedError(path))
    return new Promise<T>((resolve, reject) => {
      const torn = tear === 'sometimes' ? () => this.maybe(apply) : tear
      const task: Task = {
        operation,
        path,
        apply,
        tear: torn,
        fail: fail ?? torn,
        resolve: value => resolve(value as T),
        reject
      }
      this.inFlight.add(task)
      this.wait(task, chance(this.random, this.faults.slow) ? 1 + below(this.random, 4) : 0)
    })
  }

  /** The same, at once. */
  runSync(operation: DiskOperation, path: string, apply: () => void, tear: () => void): void {
    if (this.isCrashed) throw crashedError(path)
    const failure = this.begin(operation, path)
    if (failure?.kind === 'crashed') {
      tear()
      this.crash()
    } else if (failure) tear()
    if (failure) throw failure
    apply()
  }

  /** Throws `full` when the disk can't hold `growth` bytes more. */
  checkSpace(path: string, growth: number): void {
    if (growth > 0 && this.usedBytes + growth > this.capacityBytes)
      throw new DiskError('full', `${path}: no space left`)
  }

  private wait(task: Task, turns: number): void {
    if (turns > 0) {
      setImmediate(() => this.wait(task, turns - 1))
      return
    }
    if (this.isCrashed) return
    this.ready.push(task)
    this.pump()
  }

  private pump(): void {
    if (this.pumping) return
    this.pumping = true
    queueMicrotask(() => {
      this.pumping = false
      if (this.ready.length === 0) return
      const index = below(this.random, this.ready.length)
      const task = this.ready[index]
      this.ready[index] = this.ready[this.ready.length - 1]
      this.ready.pop()
      this.carryOut(task)
      if (this.ready.length > 0) this.pump()
    })
  }

  private carryOut(task: Task): void {
    const failure = this.begin(task.operation, task.path)
    if (failure?.kind === 'crashed') {
      this.crash()
      return
    }
    this.inFlight.delete(task)
    if (failure) {
      task.fail()
      task.reject(failure)
      return
    }
    try {
      task.resolve(task.apply())
    } catch (error) {
      task.reject(error as DiskError)
    }
  }

  /** Counts an operation and says how it is to fail, if it is. */
  private begin(operation: DiskOperation, path: string): DiskError | undefined {
    this.total++
    this.counts[operation]++
    if (this.total >= this.crashPoint) return crashedError(path)
    const plan = this.planned.findIndex(item => item.operation === operation && path.endsWith(item.pathEnd))
    if (plan >= 0) return new DiskError(this.planned.splice(plan, 1)[0].kind, `${path}: injected ${operation} failure`)
    const probability = this.probabilityOf(operation)
    if (probability > 0 && chance(this.random, probability))
      return new DiskError('io', `${path}: injected ${operation} failure`)
    return undefined
  }

  private probabilityOf(operation: DiskOperation): number {
    if (operation === 'read') return this.faults.read
    if (operation === 'write' || operation === 'writeSync') return this.faults.write
    return operation === 'sync' || operation === 'syncDir' ? this.faults.sync : 0
  }

  private maybe(apply: () => unknown): void {
    if (chance(this.random, 0.5)) return
    try {
      apply()
    } catch {
      // What can't be done anyway can't be done in part.
    }
  }

  private successor(tree: SimulatedTree, boot: number): SimulatedDisk {
    const { random, capacityBytes, faults } = this
    return new SimulatedDisk({ random, capacityBytes, faults }, tree, boot)
  }
}

function crashedError(path: string): DiskError {
  return new DiskError('crashed', `${path}: the machine has lost power`)
}
