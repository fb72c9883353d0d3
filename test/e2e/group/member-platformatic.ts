import { setTimeout as sleep } from 'node:timers/promises'
import { Consumer, type Message } from '@platformatic/kafka'
import { heardGo, type MemberArguments, offsetIn, sessionTimeoutMs, tell } from './protocol.ts'

const { bootstrap, topic, group, name, msPer1000 } = JSON.parse(process.argv[2]) as MemberArguments
const going = heardGo()
const chunkRecords = 5000

const consumer = new Consumer({
  groupId: group,
  clientId: name,
  bootstrapBrokers: bootstrap.split(','),
  retries: 100,
  retryDelay: 200,
  sessionTimeout: sessionTimeoutMs,
  rebalanceTimeout: 10_000,
  heartbeatInterval: 300,
  maxBytesPerPartition: 600_000,
  maxWaitTime: 200,
  autocommit: false
})
consumer.on('error', () => {})

/** Next offset to process by partition; a partition that is not in it is not this member's (yet). */
let positions = new Map<number, number>()
let joins = 0

/**
 * The stream keeps records that it fetched under an earlier assignment and hands them out after a rebalance. Going on
 * from the committed offsets, and only record by record, makes each commit follow the one before it.
 */
consumer.on('consumer:group:join', async ({ isLeader, generationId, assignments }) => {
  const join = ++joins
  positions = new Map()
  const partitions = assignments?.find(assignment => assignment.topic === topic)?.partitions ?? []
  await tell({ type: 'joined', leader: isLeader === true, generation: generationId ?? 0, partitions })
  if (partitions.length === 0) return
  for (;;) {
    try {
      const committed = (await consumer.listCommittedOffsets({ topics: [{ topic, partitions }] })).get(topic)
      if (join === joins) positions = new Map(partitions.map(p => [p, Math.max(0, Number(committed?.[p] ?? 0))]))
      return
    } catch {
      if (join !== joins) return
      await sleep(200)
    }
  }
})

async function handle(chunk: Message<Buffer, Buffer, Buffer, Buffer>[]): Promise<void> {
  const join = joins
  const ranges = new Map<number, { first: number; last: number }>()
  let count = 0
  for (const { partition, offset, value } of chunk) {
    const at = Number(offset)
    if (positions.get(partition) !== at) continue
    if (offsetIn(value) !== at) await tell({ type: 'wrong', text: `${partition}:${at} holds ${value}` })
    positions.set(partition, at + 1)
    const range = ranges.get(partition)
    if (range) range.last = at
    else ranges.set(partition, { first: at, last: at })
    count++
  }
  if (count === 0) return
  await sleep((count / 1000) * msPer1000)
  if (join !== joins) return
  for (const [partition, range] of ranges) await tell({ type: 'seen', partition, ...range })
  const offsets = [...ranges].map(([partition, { last }]) => ({
    topic,
    partition,
    offset: BigInt(last + 1),
    leaderEpoch: -1
  }))
  // A refused commit is the broker's word that the group has moved on: the next join starts from what is committed.
  await consumer.commit({ offsets }).catch(() => {})
}

async function consume(): Promise<void> {
  const stream = await consumer.consume({ topics: [topic], mode: 'committed', fallbackMode: 'earliest' })
  // Nothing is lost by beginning again: positions are re-read from what is committed at each join.
  let chunk: Message<Buffer, Buffer, Buffer, Buffer>[] = []
  let partition = -1
  await going
  for await (const message of stream) {
    if (message.partition !== partition || chunk.length >= chunkRecords) {
      await handle(chunk)
      chunk = []
      partition = message.partition
    }
    chunk.push(message)
    // The end of a partition: nothing follows that would push the last chunk out.
    if (stream.readableLength === 0) {
      await handle(chunk)
      chunk = []
    }
  }
}

for (;;) {
  try {
    await consume()
  } catch {
    await sleep(300)
  }
}
