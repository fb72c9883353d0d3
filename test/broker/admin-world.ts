import assert from 'node:assert/strict'
import type { Broker } from '../../src/broker/broker.ts'
import { Cluster } from '../../src/broker/cluster.ts'
import { Configs } from '../../src/broker/configs.ts'
import { LostLeaders } from '../../src/broker/lost-leaders.ts'
import { Partitions } from '../../src/broker/partitions.ts'
import { ProducerIds } from '../../src/broker/producer-ids.ts'
import { Replicas } from '../../src/broker/replicas.ts'
import { type NewTopic, Topics } from '../../src/broker/topics.ts'
import { withinTimeout } from '../../src/broker/within-timeout.ts'
import { brokerOptions } from '../../src/config/options.ts'
import { openControl } from '../../src/control/control.ts'
import type { Control } from '../../src/control/types.ts'
import type { AnyApi, Handler, RequestContext } from '../../src/doors/kafka/handler.ts'
import { openEmbeddedMetastore } from '../../src/metastore/embedded/embedded.ts'
import type { Api, DecodedResponseOf, RequestInputOf } from '../../src/schema/message.ts'
import { ManualClock } from '../../src/std/clock.ts'
import { codeOf, type ErrorCode, messageOf, NaruError } from '../../src/std/errors.ts'
import { silent } from '../../src/std/log.ts'
import { OptionValues } from '../../src/std/option.ts'
import { SeededRandom } from '../../src/std/random.ts'

/** The administration of one broker, on a metastore in memory. */
export interface AdminWorld {
  readonly control: Control
  readonly topics: Topics
  readonly cluster: Cluster
  readonly configs: Configs
  readonly producerIds: ProducerIds
  readonly replicas: Replicas
  readonly partitions: Partitions
  readonly lostLeaders: LostLeaders
  /** Sends a request as a client of that version would, over the bytes of both messages. */
  ask<A extends Api>(
    handler: Handler<AnyApi>,
    api: A,
    version: number,
    request: RequestInputOf<A>
  ): Promise<DecodedResponseOf<A>>
}

/** `texts`: what the broker is started with; `others`: nodes registered beside node 1. */
export async function adminWorld(
  texts: Record<string, string> = {},
  others: readonly number[] = []
): Promise<AdminWorld> {
  const clock = new ManualClock()
  const metastore = await openEmbeddedMetastore({ clock, logger: silent })
  const open = (nodeId: number) =>
    openControl({ metastore, nodeId, clock, random: new SeededRandom(nodeId), logger: silent })
  const control = await open(1)
  await control.advertise({ host: 'naru', port: 9092 })
  for (const nodeId of others) await (await open(nodeId)).advertise({ host: 'naru', port: 9092 + nodeId })
  const parts = {
    control,
    values: new OptionValues(texts),
    options: brokerOptions,
    logDir: { path: '/data' },
    logger: silent,
    clock
  }
  const topics = new Topics(parts)
  const partitions = new Partitions(silent)
  const world = {
    control,
    topics,
    cluster: new Cluster({ ...parts, partitions, topics }),
    configs: new Configs(parts),
    replicas: new Replicas({ control, partitions }),
    partitions,
    lostLeaders: new LostLeaders(control.image, clock),
    producerIds: new ProducerIds(control),
    withinTimeout: <T>(timeoutMs: number, work: () => Promise<T>) => withinTimeout(clock, timeoutMs, work)
  }
  return {
    ...world,
    async ask(handler, api, version, request) {
      const bytes = api.request.encode(request, version)
      const decoded = api.request.decode(bytes, version)
      const context = { broker: world as unknown as Broker, apiVersion: version } as RequestContext
      const answer = await (async () => handler.answer(decoded, context))().catch(error =>
        handler.refuse(decoded, codeOf(error), messageOf(error), version)
      )
      const response = api.response.encode(answer as never, version)
      return api.response.decode(response, version) as DecodedResponseOf<typeof api>
    }
  }
}

/** A topic with a partition, unless told otherwise. */
export function wanted(name: string, more: Partial<NewTopic> = {}): NewTopic {
  return { name, numPartitions: 1, replicationFactor: 1, assignments: [], configs: [], ...more }
}

/** Makes topics, which must succeed. */
export async function make(world: AdminWorld, ...names: string[]): Promise<void> {
  for (const { error } of await world.topics.create(
    names.map(name => wanted(name)),
    false
  ))
    assert.equal(error, undefined)
}

/** Asserts that a call is refused with a code, and with a message that looks like this. */
export function refuses(call: () => unknown, code: ErrorCode, message = /./): void {
  assert.throws(call, error => error instanceof NaruError && error.code === code && message.test(error.message))
}
