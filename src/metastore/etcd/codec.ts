import type { ICompare, IEvent, IKeyValue, IRequestOp, ITxnRequest, ITxnResponse } from 'etcd3'
import {
  type Change,
  type Compare,
  type KeyValue,
  type LeaseId,
  MetastoreError,
  noLease,
  type Operation,
  type Transaction,
  type TxnResult
} from '../metastore.ts'
import { checkTransaction } from '../transaction-rules.ts'

/** Below etcd's limit for a request (1.5 MiB), with room for what lies around keys and values. */
export const requestBytesMax = 1024 * 1024

const relations = { '=': 'Equal', '!=': 'NotEqual', '<': 'Less', '>': 'Greater' } as const
const noLeaseText = '0'

/** Keys and values between a Metastore and etcd: all keys of a cluster lie under one prefix. */
export class Codec {
  private readonly prefix: string
  private readonly prefixBytes: number

  constructor(prefix: string) {
    this.prefix = prefix
    this.prefixBytes = Buffer.byteLength(prefix)
  }

  key(key: string): Buffer {
    return Buffer.from(this.prefix + key)
  }

  /** The first key behind all that begin with `prefix`. */
  endOf(prefix: string): Buffer {
    const end = this.key(prefix)
    // The bytes of UTF-8 stay below 0xff.
    if (end.length === 0) return Buffer.from([0])
    end[end.length - 1]++
    return end
  }

  item({ key, value, create_revision, mod_revision, version, lease }: IKeyValue): KeyValue {
    return {
      key: this.keyOf(key),
      value: value.toString(),
      createRevision: Number(create_revision),
      modRevision: Number(mod_revision),
      version: Number(version),
      lease: lease === noLeaseText ? noLease : lease
    }
  }

  change({ type, kv }: IEvent): Change {
    if (type === 'Put') return { type: 'put', item: this.item(kv) }
    return { type: 'delete', key: this.keyOf(kv.key), modRevision: Number(kv.mod_revision) }
  }

  /** Throws `invalid` or `lease` where etcd need not be asked. */
  txn(transaction: Transaction): ITxnRequest {
    checkTransaction(transaction)
    const { compare = [], success = [], failure = [] } = transaction
    const request: ITxnRequest = {
      compare: compare.map(item => this.compare(item)),
      success: readFirst(success).map(operation => this.operation(operation)),
      failure: readFirst(failure).map(operation => this.operation(operation))
    }
    checkBytes(request)
    return request
  }

  result({ success = [], failure = [] }: Transaction, { header, succeeded, responses }: ITxnResponse): TxnResult {
    const operations = succeeded ? success : failure
    let at = 0
    const items = operations.map(({ type }) => {
      if (type !== 'get') return undefined
      const kv = responses[at++].response_range.kvs[0]
      return kv && this.item(kv)
    })
    return { succeeded, revision: Number(header.revision), items }
  }

  private keyOf(bytes: Buffer): string {
    return bytes.toString('utf8', this.prefixBytes)
  }

  private compare(compare: Compare): ICompare {
    const key = this.key(compare.key)
    const result = relations[compare.is]
    switch (compare.target) {
      case 'createRevision':
        return { key, result, target: 'Create', create_revision: compare.to }
      case 'modRevision':
        return { key, result, target: 'Mod', mod_revision: compare.to }
      case 'version':
        return { key, result, target: 'Version', version: compare.to }
      case 'value':
        return { key, result, target: 'Value', value: Buffer.from(compare.to) }
      case 'lease':
        return { key, result, target: 'Lease', lease: compare.to === noLease ? noLeaseText : leaseNumber(compare.to) }
    }
  }

  private operation(operation: Operation): IRequestOp {
    const key = this.key(operation.key)
    switch (operation.type) {
      case 'get':
        return { request_range: { key } }
      case 'delete':
        return { request_delete_range: { key } }
      case 'put': {
        const { lease = noLease } = operation
        const value = Buffer.from(operation.value)
        return { request_put: lease === noLease ? { key, value } : { key, value, lease: leaseNumber(lease) } }
      }
    }
  }
}

/** What is read is how it was before the transaction: etcd carries out its operations in turn, each on what came before. */
function readFirst(operations: readonly Operation[]): Operation[] {
  const isGet = ({ type }: Operation) => type === 'get'
  return [...operations.filter(isGet), ...operations.filter(operation => !isGet(operation))]
}

/** An id as etcd gives them: a number of 64 bits in decimal digits. */
function leaseNumber(lease: LeaseId): string {
  if (!/^\d{1,19}$/.test(lease)) throw new MetastoreError('lease', `no lease ${lease}`)
  return lease
}

function checkBytes({ compare = [], success = [], failure = [] }: ITxnRequest): void {
  let bytes = 0
  for (const { key, value } of compare) bytes += sizeOf(key) + sizeOf(value)
  for (const { request_put, request_range, request_delete_range } of [...success, ...failure])
    bytes += sizeOf((request_put ?? request_range ?? request_delete_range)?.key) + sizeOf(request_put?.value)
  if (bytes > requestBytesMax)
    throw new MetastoreError('invalid', `a transaction of ${bytes} bytes, at most ${requestBytesMax}`)
}

function sizeOf(bytes: Buffer | undefined): number {
  return bytes?.length ?? 0
}
