import assert from 'node:assert/strict'
import { type ChildProcess, fork } from 'node:child_process'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { CompressionTypes, Kafka, logLevel } from 'kafkajs'
import type { RunningBroker } from '../../support/naru.ts'
import { startTarget } from '../../support/target.ts'
import { type FromMember, type MemberArguments, valueAt } from './protocol.ts'

const topic = 'million'
const group = 'ferry'
const partitions = 8
const recordsPerPartition = 125_000
const records = partitions * recordsPerPartition
const batchRecords = 5000

interface Member {
  name: string
  child: ChildProcess
  joins: number
  leader: boolean
  partitions: number[]
  generation: number
}

/**
 * Three members consume a million records while a fourth joins, the group's leader is killed and the broker is killed
 * and restarted. Every record is seen, with the value that was sent; committed offsets never go back.
 */
export async function millionRecords(memberFile: string, report: (text: string) => void): Promise<void> {
  const broker = await startTarget()
  const members: Member[] = []
  try {
    await produce(broker.bootstrap)
    await run(broker, members, memberFile, report)
  } finally {
    for (const { child } of members) child.kill('SIGKILL')
    await broker.remove()
  }
}

async function produce(bootstrap: string): Promise<void> {
  const kafka = new Kafka({ clientId: 'loader', brokers: bootstrap.split(','), logLevel: logLevel.NOTHING })
  const admin = kafka.admin()
  await admin.connect()
  await admin.createTopics({ topics: [{ topic, numPartitions: partitions }], waitForLeaders: true })
  await admin.disconnect()
  const producer = kafka.producer({ allowAutoTopicCreation: false })
  await producer.connect()
  for (let first = 0; first < recordsPerPartition; first += batchRecords) {
    const values = Array.from({ length: batchRecords }, (_, i) => valueAt(first + i))
    for (let partition = 0; partition < partitions; partition++)
      await producer.send({
        topic,
        acks: -1,
        compression: CompressionTypes.None,
        messages: values.map(value => ({ key: null, value, partition }))
      })
  }
  await producer.disconnect()
}

async function run(
  broker: RunningBroker,
  members: Member[],
  memberFile: string,
  report: (text: string) => void
): Promise<void> {
  const startedMs = Date.now()
  const log = (text: string) => report(`${((Date.now() - startedMs) / 1000).toFixed(1)} s: ${text}`)
  const seen = Array.from({ length: partitions }, () => new Uint8Array(recordsPerPartition))
  let unique = 0
  let repeated = 0
  const faults: string[] = []

  const start = (name: string) => {
    const args: MemberArguments = { bootstrap: broker.bootstrap, topic, group, name, msPer1000: 50 }
    const file = fileURLToPath(new URL(memberFile, import.meta.url))
    const child = fork(file, [JSON.stringify(args)], { execArgv: ['--import', 'tsx'] })
    const member: Member = { name, child, joins: 0, leader: false, partitions: [], generation: 0 }
    members.push(member)
    child.on('message', (message: FromMember) => {
      if (message.type === 'wrong') faults.push(`${name}: ${message.text}`)
      else if (message.type === 'joined') {
        Object.assign(member, { ...message, joins: member.joins + 1 })
        log(`${name} joined${message.leader ? ' and leads' : ''}: ${message.partitions.join(',')}`)
      } else
        for (let offset = message.first; offset <= message.last; offset++)
          if (seen[message.partition][offset]++ === 0) unique++
          else repeated++
    })
    child.once('exit', (code, signal) => log(`${name} ended with ${code ?? signal}`))
    return member
  }
  const until = async (what: string, reached: () => boolean, timeoutMs = 60_000) => {
    const deadline = Date.now() + timeoutMs
    while (!reached()) {
      assert.equal(faults.slice(0, 5).join('\n'), '')
      if (Date.now() > deadline) assert.fail(`${what} did not come about: ${unique} of ${records} records seen`)
      await sleep(50)
    }
    log(`${what} (${unique} records seen)`)
  }
  const covered = (who: Member[]) => {
    const held = who.flatMap(member => member.partitions)
    return (
      who.every(member => member.partitions.length > 0) &&
      new Set(held).size === partitions &&
      held.length === partitions
    )
  }
  const go = (member: Member) => member.child.send('go')

  const watcher = watchCommits(broker.bootstrap, faults)
  const first = ['a', 'b', 'c'].map(start)
  await until('three members share the partitions', () => covered(first))
  for (const member of first) go(member)

  await until('a tenth is consumed', () => unique >= records * 0.1)
  const fourth = start('d')
  go(fourth)
  await until('a fourth member has joined', () => covered([...first, fourth]))

  await until('a fifth is consumed', () => unique >= records * 0.2)
  const leader = members.find(member => member.leader && member.child.exitCode === null) ?? assert.fail('no leader')
  leader.child.kill('SIGKILL')
  const rest = members.filter(member => member !== leader)
  await until(`the group went on without its leader ${leader.name}`, () => covered(rest))

  await until('three fifths are consumed', () => unique >= records * 0.6)
  await broker.kill9(topic)
  await broker.restart()
  log('the broker was killed and is back')

  await until('everything is consumed', () => unique === records)
  const committed = await watcher.settle()
  assert.equal(faults.join('\n'), '')
  assert.deepEqual(committed, Array(partitions).fill(recordsPerPartition), 'everything is committed at the end')
  log(`${repeated} records were seen more than once`)
}

/** Asks for the committed offsets all the time and notes each that is lower than one before. */
function watchCommits(bootstrap: string, faults: string[]): { settle(): Promise<number[]> } {
  const kafka = new Kafka({
    clientId: 'watcher',
    brokers: bootstrap.split(','),
    logLevel: logLevel.NOTHING,
    retry: { retries: 0 }
  })
  const latest = Array<number>(partitions).fill(-1)
  let ended = false
  const complete = () => latest.every(offset => offset === recordsPerPartition)
  const watching = (async () => {
    const admin = kafka.admin()
    let connected = false
    for (; !ended; await sleep(150)) {
      try {
        if (!connected) await admin.connect()
        connected = true
        const [answer] = await admin.fetchOffsets({ groupId: group, topics: [topic] })
        for (const { partition, offset } of answer.partitions) {
          if (Number(offset) < latest[partition])
            faults.push(
              `the committed offset of partition ${partition} went back from ${latest[partition]} to ${offset}`
            )
          latest[partition] = Number(offset)
        }
      } catch {
        // The broker is down or its group is loading: asked again.
      }
    }
    await admin.disconnect().catch(() => {})
  })()
  return {
    async settle() {
      for (let i = 0; i < 100 && !complete(); i++) await sleep(100)
      ended = true
      await watching
      return latest
    }
  }
}
