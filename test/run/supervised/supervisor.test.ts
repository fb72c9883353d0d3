import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { freePorts } from '../../support/apache-kafka.ts'
import { inSync } from '../../support/in-sync.ts'
import { kafkajs, withAdmin } from '../../support/kafkajs.ts'
import { naruCommand, startNaru } from '../../support/naru.ts'
import { type NaruCluster, startNaruCluster } from '../../support/naru-cluster.ts'
import { standStill } from '../../support/stand-still.ts'

const isAlive = (pid: number): boolean => {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}

async function until(holds: () => boolean | Promise<boolean>, what: string): Promise<void> {
  for (let attempt = 0; attempt < 400; attempt++) {
    if (await holds()) return
    await sleep(25)
  }
  assert.fail(`it never came so: ${what}`)
}

const clientOf = (cluster: NaruCluster) => kafkajs(cluster.bootstrap, { brokers: cluster.bootstrap.split(',') })

const brokerIds = (cluster: NaruCluster): Promise<number[]> =>
  withAdmin(clientOf(cluster), async admin =>
    (await admin.describeCluster()).brokers.map(({ nodeId }) => nodeId).toSorted()
  )

/** `naru start` to its end. */
function start(...args: string[]) {
  return spawnSync(process.execPath, [naruCommand, 'start', ...args], { encoding: 'utf8', timeout: 30_000 })
}

describe('naru start --brokers 3', () => {
  let cluster: NaruCluster
  before(async () => {
    cluster = await startNaruCluster()
  })
  after(() => cluster.remove())

  it('tells where its brokers are, each in a process of its own', async () => {
    const { bootstrap, brokers, pid, dataDir } = cluster.ready
    assert.deepEqual(
      brokers.map(({ nodeId }) => nodeId),
      [1, 2, 3]
    )
    const [{ port }] = brokers
    assert.deepEqual(
      brokers.map(broker => broker.port),
      [port, port + 1, port + 2]
    )
    assert.equal(bootstrap, brokers.map(broker => broker.bootstrap).join(','))
    assert.equal(new Set([pid, ...brokers.map(broker => broker.pid)]).size, 4)
    assert.equal(dataDir, cluster.dataDir)
    for (const name of ['metastore', 'broker-1', 'broker-2', 'broker-3']) assert.ok(existsSync(join(dataDir, name)))
    assert.deepEqual(await brokerIds(cluster), [1, 2, 3])
  })

  it('copies topics to three brokers unless told otherwise', async () => {
    await withAdmin(clientOf(cluster), async admin => {
      await admin.createTopics({ topics: [{ topic: 'copied' }], waitForLeaders: true })
      const { topics } = await admin.fetchTopicMetadata({ topics: ['copied'] })
      assert.equal(topics[0].partitions[0].replicas.length, 3)
    })
  })

  it('starts a broker again that was killed, with its id, port and data', async () => {
    const before = cluster.broker(2)
    const again = cluster.nextRun(2)
    process.kill(before.pid, 'SIGKILL')
    const now = await again
    assert.notEqual(now.pid, before.pid)
    assert.equal(now.bootstrap, before.bootstrap)
    await until(async () => (await brokerIds(cluster)).length === 3, 'the cluster has its broker again')
  })

  it('starts a broker again that was asked to stop, after an orderly end', async () => {
    const before = cluster.broker(3)
    const again = cluster.nextRun(3)
    process.kill(before.pid, 'SIGTERM')
    await again
    const ends = cluster.log().filter(({ node, msg }) => node === 3 && String(msg).includes('has ended'))
    assert.deepEqual(ends, [])
  })

  it('says whose each line of the log is', async () => {
    const again = cluster.nextRun(1)
    process.kill(cluster.broker(1).pid, 'SIGKILL')
    await again
    const end = cluster.log().find(({ msg }) => String(msg).includes('the process of the broker has ended'))
    assert.equal(end?.reason, 'SIGKILL')
    const ofBrokers = cluster.log().filter(({ msg }) => String(msg).includes('in-sync replicas changed'))
    for (const { node } of ofBrokers) assert.ok([1, 2, 3].includes(Number(node)))
  })

  it('keeps a second supervisor out of its folder', () => {
    const { status, stderr } = start('--brokers', '3', '--port', '0', '--data-dir', cluster.dataDir)
    assert.equal(status, 1)
    assert.match(stderr, /is in use by another broker/)
  })

  it('is no folder of a broker by itself, nor of fewer brokers', async () => {
    await cluster.end('SIGTERM')
    const single = start('--port', '0', '--data-dir', cluster.dataDir)
    assert.equal(single.status, 2, single.stderr)
    assert.match(single.stderr, /belongs to 3 brokers: start them with --brokers 3/)
    const fewer = start('--brokers', '2', '--port', '0', '--data-dir', cluster.dataDir)
    assert.equal(fewer.status, 2, fewer.stderr)
    assert.match(fewer.stderr, /replicas on broker 3, which would not run/)
    await cluster.restart()
    const topics = await withAdmin(clientOf(cluster), admin => admin.listTopics())
    assert.ok(topics.includes('copied'))
  })

  it('stops its brokers one after the other, and leaves nothing behind', async () => {
    const pids = [1, 2, 3].map(nodeId => cluster.broker(nodeId).pid)
    assert.deepEqual(await cluster.end('SIGINT'), { code: 0, signal: null })
    assert.deepEqual(pids.filter(isAlive), [])
    assert.ok(!existsSync(join(cluster.dataDir, 'lock')))
    for (const nodeId of [1, 2, 3])
      assert.ok(existsSync(join(cluster.dataDir, `broker-${nodeId}`, 'clean-shutdown')), 'an orderly end')
    await cluster.restart()
  })

  it('ends its brokers when it is killed itself, and takes up all of it again', async () => {
    const pids = [1, 2, 3].map(nodeId => cluster.broker(nodeId).pid)
    await cluster.end('SIGKILL')
    await cluster.restart()
    assert.deepEqual(await brokerIds(cluster), [1, 2, 3])
    await until(() => !pids.some(isAlive), 'the former processes are gone')
  })

  it('leaves folders that naru log verify finds sound, and whose logs it knows by name', async () => {
    // One that is not back in sync would not be waited for, and have nothing.
    await inSync(cluster.broker(1).port, [1, 2, 3], [1, 2, 3])
    const producer = clientOf(cluster).producer()
    await producer.connect()
    await producer.send({ topic: 'copied', acks: -1, messages: [{ value: 'x' }] })
    await producer.disconnect()
    await cluster.end('SIGTERM')
    for (const nodeId of [1, 2, 3]) {
      const dataDir = join(cluster.dataDir, `broker-${nodeId}`)
      const naru = (...args: string[]) =>
        spawnSync(process.execPath, [naruCommand, 'log', ...args, '--data-dir', dataDir], { encoding: 'utf8' })
      const verified = naru('verify')
      assert.match(verified.stdout, /[1-9]\d* segments? of .*: nothing is damaged\./, verified.stderr)
      assert.match(naru('dump', 'copied-0').stdout, /offsets 0 to 0/)
    }
    await cluster.restart()
  })

  it('takes all processes with it at a second signal', async () => {
    const pids = [1, 2, 3].map(nodeId => cluster.broker(nodeId).pid)
    // One that stands still can't be stopped in an orderly way.
    standStill(pids[0])
    const ended = cluster.end('SIGTERM')
    await sleep(200)
    process.kill(cluster.supervisorPid, 'SIGTERM')
    assert.deepEqual(await ended, { code: 1, signal: null })
    await until(() => !pids.some(isAlive), 'they are gone')
    await cluster.restart()
  })
})

describe('naru start --brokers', () => {
  const folders: string[] = []
  const folder = () => {
    folders.push(mkdtempSync(join(tmpdir(), 'naru-supervised-')))
    return folders.at(-1)!
  }
  after(() => {
    for (const path of folders) rmSync(path, { recursive: true, force: true })
  })

  it('refuses the folder of a broker by itself', async () => {
    const single = await startNaru({ dataDir: folder() })
    await single.stop()
    const { status, stderr } = start('--brokers', '3', '--port', '0', '--data-dir', single.dataDir)
    assert.equal(status, 2, stderr)
    assert.match(stderr, /belongs to a single broker: start it without --brokers/)
    await single.restart()
    await single.stop()
  })

  it('does not start where a port is taken, and says which broker it is', async () => {
    const port = await freePorts(3)
    const other = await startNaru({ port: port + 1, args: ['--memory'] })
    const { status, stderr } = start('--brokers', '3', '--port', String(port), '--memory')
    await other.remove()
    assert.equal(status, 1)
    assert.match(stderr, /Broker 2 does not start: .*EADDRINUSE.*\n.*choose another port/)
  })

  it('is refused with an option that no broker has', () => {
    const { status, stderr } = start('--brokers', '3', '--set', 'num.partition=3')
    assert.equal(status, 2)
    assert.match(stderr, /no option num\.partition\. Did you mean num\.partitions\?/)
  })

  it('does not run as a broker of a supervisor by hand', () => {
    const { status, stderr } = start('--supervised')
    assert.equal(status, 2)
    assert.match(stderr, /use 'naru start --brokers N'/)
  })

  it('goes on without a broker that can not start, says so again and again, and takes it when it can', async () => {
    const dataDir = folder()
    const cluster = await startNaruCluster({ dataDir, settings: { 'naru.restart.backoff.ms': '10' } })
    try {
      await cluster.end('SIGTERM')
      const broken = join(dataDir, 'broker-2', 'naru.json')
      spawnSync('sh', ['-c', `mv '${broken}' '${broken}.aside' && echo '{"version":99}' > '${broken}'`])
      await cluster.restart()
      assert.deepEqual(
        cluster.ready.brokers.map(({ nodeId }) => nodeId),
        [1, 3]
      )
      const reports = () => cluster.log().filter(({ msg }) => /has ended [3-9] times in a row/.test(String(msg)))
      await until(() => reports().length > 1, 'it is reported')
      assert.match(String(reports()[0].reason), /format version 99/)
      const waits = reports().map(({ waitMs }) => Number(waitMs))
      assert.equal(waits[1], 2 * waits[0])
      const again = cluster.nextRun(2)
      spawnSync('mv', [`${broken}.aside`, broken])
      await again
      assert.deepEqual(await brokerIds(cluster), [1, 2, 3])
    } finally {
      await cluster.remove()
    }
  })

  it('runs in memory, and gives a broker that lost its memory the records of the others', async () => {
    const cluster = await startNaruCluster({ args: ['--memory'] })
    try {
      const kafka = clientOf(cluster)
      await withAdmin(kafka, admin =>
        admin.createTopics({ topics: [{ topic: 'kept', replicationFactor: 3 }], waitForLeaders: true })
      )
      const producer = kafka.producer()
      await producer.connect()
      const partition = () =>
        withAdmin(kafka, async admin => (await admin.fetchTopicMetadata({ topics: ['kept'] })).topics[0].partitions[0])
      // Each broker loses all that it has in its turn.
      for (let round = 0; round < 3; round++) {
        const [{ baseOffset }] = await producer.send({ topic: 'kept', messages: [{ value: String(round) }] })
        assert.equal(baseOffset, String(round))
        const { leader } = await partition()
        const again = cluster.nextRun(leader)
        process.kill(cluster.broker(leader).pid, 'SIGKILL')
        await again
        await until(async () => (await partition()).isr.length === 3, 'it has caught up')
      }
      await producer.disconnect()
    } finally {
      await cluster.remove()
    }
  })

  it('holds nobody up who reads its output, after it was killed', async () => {
    const child = spawn(process.execPath, [naruCommand, 'start', '--brokers', '2', '--port', '0', '--memory', '--json'])
    const line = await new Promise<string>(resolve => child.stdout.once('data', chunk => resolve(String(chunk))))
    const { brokers } = JSON.parse(line) as { brokers: { pid: number }[] }
    // Even a broker that can't notice.
    standStill(brokers[0].pid)
    const closed = new Promise(resolve => child.once('close', resolve))
    child.stderr.resume()
    child.kill('SIGKILL')
    await closed
    process.kill(brokers[0].pid, 'SIGKILL')
  })
})
