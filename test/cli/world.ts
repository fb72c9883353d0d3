import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { after, before } from 'node:test'
import { createTopic } from '../../src/client/admin.ts'
import type { Cluster } from '../../src/client/cluster.ts'
import { type BrokerOptions, startBroker } from '../../src/index.ts'
import { clientOf } from '../support/client.ts'
import { startTarget, targetName } from '../support/target.ts'
import { naru, type Ran } from './support.ts'

/** A broker for the tests of a file, and the command to try on it. `prepare` runs once it is there. */
export function cliWorld(options: BrokerOptions = {}, prepare: () => Promise<void> = async () => {}) {
  let broker: { readonly bootstrap: string; close(): Promise<void> }
  let cluster: Cluster
  before(async () => {
    broker = targetName === 'kafka' ? await kafka() : await startBroker(options)
    cluster = clientOf(broker.bootstrap)
    await prepare()
  })
  after(async () => {
    cluster.close()
    await broker.close()
  })
  const name = (prefix: string) => `${prefix}-${randomBytes(6).toString('hex')}`
  return {
    broker: () => broker,
    cluster: () => cluster,
    /** What a command that must succeed prints. */
    async run(args: readonly string[], input: string | Buffer = ''): Promise<string> {
      const ran = await naru(args, broker.bootstrap, input)
      assert.equal(ran.code, 0, `naru ${args.join(' ')}: ${ran.stderr}`)
      return ran.stdout.toString('utf8')
    },
    /** What a command says that must end with `code`. */
    async fails(args: readonly string[], code = 1, input: string | Buffer = ''): Promise<string> {
      const ran: Ran = await naru(args, broker.bootstrap, input)
      assert.equal(ran.code, code, `naru ${args.join(' ')}: ${ran.stdout}${ran.stderr}`)
      return ran.stderr
    },
    name,
    /** A new topic. */
    async fresh(partitions = 1, configs: Record<string, string> = {}): Promise<string> {
      const topic = name('c')
      await createTopic(cluster, { name: topic, partitions, configs })
      return topic
    }
  }
}

/** With NARU_E2E_TARGET=kafka: what the command does with Apache Kafka. */
async function kafka() {
  const { bootstrap, remove } = await startTarget()
  return { bootstrap, close: remove }
}

/** The objects that `--json` printed. */
export function jsonLines(text: string): Record<string, never>[] {
  return text
    .split('\n')
    .filter(line => line !== '')
    .map(line => JSON.parse(line))
}
