import { status } from '@grpc/grpc-js'
import type { IRangeRequest, IRangeResponse, ITxnResponse } from 'etcd3'
import {
  type GetResult,
  type KeyValue,
  type Lease,
  type Metastore,
  MetastoreError,
  type Page,
  type RangeResult,
  type Transaction,
  type TxnResult,
  type Watch,
  type Watcher
} from '../metastore.ts'
import { Codec } from './codec.ts'
import { Connection, type ConnectionOptions } from './connection.ts'
import { Leases } from './leases.ts'
import { Watching } from './watching.ts'

export interface EtcdOptions extends ConnectionOptions {
  /** What all keys begin with: clusters with different ones share an etcd. */
  readonly prefix: string
}

/** How many keys are asked for at a time. */
const pageKeys = 5000

export interface InEtcd extends Metastore {
  /** The id of the etcd cluster: another one when it was restored from a backup. */
  storeId(): Promise<string>
}

/** A metastore in etcd (3.4 or newer). Nothing is asked of etcd yet: each call waits for it as long as a request may take. */
export function openEtcdMetastore(options: EtcdOptions): InEtcd {
  return new EtcdMetastore(options)
}

class EtcdMetastore implements InEtcd {
  private readonly codec: Codec
  private readonly connection: Connection
  private readonly leases: Leases
  private readonly watches = new Set<Watching>()
  private closing: Promise<void> | undefined

  constructor(options: EtcdOptions) {
    this.codec = new Codec(options.prefix)
    this.connection = new Connection(options)
    this.leases = new Leases(this.connection, this.codec)
  }

  async get(key: string): Promise<GetResult> {
    this.checkOpen()
    const { header, kvs } = await this.range_({ key: this.codec.key(key) })
    return { revision: Number(header.revision), item: kvs[0] && this.codec.item(kvs[0]) }
  }

  async range(prefix: string, page: Page = {}): Promise<RangeResult> {
    this.checkOpen()
    if (page.limit !== undefined) return this.page(prefix, page.after, page.limit)
    for (;;) {
      const whole = await this.whole(prefix, page.after)
      if (whole) return whole
    }
  }

  async txn(transaction: Transaction): Promise<TxnResult> {
    this.checkOpen()
    const request = this.codec.txn(transaction)
    const { success = [], failure = [] } = transaction
    const changes = [...success, ...failure].some(({ type }) => type !== 'get')
    const answer = changes
      ? await this.connection.write<ITxnResponse>('KV', 'txn', request)
      : await this.connection.read<ITxnResponse>('KV', 'txn', request)
    return this.codec.result(transaction, answer)
  }

  watch(prefix: string, from: number, watcher: Watcher): Watch {
    this.checkOpen()
    const { connection, codec } = this
    const watching: Watching = new Watching(
      { connection, codec, onEnd: () => void this.watches.delete(watching) },
      prefix,
      from,
      watcher
    )
    this.watches.add(watching)
    return watching
  }

  async storeId(): Promise<string> {
    this.checkOpen()
    const { header } = await this.range_({ key: this.codec.key(''), count_only: true })
    return header.cluster_id
  }

  async grantLease(ttlMs: number): Promise<Lease> {
    this.checkOpen()
    if (!(ttlMs > 0)) throw new MetastoreError('invalid', `a lease of ${ttlMs} ms`)
    return this.leases.grant(ttlMs)
  }

  close(): Promise<void> {
    this.closing ??= this.closeOnce()
    return this.closing
  }

  private async closeOnce(): Promise<void> {
    for (const watch of [...this.watches]) watch.end('closed', 0)
    this.leases.close()
    await this.connection.close()
  }

  private async page(prefix: string, after: string | undefined, limit: number, revision = 0): Promise<RangeResult> {
    const key = after !== undefined && after >= prefix ? this.codec.key(`${after}\0`) : this.codec.key(prefix)
    const request = { key, range_end: this.codec.endOf(prefix), limit, revision }
    const { header, kvs, more } = await this.range_(request)
    return {
      revision: revision || Number(header.revision),
      items: kvs.map(kv => this.codec.item(kv)),
      more
    }
  }

  /** All keys as they were at one revision; undefined when that was compacted before the last page was read. */
  private async whole(prefix: string, after: string | undefined): Promise<RangeResult | undefined> {
    const items: KeyValue[] = []
    let { revision, items: found, more } = await this.page(prefix, after, pageKeys)
    try {
      for (;;) {
        for (const item of found) items.push(item)
        if (!more) return { revision, items, more }
        ;({ items: found, more } = await this.page(prefix, items[items.length - 1].key, pageKeys, revision))
      }
    } catch (error) {
      if ((error as { cause?: { code?: unknown } }).cause?.code === status.OUT_OF_RANGE) return undefined
      throw error
    }
  }

  private range_(request: IRangeRequest): Promise<IRangeResponse> {
    return this.connection.read('KV', 'range', request)
  }

  private checkOpen(): void {
    if (this.closing) throw new MetastoreError('closed', 'the metastore is closed')
  }
}
