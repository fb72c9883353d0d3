/**
 * Kafka's own command-line tools against Naru and against Apache Kafka: both must make each tool print the same and end
 * with the same code. Where Naru does otherwise, the step says what the tool must say then.
 */
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { groupsReady } from '../../test/e2e/protocol/case.ts'
import { whyNoJdk } from '../../test/support/apache-kafka.ts'
import type { RunningBroker } from '../../test/support/naru.ts'
import { startTarget, whyNoTarget } from '../../test/support/target.ts'
import { type RunningTool, startToolRunner, type ToolRunner } from './tool-runner.ts'
import { clusterSteps } from './tools/cluster.ts'
import { configSteps } from './tools/configs.ts'
import { consoleSteps } from './tools/console.ts'
import { groupSteps, liveSteps } from './tools/groups.ts'
import { offsetSteps } from './tools/offsets.ts'
import { perfSteps } from './tools/perf.ts'
import { call, comparable, folder, type Step } from './tools/step.ts'
import { topicSteps } from './tools/topics.ts'

describe("Kafka's tools do the same with Naru as with Apache Kafka", {
  skip: whyNoTarget('kafka') ?? whyNoJdk(),
  concurrency: 1
}, () => {
  let naru: RunningBroker
  let kafka: RunningBroker
  let runner: ToolRunner

  before(async () => {
    kafka = await startTarget({}, 'kafka', 1)
    naru = await startTarget({}, 'naru', 1)
    await groupsReady(kafka)
    await groupsReady(naru)
    runner = startToolRunner()
    // Kafka's format tool writes this default of all brokers into every new cluster, and tools show it.
    await start(
      naru,
      call('kafka-configs --entity-type brokers --entity-default --alter --add-config min.insync.replicas=1')
    ).result
  })
  after(async () => {
    runner?.close()
    await naru?.remove()
    await kafka?.remove()
  })

  function start({ bootstrap }: RunningBroker, { tool, args, input }: Step): RunningTool {
    const address = ['--bootstrap-server', bootstrap]
    // kafka-cluster takes it behind its command only, others in front only.
    return runner.start(tool, tool === 'kafka-cluster' ? [...args, ...address] : [...address, ...args], input)
  }

  async function compare(step: Step): Promise<void> {
    if (step.otherwise) {
      const { code, stdout, stderr } = await start(naru, step).result
      assert.match(`${stdout}${stderr}`, step.otherwise)
      assert.equal(code, step.code ?? 1)
      return
    }
    const [expected, actual] = await Promise.all(
      [kafka, naru].map(async broker => comparable(await start(broker, step).result, broker.bootstrap, step.hide))
    )
    assert.deepEqual(actual, expected)
  }

  function suite(name: string, steps: readonly Step[]): void {
    describe(name, { concurrency: 1 }, () => {
      for (const step of steps)
        test([step.tool, ...step.args].join(' ').replaceAll(`${folder}/`, ''), { timeout: 90_000 }, () => compare(step))
    })
  }

  suite('topics', topicSteps)
  suite('configs', configSteps)
  suite('groups', groupSteps)
  suite('console', consoleSteps)
  suite('offsets', offsetSteps)
  suite('measuring', perfSteps)
  suite('cluster', clusterSteps)

  describe('a group with a member', { concurrency: 1 }, () => {
    let members: RunningTool[]

    before(async () => {
      const member = call(
        'kafka-console-consumer --topic gt --group live --from-beginning ' +
          '--command-property group.instance.id=one --command-property auto.commit.interval.ms=100'
      )
      members = [kafka, naru].map(broker => start(broker, member))
      const offsets = call('kafka-consumer-groups --describe --group live')
      for (const broker of [kafka, naru])
        for (let i = 0; ; i++) {
          const { stdout } = await start(broker, offsets).result
          // It has both partitions, and has committed the ends of both.
          if (stdout.match(/^live +gt +\d +(\d+) +\1 +0 +one-/gm)?.length === 2) break
          assert.ok(i < 100, `no member: ${stdout}`)
        }
    })

    for (const step of liveSteps) test([step.tool, ...step.args].join(' '), { timeout: 90_000 }, () => compare(step))

    test('the member leaves when it is told to end', { timeout: 90_000 }, async () => {
      for (const member of members) member.stop()
      const [expected, actual] = await Promise.all(members.map(({ result }) => result))
      assert.deepEqual(comparable(actual, naru.bootstrap), comparable(expected, kafka.bootstrap))
    })

    test('and the static member is still one', () => compare(call('kafka-consumer-groups --describe --group live')))
  })
})
