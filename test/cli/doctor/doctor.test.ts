import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { createTopic } from '../../../src/client/admin.ts'
import { alterConfigs } from '../../../src/client/admin-configs.ts'
import { startBroker } from '../../../src/index.ts'
import { freePort } from '../../support/apache-kafka.ts'
import { naru } from '../support.ts'
import { cliWorld, jsonLines } from '../world.ts'

const dataDir = mkdtempSync(join(tmpdir(), 'naru-doctor-'))
const { broker, cluster, run } = cliWorld({ dataDir })
after(() => rmSync(dataDir, { recursive: true, force: true }))

/** The findings of a run that must end with `code`: check and subject. */
async function findings(code: number, ...args: string[]): Promise<string[][]> {
  const ran = await naru(['doctor', '--json', '--for', '0', ...args], broker().bootstrap)
  assert.equal(ran.code, code, ran.stdout.toString() + ran.stderr)
  return jsonLines(ran.stdout.toString()).map(({ check, subject }) => [check, subject])
}

test('a healthy broker: silent, and 0', async () => {
  await createTopic(cluster(), { name: 'good', partitions: 3 })
  await run(['produce', 'good', '-K', ':'], Array.from({ length: 1000 }, (_, i) => `k${i}:v\n`).join(''))
  assert.match(
    await run(['doctor', '--for', '0', '--data-dir', dataDir]),
    /^1 broker, \d topics?, 0 groups: all is well\.$/m
  )
  assert.deepEqual(await findings(0), [])
})

test('hot keys, clocks and groups as they are; 4 for warnings, 1 for errors', async () => {
  await createTopic(cluster(), { name: 'hot', partitions: 4 })
  const ahead = Date.now() + 3_000_000
  const lines = Array.from({ length: 1200 }, (_, i) =>
    JSON.stringify({ key: i % 6 === 0 ? `k${i}` : 'same', value: 'v', timestamp: i === 0 ? ahead : undefined })
  )
  await run(['produce', 'hot', '--from-json'], lines.join('\n'))
  await run(['group', 'reset-offsets', 'nobody', '-t', 'hot', '--to-earliest', '--execute'])
  const warned = await findings(4)
  assert.deepEqual(warned, [
    ['hot-keys', 'topic hot'],
    ['clock-skew', 'topic hot'],
    ['abandoned-groups', 'group nobody']
  ])
  assert.deepEqual(await findings(0, '--topic', 'good'), [['abandoned-groups', 'group nobody']])
  const change = { name: 'min.insync.replicas', operation: 'set', value: '2' } as const
  await alterConfigs(cluster(), { type: 'topic', name: 'good' }, [change])
  assert.deepEqual((await findings(1))[0], ['min-isr', 'topic good'])
  const said = await naru(['doctor', '--for', '0'], broker().bootstrap)
  assert.match(
    said.stdout.toString(),
    /ERROR {2}topic good: .* {2}\[min-isr\]\n {2}why .*\n {2}do .*\n {8}\$ naru config set topic\/good min\.insync\.replicas=1\n/
  )
  await alterConfigs(cluster(), { type: 'topic', name: 'good' }, [{ ...change, operation: 'delete', value: null }])
})

test('an advertised address that leads nowhere is found through one that does', async () => {
  const port = await freePort()
  const other = await startBroker({ port, config: { 'advertised.host': '127.0.0.1', 'advertised.port': 1 } })
  const ran = await naru(['doctor', '--json', '--for', '0'], `localhost:${port}`)
  await other.close()
  assert.equal(ran.code, 1, ran.stderr)
  const [found] = jsonLines(ran.stdout.toString())
  assert.equal(found.check, 'unreachable')
  assert.match(found.what, /it is at 127\.0\.0\.1:1, which can't be reached from here/)
})

test('no broker at all is told as everywhere; a folder that is none too', async () => {
  assert.equal((await naru(['doctor'], '127.0.0.1:1')).code, 3)
  const ran = await naru(['doctor', '--data-dir', tmpdir()], broker().bootstrap)
  assert.equal(ran.code, 2)
  assert.match(ran.stderr, /is no data folder of a broker/)
})
