import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('../../', import.meta.url))

/** A project beside the repository that has `narumq` and kafkajs installed and knows nothing else of them. */
describe('the built package inside another program', { concurrency: 1 }, () => {
  let project: string

  before(() => {
    project = mkdtempSync(join(tmpdir(), 'naru-embedded-'))
    const modules = join(project, 'node_modules')
    mkdirSync(join(modules, '@types'), { recursive: true })
    symlinkSync(root, join(modules, 'narumq'))
    for (const name of ['kafkajs', '@types/node', 'undici-types'])
      symlinkSync(join(root, 'node_modules', name), join(modules, name))
    writeFileSync(join(project, 'package.json'), '{ "type": "module", "private": true }')
  })
  after(() => rmSync(project, { recursive: true, force: true }))

  /** Runs a program to its own end; nobody helps it to exit. */
  async function run(name: string, text: string): Promise<string[]> {
    writeFileSync(join(project, name), text)
    return command(process.execPath, [name])
  }

  function command(file: string, args: string[]): Promise<string[]> {
    return new Promise((resolve, reject) => {
      const child = spawn(file, args, { cwd: project, stdio: ['ignore', 'pipe', 'pipe'] })
      let output = ''
      const read = (chunk: Buffer) => {
        output += chunk
      }
      child.stdout.on('data', read)
      child.stderr.on('data', read)
      const timer = setTimeout(() => child.kill('SIGKILL'), 30_000)
      child.once('error', reject)
      child.once('close', (code, signal) => {
        clearTimeout(timer)
        if (code === 0) resolve(output.trim().split('\n'))
        else reject(new Error(`${args.join(' ')} ended with ${code ?? signal}:\n${output}`))
      })
    })
  }

  const client = `
    import { Kafka, logLevel } from 'kafkajs'
    export async function roundTrip(bootstrap, topic, value) {
      const kafka = new Kafka({ brokers: [bootstrap], logLevel: logLevel.NOTHING })
      const producer = kafka.producer()
      await producer.connect()
      if (value !== undefined) await producer.send({ topic, messages: [{ value }] })
      await producer.disconnect()
      const consumer = kafka.consumer({ groupId: 'g' + Math.random(), maxWaitTimeInMs: 100 })
      await consumer.connect()
      await consumer.subscribe({ topic, fromBeginning: true })
      const read = await new Promise(resolve =>
        consumer.run({ eachMessage: async ({ message }) => resolve(message.value.toString()) })
      )
      await consumer.disconnect()
      return read
    }
  `

  test('in memory: any free port, host:port to connect to, and the process ends by itself after close', async () => {
    await writeClient()
    const started = Date.now()
    const lines = await run(
      'memory.js',
      `
      import { startBroker } from 'narumq'
      import { roundTrip } from './client.js'
      const broker = await startBroker()
      console.log(broker.bootstrap)
      console.log(await roundTrip(broker.bootstrap, 'embedded', 'in memory'))
      await broker.close()
      await broker.close()
      await new Promise(resolve => setTimeout(resolve, 50)) // sockets that are closed go a turn later
      console.log(process.getActiveResourcesInfo().filter(name => !/Pipe|TTY|FSReq/.test(name)).join() || 'nothing open')
    `
    )
    assert.match(lines[0], /^[\w.-]+:\d+$/)
    assert.deepEqual(lines.slice(1), ['in memory', 'nothing open'])
    assert.ok(Date.now() - started < 15_000)
  })

  test('on disk: what was sent is there after close and start', async () => {
    await writeClient()
    const lines = await run(
      'disk.js',
      `
      import { startBroker } from 'narumq'
      import { roundTrip } from './client.js'
      for (const value of ['kept', undefined]) {
        const broker = await startBroker({ dataDir: './data', config: { 'group.initial.rebalance.delay.ms': 0 } })
        console.log(await roundTrip(broker.bootstrap, 'embedded', value))
        await broker.close()
      }
    `
    )
    assert.deepEqual(lines, ['kept', 'kept'])
  })

  test('brokers in one process do not see each other', async () => {
    await writeClient()
    const lines = await run(
      'two.js',
      `
      import { startBroker } from 'narumq'
      import { roundTrip } from './client.js'
      const brokers = await Promise.all([startBroker(), startBroker(), startBroker({ dataDir: './two', config: { 'group.initial.rebalance.delay.ms': 0 } })])
      console.log(new Set(brokers.map(broker => broker.bootstrap)).size)
      console.log(await Promise.all(brokers.map((broker, i) => roundTrip(broker.bootstrap, 'same', 'of ' + i))))
      await brokers[0].close()
      console.log(await roundTrip(brokers[1].bootstrap, 'same'))
      await Promise.all(brokers.map(broker => broker.close()))
    `
    )
    assert.deepEqual(lines, ['3', "[ 'of 0', 'of 1', 'of 2' ]", 'of 1'])
  })

  test('what cannot work is refused, and leaves nothing open', async () => {
    const lines = await run(
      'refused.js',
      `
      import { NaruError, startBroker } from 'narumq'
      const broker = await startBroker({ dataDir: './refused' })
      const refused = options => startBroker(options).then(() => 'started', error => [error instanceof NaruError, error.code ?? error.kind])
      console.log(await refused({ config: { 'no.such.option': 1 } }))
      console.log(await refused({ config: { 'num.partitions': 'many' } }))
      console.log((await refused({ dataDir: './refused' }))[1])
      console.log((await refused({ port: broker.port }))[1])
      await broker.close()
    `
    )
    assert.deepEqual(lines.slice(0, 2), ["[ true, 'INVALID_CONFIG' ]", "[ true, 'INVALID_CONFIG' ]"])
    assert.match(lines[2], /locked/i)
    assert.equal(lines[3], 'EADDRINUSE')
  })

  test('it is typed, strictly, for a user without our settings', async () => {
    writeFileSync(
      join(project, 'typed.ts'),
      `
      import { type BrokerOptions, type ErrorCode, type Logger, NaruError, type RunningBroker, startBroker } from 'narumq'
      const logger: Logger | undefined = undefined
      const options: BrokerOptions = { dataDir: 'data', config: { 'num.partitions': 3, 'log.retention.ms': 1000n } }
      const broker: RunningBroker = await startBroker(logger ? { ...options, logger } : options)
      const bootstrap: \`\${string}:\${number}\` | string = broker.bootstrap
      const port: number = broker.port
      const closed: Promise<void> = broker.close()
      const code: ErrorCode = new NaruError('INVALID_CONFIG').code
      // @ts-expect-error: no such option
      startBroker({ folder: 'data' })
      export { bootstrap, closed, code, port }
    `
    )
    const compiler = join(root, 'node_modules/typescript/lib/tsc.js')
    const flags = ['--noEmit', '--strict', '--target', 'es2022', '--module', 'nodenext', '--types', 'node', 'typed.ts']
    assert.deepEqual(await command(process.execPath, [compiler, ...flags]), [''])
  })

  async function writeClient(): Promise<void> {
    writeFileSync(join(project, 'client.js'), client)
  }
})
