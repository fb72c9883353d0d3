import { describeLogDirs, type LogDir, listTopics } from '../../client/admin.ts'
import { describeConfigs, describeTopicConfigs } from '../../client/admin-configs.ts'
import { describeGroup, type GroupDescription, listGroups } from '../../client/admin-groups.ts'
import type { Broker, Cluster, TopicInfo } from '../../client/cluster.ts'
import { listOffsets, type OffsetAnswer, offsetOf } from '../../client/offsets.ts'
import { formatAddress } from '../../client/options.ts'
import { sleep } from '../../std/clock.ts'
import { codeOf, messageOf } from '../../std/errors.ts'
import { type GroupOffset, groupOffsets } from '../group-describe.ts'
import type { Progress } from '../progress.ts'
import { sampleTopics } from './sample.ts'
import type { BrokerView, GroupView, LocalView, TopicView, View } from './view.ts'

export interface CollectOptions {
  /** Only these; all when empty. */
  readonly topics: readonly string[]
  /** How long to watch; undefined: as long as it takes to tell standstill from a pause. */
  readonly watchMs: number | undefined
  readonly local: LocalView | undefined
  readonly progress: Progress
}

/** Enough for rates; what consumers commit shows after longer only. */
const shortWatchMs = 1000
const longWatchMs = 6500

/** Looks at a cluster twice, and at the newest records of its topics meanwhile. */
export async function collect(cluster: Cluster, options: CollectOptions): Promise<View> {
  const { progress, local } = options
  progress.update({ at: 'topics' })
  const all = await cluster.retrying(() => listTopics(cluster, true))
  const wanted = options.topics.length === 0 ? all : await cluster.retrying(() => cluster.fetchTopics(options.topics))
  const brokers = await Promise.all(cluster.brokerList().map(broker => viewBroker(cluster, broker)))
  const reachable = brokers.every(({ unreachable }) => unreachable === undefined)
  const isAnyoneThere = brokers.some(({ unreachable }) => unreachable === undefined)
  const logDirs = isAnyoneThere ? await describeLogDirs(cluster, wanted, alreadySaid) : []
  const configs = await describeTopicConfigs(
    cluster,
    wanted.map(({ name }) => name)
  )
  const asked = wanted.flatMap(({ name, partitions }) =>
    partitions.map(({ index }) => ({ topic: name, partition: index }))
  )
  const firsts = await listOffsets(cluster, asked, 'earliest')
  const ends = await listOffsets(cluster, asked, 'latest')
  const startedMs = cluster.clock.monotonic()
  progress.update({ at: 'groups' })
  const groups = isAnyoneThere ? await groupsOf(cluster) : []
  const sampled = reachable ? wanted.filter(({ internal }) => !internal) : []
  const samples = await sampleTopics(cluster, sampled, asked, { firsts, ends }, progress)
  const isLagging = groups.some(
    ({ group, offsets }) => group.members.length > 0 && offsets.some(({ lag }) => (lag ?? 0) > 0)
  )
  const watchMs = options.watchMs ?? (isLagging ? longWatchMs : shortWatchMs)
  for (let leftMs = watchMs; leftMs > 0; leftMs = startedMs + watchMs - cluster.clock.monotonic()) {
    progress.update({ at: 'watching', fraction: 1 - leftMs / Math.max(1, watchMs) })
    await sleep(cluster.clock, Math.min(250, leftMs))
  }
  const endsLater = await listOffsets(cluster, asked, 'latest')
  const elapsedMs = Math.max(1, cluster.clock.monotonic() - startedMs)
  const seenLater = isAnyoneThere ? await groupsOf(cluster) : []
  const groupsLater = new Map(seenLater.map(seen => [seen.group.groupId, seen]))
  const byTopic = new Map<string, number>()
  asked.forEach(({ topic, partition }, i) => void byTopic.set(`${topic}/${partition}`, i))
  return {
    nowMs: cluster.clock.now(),
    elapsedMs,
    brokers: brokers.map(broker => ({ ...broker, logDirs: dirsOf(logDirs, broker.id) })),
    topics: wanted.map(topic =>
      viewTopic(topic, configs.get(topic.name) ?? new Map(), logDirs, byTopic, { firsts, ends, endsLater })
    ),
    groups: groups.map(({ group, offsets }) => viewGroup(group, offsets, groupsLater.get(group.groupId))),
    samples,
    local
  }
}

async function viewBroker(cluster: Cluster, broker: Broker): Promise<BrokerView> {
  const address = formatAddress(broker)
  const view = { id: broker.id, address, logDirs: [] }
  try {
    await cluster.broker(broker.id)
  } catch (error) {
    return { ...view, unreachable: messageOf(error), configs: new Map() }
  }
  const configs = await describeConfigs(cluster, { type: 'broker', name: String(broker.id) })
  return { ...view, unreachable: undefined, configs: new Map(configs.map(({ name, value }) => [name, value])) }
}

function dirsOf(logDirs: readonly LogDir[], id: number): BrokerView['logDirs'] {
  return logDirs.filter(({ broker }) => broker === id)
}

interface Offsets {
  readonly firsts: readonly OffsetAnswer[]
  readonly ends: readonly OffsetAnswer[]
  readonly endsLater: readonly OffsetAnswer[]
}

function viewTopic(
  { name, internal, partitions }: TopicInfo,
  configs: TopicView['configs'],
  logDirs: readonly LogDir[],
  places: ReadonlyMap<string, number>,
  { firsts, ends, endsLater }: Offsets
): TopicView {
  const sizes = new Map<string, number>()
  for (const { broker, replicas } of logDirs)
    for (const { topic, partition, bytes } of replicas) if (topic === name) sizes.set(`${broker}/${partition}`, bytes)
  return {
    name,
    internal,
    configs,
    partitions: partitions.map(({ index, leader, replicas, isr }) => {
      const place = places.get(`${name}/${index}`)!
      return {
        index,
        leader,
        replicas,
        isr,
        first: offsetOf(firsts[place]),
        end: offsetOf(ends[place]),
        endLater: offsetOf(endsLater[place]),
        bytes: sizes.get(`${leader}/${index}`) ?? -1
      }
    })
  }
}

interface SeenGroup {
  readonly group: GroupDescription
  readonly offsets: readonly GroupOffset[]
}

/** That a broker can't be reached is in its view. */
const alreadySaid = () => {}

/** Groups that go away while they are looked at are left out. */
async function groupsOf(cluster: Cluster): Promise<SeenGroup[]> {
  const seen: SeenGroup[] = []
  for (const { groupId } of await cluster.retrying(() => listGroups(cluster, alreadySaid))) {
    try {
      const group = await cluster.retrying(() => describeGroup(cluster, groupId))
      seen.push({ group, offsets: await groupOffsets(cluster, group) })
    } catch (error) {
      // Gone, or its coordinator is: what remains is looked at all the same.
      const code = codeOf(error)
      if (code !== 'GROUP_ID_NOT_FOUND' && code !== 'NETWORK_EXCEPTION') throw error
    }
  }
  return seen
}

function viewGroup(group: GroupDescription, offsets: readonly GroupOffset[], later: SeenGroup | undefined): GroupView {
  return {
    groupId: group.groupId,
    state: group.state,
    stateLater: later?.group.state ?? 'Dead',
    members: group.members.map(({ memberId, clientId, assignment }) => ({
      memberId,
      clientId,
      partitions: assignment.reduce((sum, { partitions }) => sum + partitions.length, 0)
    })),
    offsets,
    offsetsLater: later?.offsets ?? []
  }
}
