import assert from 'node:assert/strict'
import {
  GroupCoordinator as Coordinator,
  type GroupCoordinator,
  type TopicDirectory
} from '../../src/groups/coordinator.ts'
import type { JoinRequest } from '../../src/groups/join.ts'
import type { JoinResponse, SyncResponse } from '../../src/groups/member.ts'
import { type GroupConfig, groupOptions } from '../../src/groups/options.ts'
import { ManualClock } from '../../src/std/clock.ts'
import { codeOf, NaruError } from '../../src/std/errors.ts'
import { silent } from '../../src/std/log.ts'
import { SeededRandom } from '../../src/std/random.ts'
import { MemoryLog, settle } from '../statelog/memory-log.ts'

export { settle }

const defaults = Object.fromEntries(
  Object.entries(groupOptions).map(([key, declared]) => [key, declared.default])
) as unknown as GroupConfig

/** Topics that exist: name to id. Each has eight partitions. */
export class Topics implements TopicDirectory {
  readonly ids = new Map([
    ['orders', 'orders-id-AAAAAAAAAAAA'],
    ['events', 'events-id-AAAAAAAAAAAA']
  ])

  idOf(topic: string): string | undefined {
    return this.ids.get(topic)
  }

  nameOf(topicId: string): string | undefined {
    return [...this.ids].find(([, id]) => id === topicId)?.[0]
  }

  partitionCount(topic: string): number | undefined {
    return this.ids.has(topic) ? 8 : undefined
  }
}

/** One coordinator with one partition, on a clock that the test moves. */
export class World {
  /** Small where a test wants logs to be compacted all the time. */
  static compactedBytesMin: number | undefined
  readonly clock: ManualClock
  readonly topics: Topics
  readonly config: GroupConfig
  log: MemoryLog
  coordinator: GroupCoordinator
  private readonly seed: number

  constructor(
    config: Partial<GroupConfig> = {},
    log = new MemoryLog(),
    clock = new ManualClock(),
    seed = 1,
    topics = new Topics()
  ) {
    this.config = { ...defaults, offsetsTopicPartitions: 1, ...config }
    this.clock = clock
    this.log = log
    this.seed = seed
    this.topics = topics
    this.coordinator = new Coordinator({
      clock,
      random: new SeededRandom(seed),
      logger: silent,
      config: this.config,
      topics,
      compactedBytesMin: World.compactedBytesMin,
      leaderOf: () => ({ nodeId: 1, host: 'localhost', port: 9092 })
    })
  }

  static async start(config: Partial<GroupConfig> = {}): Promise<World> {
    const world = new World(config)
    await world.coordinator.becomeLeader(0, world.log)
    return world
  }

  /** The broker restarts, or another one takes over, with the log as it was committed. */
  async reload(): Promise<World> {
    const next = new World(this.config, this.log.successor(), this.clock, this.seed + 1, this.topics)
    this.coordinator.close()
    await next.coordinator.becomeLeader(0, next.log)
    return next
  }

  async advance(ms: number): Promise<void> {
    await settle()
    this.clock.advance(ms)
    await settle()
  }

  member(options: Partial<JoinRequest> = {}, clientId = 'app'): TestMember {
    return new TestMember(this, options, clientId)
  }

  /** Members that have formed a group and know their assignments. */
  async group(count: number, options: Partial<JoinRequest> = {}): Promise<TestMember[]> {
    const members = Array.from({ length: count }, (_, at) => this.member(options, `app${at}`))
    const joins: Promise<JoinResponse>[] = []
    for (const member of members) joins.push(member.join())
    await this.advance(this.config.initialRebalanceDelayMs * 3 + 100)
    await Promise.all(joins)
    await this.syncAll(members)
    return members
  }

  /** Everybody syncs; the leader gives each member its own id as assignment. */
  async syncAll(members: TestMember[]): Promise<SyncResponse[]> {
    return Promise.all(members.map(member => member.sync()))
  }
}

export const metadata = (...topics: string[]): Buffer => {
  const parts = [Buffer.from([0, 0]), Buffer.alloc(4)]
  parts[1].writeInt32BE(topics.length)
  for (const topic of topics) parts.push(Buffer.from([0, topic.length]), Buffer.from(topic))
  parts.push(Buffer.from([0xff, 0xff, 0xff, 0xff]))
  return Buffer.concat(parts)
}

/** A consumer that does what clients do. */
export class TestMember {
  readonly world: World
  readonly request: JoinRequest
  readonly clientId: string
  memberId = ''
  joined: JoinResponse | undefined

  constructor(world: World, options: Partial<JoinRequest>, clientId: string) {
    this.world = world
    this.clientId = clientId
    this.request = {
      groupId: 'group',
      sessionTimeoutMs: 10_000,
      rebalanceTimeoutMs: 60_000,
      memberId: '',
      groupInstanceId: null,
      protocolType: 'consumer',
      protocols: [{ name: 'range', metadata: metadata('orders') }],
      reason: null,
      ...options
    }
  }

  get generation(): number {
    return this.joined?.generationId ?? -1
  }

  get isLeader(): boolean {
    return this.joined?.leader === this.memberId
  }

  get identity(): { groupId: string; memberId: string; generationId: number; groupInstanceId: string | null } {
    const { groupId, groupInstanceId } = this.request
    return { groupId, memberId: this.memberId, generationId: this.generation, groupInstanceId }
  }

  /** One JoinGroup, answered as it is. */
  async rawJoin(version = 9, changed: Partial<JoinRequest> = {}): Promise<JoinResponse> {
    const client = {
      clientId: this.clientId,
      clientHost: '/127.0.0.1',
      memberIdRequired: version >= 4,
      canSkipAssignment: version >= 9
    }
    const request = { ...this.request, memberId: this.memberId, ...changed }
    return this.world.coordinator.join(request, client)
  }

  /** Joins, coming back with the member id where one is required. */
  async join(version = 9, changed: Partial<JoinRequest> = {}): Promise<JoinResponse> {
    let response = await this.rawJoin(version, changed)
    if (response.error === 'MEMBER_ID_REQUIRED') {
      this.memberId = response.memberId
      response = await this.rawJoin(version, changed)
    }
    if (response.error) throw new NaruError(response.error)
    this.memberId = response.memberId
    this.joined = response
    return response
  }

  async sync(assign = (memberId: string): string => memberId): Promise<SyncResponse> {
    const assignments = this.isLeader
      ? (this.joined?.members ?? []).map(({ memberId }) => ({ memberId, assignment: Buffer.from(assign(memberId)) }))
      : []
    const response = await this.world.coordinator.sync({
      ...this.identity,
      protocolType: null,
      protocolName: null,
      assignments
    })
    if (response.error) throw new NaruError(response.error)
    return response
  }

  heartbeat(): Promise<void> {
    return this.world.coordinator.heartbeat(this.identity)
  }

  leave(): Promise<unknown> {
    const { memberId } = this
    const { groupId, groupInstanceId } = this.request
    return this.world.coordinator.leave({ groupId, members: [{ memberId, groupInstanceId, reason: null }] })
  }

  async commit(offset: number, partition = 0, topic = 'orders'): Promise<string | undefined> {
    const [result] = await this.world.coordinator.commitOffsets(
      { ...this.identity, retentionTimeMs: -1, knowsGroupNotFound: true, items: [item(offset, partition, topic)] },
      false
    )
    return result
  }
}

export function item(offset: number, partition = 0, name = 'orders', text: string | null = '') {
  return { name, topicId: '', partition, offset, leaderEpoch: 3, metadata: text }
}

/** A commit by somebody who is no member. */
export async function commitAlone(
  world: World,
  items: ReturnType<typeof item>[],
  groupId = 'group',
  more: { retentionTimeMs?: number } = {}
): Promise<(string | undefined)[]> {
  return world.coordinator.commitOffsets(
    {
      groupId,
      memberId: '',
      generationId: -1,
      groupInstanceId: null,
      retentionTimeMs: -1,
      knowsGroupNotFound: true,
      items,
      ...more
    },
    false
  )
}

/** What is committed, as topic/partition to offset. */
export async function committed(world: World, groupId = 'group'): Promise<Record<string, number>> {
  const topics = await world.coordinator.fetchOffsets(groupId, null, false)
  return Object.fromEntries(
    topics.flatMap(({ name, partitions }) =>
      partitions.map(({ partition, offset }) => [`${name}/${partition}`, offset])
    )
  )
}

export async function rejectsWith(promise: Promise<unknown>, code: string): Promise<void> {
  await assert.rejects(promise, error => {
    assert.equal(codeOf(error), code)
    return true
  })
}

/** What became of a promise so far. */
export function watch<T>(promise: Promise<T>): { value?: T; error?: unknown } {
  const outcome: { value?: T; error?: unknown } = {}
  promise.then(
    value => {
      outcome.value = value
    },
    error => {
      outcome.error = error
    }
  )
  return outcome
}
