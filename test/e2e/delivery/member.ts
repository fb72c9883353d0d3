/** A consumer in a process of its own, to be killed: commits each offset before or after it processed the record. */
import { setTimeout as sleep } from 'node:timers/promises'
import { kafkajs } from '../../support/kafkajs.ts'

export interface MemberArguments {
  bootstrap: string
  topic: string
  group: string
  order: 'commit first' | 'process first'
}

const { bootstrap, topic, group, order } = JSON.parse(process.argv[2]) as MemberArguments

const consumer = kafkajs(bootstrap).consumer({ groupId: group, sessionTimeout: 6000, maxWaitTimeInMs: 100 })
await consumer.connect()
await consumer.subscribe({ topic, fromBeginning: true })
const handle = (value: string) => new Promise<void>(resolve => process.send?.(value, () => resolve()))
await consumer.run({
  autoCommit: false,
  async eachMessage({ partition, message }) {
    const commit = () => consumer.commitOffsets([{ topic, partition, offset: String(Number(message.offset) + 1) }])
    const value = message.value?.toString() ?? ''
    if (order === 'commit first') await commit()
    await handle(value)
    await sleep(2)
    if (order === 'process first') await commit()
  }
})
