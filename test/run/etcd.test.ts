import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { type BrokerOptions, type LogFields, NaruError, type RunningBroker, startBroker } from '../../src/index.ts'
import { type EtcdTest, startEtcd, whyNoEtcd } from '../support/etcd.ts'

const config = { 'broker.session.timeout.ms': 2000, 'etcd.request.timeout.ms': 1000, 'etcd.start.timeout.ms': 1500 }

describe('a broker whose cluster is kept in etcd', { skip: whyNoEtcd() }, () => {
  let etcd: EtcdTest
  const folder = mkdtempSync(join(tmpdir(), 'naru-in-etcd-'))
  const running = new Set<RunningBroker>()
  const start = async (name: string, options: BrokerOptions & { prefix?: string } = {}): Promise<RunningBroker> => {
    const { prefix = 'naru/', ...more } = options
    const broker = await startBroker({
      dataDir: join(folder, name),
      etcd: etcd.endpoints,
      ...more,
      config: { ...config, 'etcd.prefix': prefix, ...more.config }
    })
    running.add(broker)
    return broker
  }
  const refused = (starting: Promise<unknown>, message: RegExp) =>
    assert.rejects(starting, error => {
      assert.ok(error instanceof NaruError && error.code === 'INVALID_CONFIG', String(error))
      assert.match(error.message, message)
      return true
    })
  before(async () => {
    etcd = await startEtcd()
  })
  after(async () => {
    for (const broker of running) await broker.close()
    await etcd.remove()
    rmSync(folder, { recursive: true })
  })

  it('founds the cluster with the first and joins it with others, each on its folder, again after a stop', async () => {
    const [one, two] = await Promise.all([start('one'), start('two', { nodeId: 2 })])
    assert.equal(one.clusterId, two.clusterId)
    await one.close()
    const again = await start('one')
    assert.equal(again.clusterId, two.clusterId)
    await again.close()
    await two.close()
  })

  it('is refused a folder of another node, another cluster, a broker by itself, and the other way round', async () => {
    const alone = await startBroker({ dataDir: join(folder, 'alone') })
    await alone.close()
    await refused(start('alone'), /belongs to a broker by itself: start it without --etcd/)
    await refused(startBroker({ dataDir: join(folder, 'one') }), /node 1 of cluster .* start it with --etcd/)
    await refused(start('one', { nodeId: 3 }), /belongs to node 1, not to node 3: start it with --node-id 1/)
    await refused(start('one', { prefix: 'empty/' }), /of which etcd knows nothing.*Bring the backup back/)
    const other = await start('other', { prefix: 'other/' })
    await other.close()
    await refused(start('one', { prefix: 'other/' }), /belongs to cluster .*; in etcd is cluster /)
  })

  it('is refused a node id that a living broker has, and takes that of a dead one', async () => {
    const one = await start('one')
    await refused(start('thief'), /Node id 1 is taken: a broker at localhost:\d+ on .* is alive/)
    await one.close()
    const heir = await start('heir')
    await heir.close()
  })

  it('says what is wrong with etcd: no answer, no access, no such file', async () => {
    const lines: string[] = []
    const log = (_fields: LogFields, message: string) => void lines.push(message)
    const logger = { debug: log, info: log, warn: log, error: log }
    await assert.rejects(
      start('one', { etcd: '127.0.0.1:1', logger }),
      /No etcd answers at 127\.0\.0\.1:1: .*ECONNREFUSED/
    )
    assert.ok(lines.includes('etcd does not answer; the broker waits for it'))
    await refused(start('one', { etcd: 'ftp://a:1' }), /ftp:\/\/a:1 is not host:port/)
    await refused(
      start('one', { etcd: 'https://127.0.0.1:1', config: { 'etcd.ca.file': join(folder, 'none.pem') } }),
      /Can't read .*none\.pem for etcd/
    )
    await etcd.ctl(['user', 'add', 'root:ferry'])
    await etcd.ctl(['user', 'grant-role', 'root', 'root'])
    await etcd.ctl(['auth', 'enable'])
    await refused(start('one'), /etcd wants a user and a password.*etcd\.username/)
    await refused(
      start('one', { config: { 'etcd.username': 'root', 'etcd.password': 'wrong' } }),
      /etcd refuses access: .*authentication failed/
    )
    const one = await start('one', { config: { 'etcd.username': 'root', 'etcd.password': 'ferry' } })
    await one.close()
    await etcd.ctl(['--user', 'root:ferry', 'auth', 'disable'])
  })
})
