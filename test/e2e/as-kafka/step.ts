import { isDeepStrictEqual } from 'node:util'
import type { Api } from '../../../src/schema/message.ts'
import { zeroUuid } from '../../../src/schema/reader.ts'
import { FindCoordinator } from '../../../src/wire/kafka/messages/find-coordinator.ts'
import { AskingClient, type Tree } from '../../support/asking-client.ts'

/** One request of a scenario. Strings in it that begin with `id of ` stand for the id of the topic named. */
export interface Step {
  readonly name: string
  readonly api: Api
  readonly version: number
  readonly request: Tree | ((seen: Seen) => Tree)
  /** Where Naru answers otherwise on purpose: what it says instead, as JSON. */
  readonly differs?: readonly Difference[]
  /** Whom it is sent to; the first broker by default. */
  readonly to?: Recipient
  /** Something that is done to a broker first. */
  readonly first?: Deed
}

/** A broker of a cluster: by its node id, or by whether it coordinates a group. */
export type Recipient = number | { readonly coordinatorOf: string } | { readonly notCoordinatorOf: string }

/** `kill`: it is gone from the cluster then; `start`: it is back, and in sync again. */
export type Deed = { readonly kill: number } | { readonly start: number }

/** A broker, or the brokers of a cluster. */
export interface Playground {
  /** Of the first broker. */
  readonly port: number
  readonly cluster?: {
    readonly nodeIds: readonly number[]
    portOf(nodeId: number): number
    do(deed: Deed): Promise<void>
  }
}

/** What answers before have said. */
export interface Seen {
  /** The newest id that InitProducerId gave. */
  readonly producerId: number
}

/** A part of Kafka's answer as JSON, and what Naru has in its place. */
export interface Difference {
  readonly why: string
  readonly from: string
  readonly to: string
}

export interface Answered {
  readonly step: string
  readonly answer: unknown
}

export function step(
  name: string,
  api: Api,
  version: number,
  request: Step['request'],
  ...differs: Difference[]
): Step {
  return { name: `${name} (${api.name} ${version})`, api, version, request, differs }
}

/** The same step, sent to a broker of a cluster. */
export function at(to: Recipient, { name, ...rest }: Step): Step {
  const whom =
    typeof to === 'number' ? `broker ${to}` : 'coordinatorOf' in to ? 'the coordinator' : 'not the coordinator'
  return { ...rest, name: `${name}, at ${whom}`, to }
}

/** The same step, after something is done to a broker. */
export function after(first: Deed, { name, ...rest }: Step): Step {
  const what = 'kill' in first ? `broker ${first.kill} was killed` : `broker ${first.start} is back`
  return { ...rest, name: `${name}, when ${what}`, first }
}

/** Fields that differ between any two clusters, or from run to run. */
const passedOver = new Set([
  'throttleTimeMs',
  'clusterId',
  'host',
  'port',
  'logDir',
  'totalBytes',
  'usableBytes',
  'lastTimestamp',
  'producerId',
  'partitionSize'
])

/** The same for single APIs. Configs are described by DescribeConfigs. */
const passedOverIn: Readonly<Record<string, readonly string[]>> = {
  CreateTopics: ['configs'],
  DescribeConfigs: ['documentation'],
  // Of a repeated batch Kafka gives the time that its producer gave.
  Produce: ['logAppendTimeMs'],
  DescribeQuorum: [
    'leaderEpoch',
    'highWatermark',
    'logEndOffset',
    'lastFetchTimestamp',
    'lastCaughtUpTimestamp',
    'listeners'
  ]
}

export interface Pace {
  /** How long to wait after each step: Apache Kafka's brokers learn of changes later. */
  readonly pauseMs: number
  /** Answers that are expected: what describes something is asked again until it is so, or for a while. */
  readonly expected?: readonly Answered[]
  /** Further fields that are passed over, by API. */
  readonly passedOver?: Readonly<Record<string, readonly string[]>>
}

/** What changes nothing, and may be asked again. */
const describing = /^(Describe|List|Metadata)/

/** Plays a scenario on a broker, or on a cluster. */
export async function play(
  playground: Playground,
  steps: readonly Step[],
  { pauseMs, expected, passedOver: more = {} }: Pace
): Promise<Answered[]> {
  const recipients = new Recipients(playground)
  const idOf = new Map<string, string>()
  const nameOf = new Map<string, string>([[zeroUuid, 'no id']])
  const asked = (value: unknown): unknown => {
    if (typeof value === 'string' && value.startsWith('id of ')) return idOf.get(value.slice(6)) ?? value
    if (Array.isArray(value)) return value.map(asked)
    if (typeof value !== 'object' || value === null || Buffer.isBuffer(value)) return value
    return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, asked(inner)]))
  }
  let seen: Seen = { producerId: -1 }
  const learn = (answer: Tree): void => {
    const { topics, producerId } = answer
    if (typeof producerId === 'number' && answer.errorCode === 0) seen = { producerId }
    if (!Array.isArray(topics)) return
    for (const { name, topicId } of topics as Tree[])
      if (typeof name === 'string' && typeof topicId === 'string' && topicId !== zeroUuid) {
        idOf.set(name, topicId)
        nameOf.set(topicId, `id of ${name}`)
      }
  }
  const plain = (value: unknown, api: Api): unknown => {
    if (Buffer.isBuffer(value)) return value.toString('latin1')
    if (typeof value === 'bigint') return String(value)
    if (typeof value === 'string') return nameOf.get(value) ?? value
    // Kafka answers in the order of its hash maps.
    if (Array.isArray(value)) return value.map(item => plain(item, api)).sort(byText)
    if (typeof value !== 'object' || value === null) return value
    const hidden = [...passedOver, ...(passedOverIn[api.name] ?? []), ...(more[api.name] ?? [])]
    const kept = Object.entries(value).filter(([key]) => !hidden.includes(key))
    return Object.fromEntries(kept.map(([key, inner]) => [key, plain(inner, api)]))
  }
  const answers: Answered[] = []
  try {
    for (const { name, api, version, request, to, first } of steps) {
      if (first) await recipients.do(first)
      const client = await recipients.client(to)
      const wanted = typeof request === 'function' ? request(seen) : (asked(request) as Tree)
      let answer = await client.ask(api, version, wanted)
      const awaited = describing.test(api.name) ? expected?.at(answers.length)?.answer : undefined
      for (let tries = 0; awaited && tries < 40 && !isDeepStrictEqual(json(plain(answer, api)), awaited); tries++) {
        await new Promise(resolve => setTimeout(resolve, 100))
        answer = await client.ask(api, version, wanted)
      }
      learn(answer)
      answers.push({ step: name, answer: json(plain(answer, api)) })

      await new Promise(resolve => setTimeout(resolve, pauseMs))
    }
  } finally {
    recipients.close()
  }
  return answers
}

/** Connections to the brokers of a playground. */
class Recipients {
  private readonly playground: Playground
  private readonly clients = new Map<number, AskingClient>()

  constructor(playground: Playground) {
    this.playground = playground
  }

  async client(to: Recipient = 0): Promise<AskingClient> {
    const nodeId = typeof to === 'number' ? to : await this.find(to)
    let client = this.clients.get(nodeId)
    if (!client) {
      const { port, cluster } = this.playground
      client = new AskingClient(cluster?.portOf(nodeId || cluster.nodeIds[0]) ?? port, 'scenario')
      this.clients.set(nodeId, client)
    }
    return client
  }

  async do(deed: Deed): Promise<void> {
    await this.playground.cluster?.do(deed)
    this.close()
  }

  close(): void {
    for (const client of this.clients.values()) client.close()
    this.clients.clear()
  }

  private async find(to: Exclude<Recipient, number>): Promise<number> {
    const group = 'coordinatorOf' in to ? to.coordinatorOf : to.notCoordinatorOf
    const { nodeIds = [] } = this.playground.cluster ?? {}
    for (let tries = 0; tries < 200; tries++) {
      const { coordinators } = await (await this.client()).ask(FindCoordinator, 4, {
        keyType: 0,
        coordinatorKeys: [group]
      })
      const { nodeId } = (coordinators as { nodeId: number }[])[0]
      if (nodeId > 0) return 'coordinatorOf' in to ? nodeId : nodeIds.find(other => other !== nodeId)!
      await new Promise(resolve => setTimeout(resolve, 100))
    }
    throw new Error(`group ${group} has no coordinator`)
  }
}

function json(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value))
}

function byText(a: unknown, b: unknown): number {
  return JSON.stringify(a) < JSON.stringify(b) ? -1 : 1
}
