import { type EtcdOptions, openEtcdMetastore } from '../../../src/metastore/etcd/etcd.ts'
import type { ChangeBatch, Metastore } from '../../../src/metastore/metastore.ts'
import { systemClock } from '../../../src/run/system.ts'
import { silent } from '../../../src/std/log.ts'
import type { EtcdTest } from '../../support/etcd.ts'

let opened = 0

export function etcdOptions(etcd: Pick<EtcdTest, 'nodes'>, more: Partial<EtcdOptions> = {}): EtcdOptions {
  const addresses = etcd.nodes.map(({ port }) => `127.0.0.1:${port}`)
  return { addresses, prefix: `t${opened++}/`, requestTimeoutMs: 5000, clock: systemClock, logger: silent, ...more }
}

/** A store under a prefix of its own, unless told otherwise. */
export function openStore(etcd: Pick<EtcdTest, 'nodes'>, more: Partial<EtcdOptions> = {}): Metastore {
  return openEtcdMetastore(etcdOptions(etcd, more))
}

export const put = (key: string, value: string, lease?: string) => ({ type: 'put', key, value, lease }) as const

/** What a watch told, with a promise of the next. */
export class Seen {
  readonly batches: ChangeBatch[] = []
  readonly ends: [reason: string, oldestRevision: number][] = []
  private waiting: (() => void)[] = []

  changed(batch: ChangeBatch): void {
    this.batches.push(batch)
    this.tell()
  }

  ended(reason: string, oldestRevision: number): void {
    this.ends.push([reason, oldestRevision])
    this.tell()
  }

  get values(): string[] {
    return this.batches.flatMap(({ changes }) =>
      changes.map(change => (change.type === 'put' ? change.item.value : `-${change.key}`))
    )
  }

  /** Resolves when `condition` holds; looked at with whatever is told. */
  async until(condition: (seen: this) => boolean, timeoutMs = 20_000): Promise<void> {
    const deadline = Date.now() + timeoutMs
    while (!condition(this)) {
      if (Date.now() > deadline) throw new Error(`not seen in ${timeoutMs} ms: ${this.values.length} values`)
      await new Promise<void>(resolve => {
        const timer = setTimeout(resolve, 100)
        this.waiting.push(() => {
          clearTimeout(timer)
          resolve()
        })
      })
    }
  }

  private tell(): void {
    for (const resolve of this.waiting.splice(0)) resolve()
  }
}

/** Resolves when `condition` does to something true; asked every few milliseconds. */
export async function eventually<T>(
  condition: () => T | undefined | Promise<T | undefined>,
  timeoutMs = 20_000
): Promise<NonNullable<T>> {
  for (const deadline = Date.now() + timeoutMs; ; ) {
    const value = await condition()
    if (value) return value
    if (Date.now() > deadline) throw new Error(`not so within ${timeoutMs} ms`)
    await new Promise(resolve => setTimeout(resolve, 20))
  }
}

export const passing = (ms: number): Promise<void> => new Promise(resolve => setTimeout(resolve, ms))
