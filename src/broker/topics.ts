import { checkLeads, type Ground, partitionsPerRequestMax, placeReplicas, type Site } from '../control/placement.ts'
import type { BrokerImage, Control, TopicImage } from '../control/types.ts'
import { offsetsTopicName } from '../groups/coordinator.ts'
import { groupOptions } from '../groups/options.ts'
import { codeOf, type ErrorCode, NaruError } from '../std/errors.ts'
import type { Logger } from '../std/log.ts'
import type { OptionValues } from '../std/option.ts'
import type { TopicId } from '../storage/types.ts'
import { BrokerLoads } from './broker-loads.ts'
import { checkChosen } from './chosen-replicas.ts'
import { PartitionTotal } from './partition-total.ts'
import { type Refusal, refusalOf } from './refusal.ts'
import { topicAdminOptions } from './topic-admin-options.ts'
import { checkTopicName, clusterMetadataTopic, isInternalTopic, TakenNames } from './topic-names.ts'
import { type ConfigTexts, checkTopicConfigs } from './topic-options.ts'

/** A topic that a client wants. */
export interface NewTopic {
  readonly name: string
  /** -1 for the broker's default, and where there are assignments. */
  readonly numPartitions: number
  /** -1 for the broker's default, and where there are assignments. */
  readonly replicationFactor: number
  /** The replicas of each partition where the client chooses them; else empty. */
  readonly assignments: readonly { readonly partitionIndex: number; readonly brokerIds: readonly number[] }[]
  readonly configs: readonly { readonly name: string; readonly value: string | null }[]
}

/** A topic that was made, or that would have been. */
export interface MadeTopic {
  readonly error?: undefined
  readonly name: string
  /** Undefined when it was only validated. */
  readonly topicId: TopicId | undefined
  readonly numPartitions: number
  readonly replicationFactor: number
  readonly configs: ConfigTexts
}

type RefusedTopic = Refusal & { readonly name: string }

/** More partitions for a topic. */
export interface MorePartitions {
  readonly name: string
  /** How many there shall be. */
  readonly count: number
  /** The replicas of each new partition where the client chooses them. */
  readonly assignments: readonly { readonly brokerIds: readonly number[] }[] | null
}

/** What a client names to have it deleted: by name or by id. */
export interface DoomedTopic {
  readonly name: string | null
  readonly topicId: TopicId | undefined
}

export interface DeletedTopic extends DoomedTopic {
  readonly error?: ErrorCode
  readonly message?: string
}

/** Makes, grows and deletes topics. Checks and their words are Kafka's. */
export class Topics {
  private readonly control: Control
  private readonly values: OptionValues
  private readonly logger: Logger
  private readonly taken: TakenNames
  private readonly total: PartitionTotal
  /** Automatic creations under way, by name. */
  private readonly arising = new Map<string, Promise<ErrorCode | undefined>>()
  private readonly loads: BrokerLoads

  constructor(parts: { control: Control; values: OptionValues; logger: Logger }) {
    this.control = parts.control
    this.values = parts.values
    this.logger = parts.logger
    this.taken = new TakenNames(parts.control)
    this.total = new PartitionTotal(parts.control)
    this.loads = new BrokerLoads(parts.control)
  }

  /**
   * Makes topics, each on its own; they can be written to when this resolves. A name that comes twice is refused for
   * all. `validateOnly`: says what would be made.
   */
  async create(topics: readonly NewTopic[], validateOnly: boolean): Promise<(MadeTopic | RefusedTopic)[]> {
    const { once, twice } = split(topics.map(({ name }) => name))
    let room = partitionsPerRequestMax
    const made = topics
      .filter(({ name }) => once.has(name))
      .map(async topic => {
        try {
          const plan = this.plan(topic, room)
          room -= plan.assignments.length
          return await this.carryOut(plan, validateOnly)
        } catch (error) {
          return { name: topic.name, ...refusalOf(error, this.logger, 'create topic') }
        }
      })
    const duplicates = twice.map(name => ({ name, ...invalid('Duplicate topic name.') }))
    return [...(await Promise.all(made)), ...duplicates]
  }

  /**
   * Makes a topic because a client asked for it. Resolves to what kept it from being made; undefined when it is there.
   */
  autoCreate(name: string): Promise<ErrorCode | undefined> {
    const under = this.arising.get(name)
    if (under) return under
    if (this.arising.size >= this.values.get(topicAdminOptions.autoCreatedTogetherMax))
      return Promise.resolve('LEADER_NOT_AVAILABLE')
    const arising = this.makeDefault(name).finally(() => this.arising.delete(name))
    this.arising.set(name, arising)
    return arising
  }

  /** Whether topics that are not there may be made when clients ask for them. */
  get autoCreates(): boolean {
    return this.values.get(topicAdminOptions.autoCreateTopics)
  }

  /** Deletes topics, each on its own. The answers come in no particular order. */
  async delete(topics: readonly DoomedTopic[]): Promise<DeletedTopic[]> {
    if (!this.values.get(topicAdminOptions.deleteTopics))
      throw new NaruError('TOPIC_DELETION_DISABLED', 'Topic deletion is disabled.')
    const answers: DeletedTopic[] = []
    const refuse = (topic: DoomedTopic, message: string) => answers.push({ ...topic, ...invalid(message) })
    const names: string[] = []
    const ids: TopicId[] = []
    for (const topic of topics) {
      if (topic.name !== null && topic.topicId) refuse(topic, 'You may not specify both topic name and topic id.')
      else if (topic.name !== null) names.push(topic.name)
      else if (topic.topicId) ids.push(topic.topicId)
      else refuse(topic, 'Neither topic name nor id were specified.')
    }
    const byName = split(names)
    const byId = split(ids)
    for (const name of byName.twice) refuse({ name, topicId: undefined }, 'Duplicate topic name.')
    for (const topicId of byId.twice) refuse({ name: null, topicId }, 'Duplicate topic id.')
    const { image } = this.control
    const found = new Map<TopicId, TopicImage>()
    for (const topicId of byId.once) {
      const topic = image.topicById(topicId)
      if (topic) found.set(topicId, topic)
      else answers.push({ name: null, topicId, error: 'UNKNOWN_TOPIC_ID', message: unknownTopicId })
    }
    for (const name of byName.once) {
      const topic = image.topic(name)
      if (!topic) answers.push({ name, topicId: undefined, error: 'UNKNOWN_TOPIC_OR_PARTITION', message: unknownTopic })
      else if (found.has(topic.topicId) || byId.twice.includes(topic.topicId)) {
        found.delete(topic.topicId)
        refuse(topic, 'The provided topic name maps to an ID that was already supplied.')
      } else found.set(topic.topicId, topic)
    }
    const deleted = await Promise.all([...found.values()].map(topic => this.deleteOne(topic)))
    return [...answers, ...deleted]
  }

  /** Adds partitions to topics, each on its own: gives what kept it from being done, by name. */
  async addPartitions(
    topics: readonly MorePartitions[],
    validateOnly: boolean
  ): Promise<({ readonly name: string } & Partial<Refusal>)[]> {
    const { once, twice } = split(topics.map(({ name }) => name))
    const grown = topics
      .filter(({ name }) => once.has(name))
      .map(async topic => {
        try {
          await this.grow(topic, validateOnly)
          return { name: topic.name }
        } catch (error) {
          return { name: topic.name, ...refusalOf(error, this.logger, 'create partitions') }
        }
      })
    return [...twice.map(name => ({ name, ...invalid('Duplicate topic name.') })), ...(await Promise.all(grown))]
  }

  /** Makes the topics that the broker itself needs and that aren't there, once there are brokers enough for all replicas. */
  async ensureInternalTopics(): Promise<void> {
    if (this.control.image.topic(offsetsTopicName)) return
    const brokers = this.sites()
    const wanted = this.values.get(topicAdminOptions.offsetsTopicReplicationFactor)
    const replicas = Math.min(this.values.get(topicAdminOptions.clusterBrokers), wanted)
    if (brokers.length < replicas) return
    const partitions = this.values.get(groupOptions.offsetsTopicPartitions)
    try {
      await this.control.createTopic({
        name: offsetsTopicName,
        assignments: placeReplicas(this.ground(), partitions, replicas),
        configs: checkTopicConfigs({
          ...offsetsTopicConfigs,
          'segment.bytes': String(this.values.get(topicAdminOptions.offsetsTopicSegmentBytes))
        })
      })
    } catch (error) {
      // Another broker was quicker.
      if (codeOf(error) !== 'TOPIC_ALREADY_EXISTS') throw error
    }
  }

  /** Those that may lead. */
  private lasting(): BrokerImage[] {
    return this.control.image.brokers().filter(({ draining }) => !draining)
  }

  /** Where new replicas may go: a broker that is about to stop takes none, nor does one that is cordoned. */
  private sites(): BrokerImage[] {
    return this.lasting().filter(({ cordoned }) => !cordoned)
  }

  /** Brokers that take a replica only where the others are too few. */
  private away(): Site[] {
    const { image } = this.control
    const some = [...image.brokers().filter(({ draining }) => draining), ...image.absentees()]
    return some.filter(({ cordoned }) => !cordoned)
  }

  /** What new replicas are placed on; `topic` has those of the partitions that are there. */
  private ground(topic?: Ground['topic']): Ground {
    return { sites: this.sites(), away: this.away(), topic, load: nodeId => this.loads.of(nodeId) }
  }

  private checkTotal(more: number): void {
    const most = this.values.get(topicAdminOptions.partitionsMax)
    if (this.total.count + more > most)
      throw new NaruError('POLICY_VIOLATION', `There may be ${most} partitions in all (naru.partitions.max).`)
  }

  /** Checks a topic and holds its name until it is carried out. Nothing comes between, so none of a request's topics collide. */
  private plan(topic: NewTopic, room: number): PlannedTopic {
    const { name } = topic
    if (name === clusterMetadataTopic)
      throw new NaruError('INVALID_REQUEST', `Creation of internal topic ${name} is prohibited.`)
    if (this.control.image.topic(name)) throw new NaruError('TOPIC_ALREADY_EXISTS', `Topic '${name}' already exists.`)
    checkTopicName(name)
    const lookalike = this.taken.lookalike(name)
    if (lookalike)
      throw new NaruError('INVALID_TOPIC_EXCEPTION', `Topic '${name}' collides with existing topic: ${lookalike}`)
    const empty = topic.configs.filter(({ value }) => value === null)
    if (empty.length > 0)
      throw new NaruError(
        'INVALID_CONFIG',
        `Null value not supported for topic configs: ${empty.map(config => config.name).join(',')}`
      )
    const texts = Object.fromEntries(topic.configs.map(config => [config.name, config.value ?? '']))
    const configs = checkTopicConfigs(texts)
    const assignments = topic.assignments.length > 0 ? this.chosen(topic) : this.placed(topic, room)
    if (assignments.length > room) throw new NaruError('POLICY_VIOLATION', tooManyPartitions)
    this.checkTotal(assignments.length)
    return { name, configs, assignments }
  }

  /** The replicas that the client chose. */
  private chosen({ assignments, numPartitions, replicationFactor }: NewTopic): readonly (readonly number[])[] {
    const beside = (what: string) =>
      new NaruError('INVALID_REQUEST', `A manual partition assignment was specified, but ${what} not set to -1.`)
    if (replicationFactor !== -1) throw beside('replication factor was')
    if (numPartitions !== -1) throw beside('numPartitions was')
    const byIndex = new Map<number, readonly number[]>()
    for (const { partitionIndex, brokerIds } of assignments) {
      if (byIndex.has(partitionIndex))
        throw new NaruError(
          'INVALID_REPLICA_ASSIGNMENT',
          `Found multiple manual partition assignments for partition ${partitionIndex}`
        )
      const replicationFactor = byIndex.size > 0 ? assignments[0].brokerIds.length : undefined
      checkChosen(this.control.image, brokerIds, { replicationFactor })
      checkLeads(partitionIndex, brokerIds, this.lasting())
      byIndex.set(partitionIndex, brokerIds)
    }
    return Array.from({ length: byIndex.size }, (_, index) => {
      const replicas = byIndex.get(index)
      if (replicas) return replicas
      throw new NaruError('INVALID_REPLICA_ASSIGNMENT', 'partitions should be a consecutive 0-based integer sequence')
    })
  }

  /** The replicas that the broker chooses. */
  private placed({ numPartitions, replicationFactor }: NewTopic, room: number): number[][] {
    if (replicationFactor < -1 || replicationFactor === 0)
      throw new NaruError(
        'INVALID_REPLICATION_FACTOR',
        'Replication factor must be larger than 0, or -1 to use the default value.'
      )
    if (numPartitions < -1 || numPartitions === 0)
      throw new NaruError('INVALID_PARTITIONS', 'Number of partitions was set to an invalid non-positive value.')
    const count = numPartitions === -1 ? this.values.get(topicAdminOptions.numPartitions) : numPartitions
    const replicas =
      replicationFactor === -1 ? this.values.get(topicAdminOptions.defaultReplicationFactor) : replicationFactor
    // One more than there is room for is enough to be refused.
    return placeReplicas(this.ground(), Math.min(count, room + 1), replicas)
  }

  private async carryOut(plan: PlannedTopic, validateOnly: boolean): Promise<MadeTopic> {
    const { name, configs, assignments } = plan
    const numPartitions = assignments.length
    const replicationFactor = assignments[0].length
    if (validateOnly) return { name, topicId: undefined, numPartitions, replicationFactor, configs }
    this.taken.hold(name)
    try {
      const { topicId } = await this.total.during(numPartitions, () =>
        this.loads.during(assignments, () => this.control.createTopic({ name, assignments, configs }))
      )
      return { name, topicId, numPartitions, replicationFactor, configs }
    } finally {
      this.taken.release(name)
    }
  }

  private async makeDefault(name: string): Promise<ErrorCode | undefined> {
    if (isInternalTopic(name)) return 'UNKNOWN_TOPIC_OR_PARTITION'
    const topic: NewTopic = { name, numPartitions: -1, replicationFactor: -1, assignments: [], configs: [] }
    const [{ error }] = await this.create([topic], false)
    // Another broker was quicker: the topic is there, or about to be in this broker's image.
    return error === 'TOPIC_ALREADY_EXISTS' ? undefined : error
  }

  private async deleteOne({ name, topicId }: TopicImage): Promise<DeletedTopic> {
    try {
      await this.control.deleteTopic(topicId)
      // As in Kafka committed offsets can be thrown away all at once; groups need the topic, so it comes back empty.
      if (name === offsetsTopicName) await this.ensureInternalTopics()
      return { name, topicId }
    } catch (error) {
      return { name, topicId, ...refusalOf(error, this.logger, 'delete topic') }
    }
  }

  private async grow({ name, count, assignments }: MorePartitions, validateOnly: boolean): Promise<void> {
    const topic = this.control.image.topic(name)
    if (!topic) throw new NaruError('UNKNOWN_TOPIC_OR_PARTITION', unknownTopic)
    const there = topic.partitions.length
    if (count === there) throw new NaruError('INVALID_PARTITIONS', `Topic already has ${there} partition(s).`)
    if (count < there)
      throw new NaruError(
        'INVALID_PARTITIONS',
        `The topic ${name} currently has ${there} partition(s); ${count} would not be an increase.`
      )
    const additional = count - there
    if (assignments && assignments.length !== additional)
      throw new NaruError(
        'INVALID_REPLICA_ASSIGNMENT',
        `Attempted to add ${additional} additional partition(s), but only ${assignments.length} assignment(s) were specified.`
      )
    if (additional > partitionsPerRequestMax) throw new NaruError('POLICY_VIOLATION', tooManyPartitions)
    this.checkTotal(additional)
    const replicationFactor = topic.partitions[0].replicas.length
    for (const [at, { brokerIds }] of assignments?.entries() ?? []) {
      checkChosen(this.control.image, brokerIds, { replicationFactor })
      checkLeads(there + at, brokerIds, this.lasting())
    }
    const ground = this.ground(topic.partitions.map(({ replicas }) => replicas))
    const added = assignments?.map(({ brokerIds }) => brokerIds) ?? placeReplicas(ground, additional, replicationFactor)
    if (validateOnly) return
    await this.loads.during(added, () => this.control.addPartitions(topic.topicId, there, added))
  }
}

interface PlannedTopic {
  readonly name: string
  readonly configs: ConfigTexts
  readonly assignments: readonly (readonly number[])[]
}

/** As Kafka makes it. */
const offsetsTopicConfigs = {
  'cleanup.policy': 'compact',
  'compression.type': 'producer'
}

const tooManyPartitions = 'Excessively large number of partitions per request.'
const unknownTopic = 'This server does not host this topic-partition.'
const unknownTopicId = 'This server does not host this topic ID.'

function invalid(message: string): Refusal {
  return { error: 'INVALID_REQUEST', message }
}

/** The words that come once, and those that come more often. */
function split(words: readonly string[]): { once: Set<string>; twice: string[] } {
  const once = new Set<string>()
  const twice = new Set<string>()
  for (const word of words)
    if (once.has(word)) twice.add(word)
    else once.add(word)
  for (const word of twice) once.delete(word)
  return { once, twice: [...twice] }
}
