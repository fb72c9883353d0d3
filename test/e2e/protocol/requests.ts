import type { RawConnection } from '../../support/raw.ts'
import { Reader, Writer } from '../../support/raw.ts'

/** What an answer said, or how the connection ended instead. */
export type Answer<T> = T | 'closed' | 'silent'

async function ask<T>(answer: Promise<Reader | 'closed' | 'silent'>, read: (reader: Reader) => T): Promise<Answer<T>> {
  const reader = await answer
  return reader instanceof Reader ? read(reader) : reader
}

/** Produce v7 to one partition. */
export function produceBody(topic: string, partition: number, records: Buffer, acks = -1, timeoutMs = 10_000): Buffer {
  const body = new Writer().string(null).int16(acks).int32(timeoutMs)
  body.int32(1).string(topic).int32(1).int32(partition)
  return body.bytes(records).build()
}

export function produce(
  connection: RawConnection,
  topic: string,
  partition: number,
  records: Buffer,
  acks = -1,
  timeoutMs = 10_000,
  silentMs?: number
) {
  return ask(
    connection.ask({ key: 0, version: 7 }, produceBody(topic, partition, records, acks, timeoutMs), silentMs),
    readProduce
  )
}

export function readProduce(reader: Reader): { error: number; baseOffset: number } {
  const [topic] = reader.array(() => {
    reader.string()
    return reader.array(() => {
      reader.int32()
      const answer = { error: reader.int16(), baseOffset: reader.int64() }
      reader.int64()
      reader.int64()
      return answer
    })!
  })!
  return topic[0]
}

export interface Fetched {
  error: number
  highWatermark: number
  logStartOffset: number
  records: Buffer
}

/** Fetch v5 of one partition. */
export function fetch(
  connection: RawConnection,
  topic: string,
  offset: number,
  { partition = 0, maxBytes = 1 << 20, waitMs = 0, minBytes = 0 } = {}
): Promise<Answer<Fetched>> {
  const body = new Writer().int32(-1).int32(waitMs).int32(minBytes).int32(maxBytes).int8(0)
  body.int32(1).string(topic).int32(1).int32(partition).int64(offset).int64(-1).int32(maxBytes)
  return ask(connection.ask({ key: 1, version: 5 }, body.build()), reader => {
    reader.int32()
    const [answers] = reader.array(() => {
      reader.string()
      return reader.array(() => {
        reader.int32()
        const error = reader.int16()
        const highWatermark = reader.int64()
        reader.int64()
        const logStartOffset = reader.int64()
        reader.array(() => [reader.int64(), reader.int64()])
        return { error, highWatermark, logStartOffset, records: reader.bytes() ?? Buffer.alloc(0) }
      })!
    })!
    return answers[0]
  })
}

/** Base offset, length and completeness of each batch in fetched bytes. */
export function batchesIn(records: Buffer): { baseOffset: number; whole: boolean }[] {
  const batches: { baseOffset: number; whole: boolean }[] = []
  for (let at = 0; at + 12 <= records.length; ) {
    const end = at + 12 + records.readInt32BE(at + 8)
    batches.push({ baseOffset: Number(records.readBigInt64BE(at)), whole: end <= records.length })
    at = end
  }
  return batches
}

/** Topics and their errors of Metadata v1. */
export function metadata(connection: RawConnection, topics: Buffer) {
  return ask(connection.ask({ key: 3, version: 1 }, topics), reader => {
    reader.array(() => [reader.int32(), reader.string(), reader.int32(), reader.string()])
    reader.int32()
    return reader.array(() => {
      const topic = { error: reader.int16(), name: reader.string(), partitions: 0 }
      reader.int8()
      topic.partitions = reader.array(() => {
        reader.int16()
        reader.int32()
        reader.int32()
        reader.array(() => reader.int32())
        reader.array(() => reader.int32())
      })!.length
      return topic
    })!
  })
}

/** Error and ranges of an ApiVersions v0 body, whatever version was asked for. */
export function apiVersions(connection: RawConnection, version: number, body: Buffer) {
  return ask(connection.ask({ key: 18, version, flexible: version >= 3 }, body), reader => ({
    error: reader.int16(),
    ranges: reader.array(() => [reader.int16(), reader.int16(), reader.int16()])!
  }))
}

/** CreateTopics v2 of one topic. */
export function createTopic(connection: RawConnection, name: string, partitions = 1, configs: [string, string][] = []) {
  const body = new Writer().int32(1).string(name).int32(partitions).int16(1).int32(0).int32(configs.length)
  for (const [key, value] of configs) body.string(key).string(value)
  return ask(connection.ask({ key: 19, version: 2 }, body.int32(10_000).int8(0).build()), reader => {
    reader.int32()
    return reader.array(() => {
      reader.string()
      const error = reader.int16()
      reader.string()
      return error
    })![0]
  })
}

/** Offset of ListOffsets v1 for one timestamp. */
export function listOffset(connection: RawConnection, topic: string, timestamp: number) {
  const body = new Writer().int32(-1).int32(1).string(topic).int32(1).int32(0).int64(timestamp).build()
  return ask(connection.ask({ key: 2, version: 1 }, body), reader => {
    const [answers] = reader.array(() => {
      reader.string()
      return reader.array(() => {
        reader.int32()
        const error = reader.int16()
        reader.int64()
        return { error, offset: reader.int64() }
      })!
    })!
    return answers[0]
  })
}

/** DeleteRecords v0 of partition 0; its error. */
export function deleteRecords(connection: RawConnection, topic: string, beforeOffset: number) {
  const body = new Writer().int32(1).string(topic).int32(1).int32(0).int64(beforeOffset).int32(10_000).build()
  return ask(connection.ask({ key: 21, version: 0 }, body), reader => {
    reader.int32()
    const [errors] = reader.array(() => {
      reader.string()
      return reader.array(() => {
        reader.int32()
        reader.int64()
        return reader.int16()
      })!
    })!
    return errors[0]
  })
}

/** FindCoordinator v1 of a group; its error. */
export function findCoordinator(connection: RawConnection, group = 'ready') {
  const body = new Writer().string(group).int8(0).build()
  return ask(connection.ask({ key: 10, version: 1 }, body), reader => {
    reader.int32()
    return reader.int16()
  })
}

/** OffsetCommit v2 from outside a group (generation -1); the partition's error. */
export function commitOffset(connection: RawConnection, group: string, topic: string, offset: number, metadata = '') {
  const body = new Writer().string(group).int32(-1).string('').int64(-1)
  body.int32(1).string(topic).int32(1).int32(0).int64(offset).string(metadata)
  return ask(connection.ask({ key: 8, version: 2 }, body.build()), reader => {
    const [errors] = reader.array(() => {
      reader.string()
      return reader.array(() => {
        reader.int32()
        return reader.int16()
      })!
    })!
    return errors[0]
  })
}

/** OffsetFetch v1 of partition 0. */
export function fetchOffset(connection: RawConnection, group: string, topic: string) {
  const body = new Writer().string(group).int32(1).string(topic).int32(1).int32(0).build()
  return ask(connection.ask({ key: 9, version: 1 }, body), reader => {
    const [answers] = reader.array(() => {
      reader.string()
      return reader.array(() => {
        reader.int32()
        return { offset: reader.int64(), metadata: reader.string(), error: reader.int16() }
      })!
    })!
    return answers[0]
  })
}

/** Error and state of DescribeGroups for one group, in an old version or in v6. */
export function describeGroup(connection: RawConnection, version: 0 | 6, group: string) {
  if (version === 0)
    return ask(connection.ask({ key: 15, version }, new Writer().int32(1).string(group).build()), reader => {
      return reader.array(() => {
        const error = reader.int16()
        reader.string()
        return { error, state: reader.string() }
      })![0]
    })
  const body = new Writer().uvarint(2).compactString(group).int8(0).uvarint(0).build()
  return ask(connection.ask({ key: 15, version, flexible: true }, body), reader => {
    reader.uvarint() // the header's tags
    reader.int32()
    reader.uvarint()
    const error = reader.int16()
    reader.compactString() // message
    reader.compactString() // group
    return { error, state: reader.compactString() }
  })
}
