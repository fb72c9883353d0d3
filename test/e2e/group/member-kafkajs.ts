import { setTimeout as sleep } from 'node:timers/promises'
import { Kafka, logLevel } from 'kafkajs'
import { heardGo, type MemberArguments, offsetIn, sessionTimeoutMs, tell } from './protocol.ts'

const { bootstrap, topic, group, name, msPer1000 } = JSON.parse(process.argv[2]) as MemberArguments
let gone = false
heardGo().then(() => {
  gone = true
})

const kafka = new Kafka({
  clientId: name,
  brokers: bootstrap.split(','),
  logLevel: logLevel.NOTHING,
  retry: { retries: 100, initialRetryTime: 100, maxRetryTime: 500 }
})
const consumer = kafka.consumer({
  groupId: group,
  sessionTimeout: sessionTimeoutMs,
  rebalanceTimeout: 10_000,
  heartbeatInterval: 300,
  maxBytesPerPartition: 600_000,
  maxWaitTimeInMs: 200,
  retry: { retries: 100, initialRetryTime: 100, maxRetryTime: 500, restartOnFailure: async () => true }
})
let generation = 0
consumer.on(consumer.events.GROUP_JOIN, ({ payload }) => {
  // kafkajs does not show the generation; joins of one member are counted instead.
  const partitions = payload.memberAssignment[topic] ?? []
  tell({ type: 'joined', leader: payload.isLeader, generation: ++generation, partitions }).catch(() => {})
})

await consumer.connect()
await consumer.subscribe({ topic, fromBeginning: true })
await consumer.run({
  autoCommit: false,
  eachBatchAutoResolve: false,
  async eachBatch({ batch, heartbeat, isRunning, isStale, resolveOffset, commitOffsetsIfNecessary }) {
    while (!gone) {
      await sleep(50)
      await heartbeat()
    }
    const { messages, partition } = batch
    if (messages.length === 0) return
    const first = Number(messages[0].offset)
    for (let i = 0; i < messages.length; i++)
      if (offsetIn(messages[i].value) !== first + i || Number(messages[i].offset) !== first + i)
        await tell({
          type: 'wrong',
          text: `${partition}:${messages[i].offset} after ${first} holds ${messages[i].value}`
        })
    let leftMs = (messages.length / 1000) * msPer1000
    for (; leftMs > 0; leftMs -= 100) {
      await sleep(Math.min(leftMs, 100))
      await heartbeat()
    }
    if (!isRunning() || isStale()) return
    const last = first + messages.length - 1
    await tell({ type: 'seen', partition, first, last })
    resolveOffset(String(last))
    await commitOffsetsIfNecessary({ topics: [{ topic, partitions: [{ partition, offset: String(last + 1) }] }] })
    await heartbeat()
  }
})
