import { below, chance, type Random, SeededRandom } from '../../src/std/random.ts'
import { type FaultName, faultNames } from './faults.ts'

export interface TopicPlan {
  readonly name: string
  readonly partitions: number
  readonly replicas: number
  readonly minInsyncReplicas: number
  /** Acknowledged means in the page cache: it survives the end of a process, and no power loss. */
  readonly pageCache: boolean
  readonly compacted: boolean
  /** Anyone may lead where nobody in sync can: what the others had is gone then. */
  readonly unclean: boolean
}

/** What one seed is made of: a random part of all faults and features, so that each is also tried without the others. */
export interface Plan {
  readonly brokers: number
  readonly topics: readonly TopicPlan[]
  /** Members of the consumer group; none when 0. */
  readonly members: number
  /** Topics come, grow and go. */
  readonly passingTopics: boolean
  readonly deleteRecords: boolean
  readonly elections: boolean
  /** Replicas are moved to other brokers. */
  readonly moves: boolean
  /** How likely each fault is, against each other. */
  readonly faults: ReadonlyMap<FaultName, number>
  /** How many records producers put into a batch at most. */
  readonly recordsMax: number
  /** Faults go on for so long. */
  readonly troubleMs: number
  /** Between two faults at most. */
  readonly calmMaxMs: number
  /** That a change of metadata, or its answer, is lost. */
  readonly lossProbability: number
  readonly watchDelayMaxMs: number
}

export function planOf(seed: number): Plan {
  const random = new SeededRandom(seed)
  const brokers = pick(random, [1, 2, 3, 3, 3, 3, 3, 4, 5])
  const topics = Array.from({ length: pick(random, [1, 1, 2]) }, (_, at) => topicOf(random, `main-${at}`, brokers))
  const plan: Plan = {
    brokers,
    members: pick(random, [0, 1, 2, 2, 3]),
    passingTopics: chance(random, 0.4),
    deleteRecords: chance(random, 0.3),
    elections: chance(random, 0.3),
    faults: new Map(faultNames.flatMap(name => (chance(random, 0.4) ? [[name, 1 + below(random, 5)] as const] : []))),
    recordsMax: 3,
    troubleMs: 2500 + below(random, 3500),
    calmMaxMs: pick(random, [150, 300, 600, 1000]),
    lossProbability: pick(random, [0, 0, 0.05, 0.2]),
    watchDelayMaxMs: pick(random, [0, 0, 5, 200]),
    // What comes later is drawn later: seeds stay what they were.
    moves: chance(random, 0.3) && brokers > 1,
    topics: topics.map(topic => ({ ...topic, unclean: topic.replicas > 1 && chance(random, 0.25) }))
  }
  const faults = new Map(plan.faults)
  if (chance(random, 0.2)) faults.set('one left behind', 2)
  if (plan.topics.some(({ unclean }) => unclean)) faults.set('last in sync gone', 6)
  if (below(random, 7) === 1) faults.set('journal bit flip', 4)
  return { ...plan, faults }
}

/** Three brokers that are often cut off, killed and without power: what a bug in replication shows under soonest. */
export function harshPlanOf(seed: number): Plan {
  const random = new SeededRandom(seed)
  const minInsyncReplicas = 1 + below(random, 2)
  return {
    brokers: 3,
    topics: [
      {
        name: 'main',
        partitions: 2,
        replicas: 3,
        minInsyncReplicas,
        pageCache: false,
        compacted: false,
        unclean: false
      }
    ],
    members: 0,
    passingTopics: false,
    deleteRecords: false,
    elections: false,
    moves: false,
    faults: new Map([
      ['power loss', 4],
      ['clean stop', 2],
      ['pause', 2],
      ['cut between two', 3],
      ['cut of one', 2],
      ['slow disk', 3],
      ['latency', 1],
      ['metastore unheard', 2],
      ['lease ended', 3],
      ['all powerless', 1]
    ]),
    recordsMax: 3,
    troubleMs: 6000,
    calmMaxMs: 500,
    lossProbability: below(random, 2) * 0.05,
    watchDelayMaxMs: below(random, 2) * 400
  }
}

/** Leaders change often, and brokers hear of it late or not for a while: who is behind meets who has gone on. */
export function latePlanOf(seed: number): Plan {
  return {
    ...harshPlanOf(seed),
    faults: new Map([
      ['one left behind', 6],
      ['metastore unheard', 4],
      ['lease ended', 4],
      ['slow disk', 2]
    ]),
    // Batches of one leader begin and end where those of another do: nothing else tells one from the other.
    recordsMax: 1,
    calmMaxMs: 900,
    watchDelayMaxMs: 0
  }
}

function topicOf(random: Random, name: string, brokers: number): TopicPlan {
  const replicas = Math.min(brokers, pick(random, [1, 2, 3, 3, 3, 3]))
  return {
    name,
    partitions: pick(random, [1, 1, 2]),
    replicas,
    minInsyncReplicas: 1 + below(random, Math.min(2, replicas)),
    pageCache: chance(random, 0.15),
    compacted: chance(random, 0.15),
    unclean: false
  }
}

export function pick<T>(random: Random, items: readonly T[]): T {
  return items[below(random, items.length)]
}
