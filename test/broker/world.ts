import assert from 'node:assert/strict'
import { Broker } from '../../src/broker/broker.ts'
import type { FetchItem } from '../../src/broker/fetch-session.ts'
import type { FetchedPartition, FetchRequest, FetchResult } from '../../src/broker/fetch-types.ts'
import type { ProduceOutcome } from '../../src/broker/produce.ts'
import { brokerOptions } from '../../src/config/options.ts'
import { openControl } from '../../src/control/control.ts'
import type { Control } from '../../src/control/types.ts'
import type { Disk } from '../../src/disk/disk.ts'
import { memoryDisk } from '../../src/disk/memory.ts'
import type { AnyApi, Handler, RequestContext } from '../../src/doors/kafka/handler.ts'
import { noResponse } from '../../src/doors/kafka/handler.ts'
import { openEmbeddedMetastore } from '../../src/metastore/embedded/embedded.ts'
import type { Partition } from '../../src/partition/partition.ts'
import { type BatchOptions, buildBatch, type RecordInput } from '../../src/record/build.ts'
import * as header from '../../src/record/header.ts'
import { iterateRecords } from '../../src/record/iterate.ts'
import type { Api, DecodedResponseOf, RequestInputOf } from '../../src/schema/message.ts'
import { ManualClock } from '../../src/std/clock.ts'
import { silent } from '../../src/std/log.ts'
import { Metrics } from '../../src/std/metrics.ts'
import { OptionValues } from '../../src/std/option.ts'
import { SeededRandom } from '../../src/std/random.ts'
import { openLogStore } from '../../src/storage/store.ts'
import type { LogStore } from '../../src/storage/types.ts'

let nextSeed = 1

export const noTopicId = 'AAAAAAAAAAAAAAAAAAAAAA'

export interface World {
  readonly broker: Broker
  readonly control: Control
  readonly store: LogStore
  readonly disk: Disk
  readonly clock: ManualClock
  /** Makes a topic and gives its first partition. */
  topic(name: string, partitions?: number, configs?: Record<string, string>): Promise<Partition>
  partition(topic: string, index?: number): Partition
  /** Sends a request as a client of that version would, over the bytes of both messages. */
  ask<A extends Api>(
    handler: Handler<AnyApi>,
    api: A,
    version: number,
    request: RequestInputOf<A>
  ): Promise<DecodedResponseOf<A>>
  /** Stops everything in order. */
  close(): Promise<void>
}

/**
 * A whole broker without sockets. Another one on the same disk is what a restart gives; it takes another `seed` for its
 * randomness, or it would draw the same ids again.
 */
export async function openWorld(
  texts: Record<string, string> = {},
  disk: Disk = memoryDisk(),
  clock = new ManualClock(),
  seed = nextSeed++
): Promise<World> {
  const parts = { clock, random: new SeededRandom(seed), logger: silent, metrics: new Metrics() }
  const small = {
    journalFileBytes: 256 * 1024,
    journalFiles: 4,
    memoryTailBytes: 1024 * 1024,
    unwrittenBytesMax: 16 * 1024 * 1024,
    openFilesMax: 64
  }
  const values = new OptionValues({ 'offsets.topic.num.partitions': '1', ...texts })
  const store = await openLogStore({ ...parts, disk }, '/data', small)
  const metastore = await openEmbeddedMetastore({ ...parts, durable: { disk, folder: '/data/metastore' } })
  const control = await openControl({ ...parts, metastore, nodeId: 1 })
  const logDir = { path: '/data', space: () => disk.space('/data') }
  const broker = await Broker.open({ ...parts, store, logDir, control, options: brokerOptions, values })
  await control.advertise({ host: 'naru', port: 9092 })
  const partition = (topic: string, index = 0) => broker.partitions.find({ topic, index })
  return {
    broker,
    control,
    store,
    disk,
    clock,
    partition,
    async topic(name, partitions = 1, configs = {}) {
      const [made] = await broker.topics.create(
        [
          {
            name,
            numPartitions: partitions,
            replicationFactor: 1,
            assignments: [],
            configs: Object.entries(configs).map(([name, value]) => ({ name, value }))
          }
        ],
        false
      )
      assert.equal(made.error, undefined)
      return partition(name)
    },
    async ask(handler, api, version, request) {
      const decoded = api.request.decode(api.request.encode(request, version), version)
      const context = {
        broker,
        apiVersion: version,
        responseRoom: 1 << 30,
        reserve: () => () => {},
        onClose: () => () => {}
      } as unknown as RequestContext
      const answer = await handler.answer(decoded, context)
      assert(answer !== noResponse)
      const response = api.response.encode(answer as never, version)
      answer.release?.()
      return api.response.decode(response, version) as DecodedResponseOf<typeof api>
    },
    async close() {
      await broker.close()
      await control.close()
      await metastore.close()
      await store.close()
    }
  }
}

export type Value = string | RecordInput

/** A batch as a producer sends it: texts are values of records stamped with the manual clock's first time. */
export function batch(values: readonly Value[], options: BatchOptions = {}): Buffer {
  return buildBatch(
    values.map(value =>
      typeof value === 'string' ? { timestamp: 1_700_000_000_000, value: Buffer.from(value) } : value
    ),
    options
  )
}

/** Produces one batch with acks=all; gives the outcome. */
export async function produce(
  world: World,
  topic: string,
  index: number,
  records: Buffer | null,
  acks = -1
): Promise<ProduceOutcome> {
  const [outcome] = await world.broker.produce(acks, 5000, [{ topic, index, records }])
  return outcome
}

/** Produces a batch that must be taken; gives its base offset. */
export async function put(world: World, topic: string, index: number, ...values: Value[]): Promise<number> {
  const { error, message, baseOffset } = await produce(world, topic, index, batch(values))
  assert.equal(error, undefined, message)
  return baseOffset
}

export function item(topic: string, index: number, fetchOffset: number, more: Partial<FetchItem> = {}): FetchItem {
  return {
    topic,
    topicId: noTopicId,
    index,
    currentLeaderEpoch: -1,
    fetchOffset,
    lastFetchedEpoch: -1,
    logStartOffset: -1,
    maxBytes: 1024 * 1024,
    ...more
  }
}

const connected = () => () => {}

/** Fetches; without a session, without a wait and with room enough unless told otherwise. */
export async function fetch(
  world: World,
  items: readonly FetchItem[],
  more: Partial<FetchRequest> = {},
  onClose: (gone: () => void) => () => void = connected
): Promise<FetchResult> {
  return world.broker.fetcher.fetch(
    {
      maxWaitMs: 0,
      minBytes: 1,
      maxBytes: 50_000_000,
      readCommitted: false,
      sessionId: 0,
      sessionEpoch: -1,
      usesTopicIds: false,
      items,
      forgotten: [],
      ...more
    },
    onClose
  )
}

/** The values in what was fetched of a partition, and gaps included where batches begin before the offset asked for. */
export function valuesOf(partition: FetchedPartition | undefined): string[] {
  const values: string[] = []
  for (const chunk of partition?.records ?? [])
    for (let at = 0; at < chunk.length; at += header.batchBytes(chunk, at))
      for (const { value } of iterateRecords(chunk, at)) values.push(value!.toString())
  return values
}

/** An answer as a line per partition: `topic-0: a b` or `topic-0: ERROR`. Gives its bytes back. */
export function lines(result: FetchResult): string[] {
  const out = result.partitions.map(partition => {
    const what = partition.error ?? valuesOf(partition).join(' ')
    return `${partition.topic || partition.topicId}-${partition.index}:${what && ' '}${what}`
  })
  result.release()
  return out
}

/** All turns that are due without time passing have run. */
export async function settle(turns = 20): Promise<void> {
  for (let turn = 0; turn < turns; turn++) await new Promise<void>(resolve => setImmediate(resolve))
}

/** What a promise has come to, once all that can happen without time passing has. */
export async function stateOf(promise: Promise<unknown>): Promise<'pending' | 'settled'> {
  let state: 'pending' | 'settled' = 'pending'
  const done = () => {
    state = 'settled'
  }
  promise.then(done, done)
  await settle()
  return state
}
