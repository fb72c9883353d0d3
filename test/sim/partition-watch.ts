import { keys, parse, partitionOf, type TopicValue } from '../../src/control/keys.ts'
import type { PartitionImage } from '../../src/control/types.ts'
import type { ChangeBatch, Metastore, Transaction } from '../../src/metastore/metastore.ts'
import { Anomalies } from './anomaly.ts'
import type { Coverage } from './coverage.ts'

interface Watched {
  image: PartitionImage | undefined
  /** Changes of its ISR on their way to the metastore. */
  isrChanges: number
  /** Replicas that may lack what they have acknowledged, with the life in which their machine lost its power. */
  readonly lacking: Map<number, number>
  /** Replicas of which a part rotted that other replicas in sync had, with the life of their machine in which it did. */
  readonly rotten: Map<number, number>
  /** What the leader of each epoch has appended. */
  readonly appended: Map<number, Range>
  /** What leaders have appended that may be what is damaged in their logs, of producers of which nothing else is there. */
  readonly perhapsTwice: { readonly at: Range; readonly damaged: readonly Range[] }[]
  /** The last epoch whose leader may have lacked what was acknowledged, as the rules allow: nothing older is sure. */
  lossEpoch: number | undefined
}

interface Range {
  readonly from: number
  readonly to: number
}

/** The partitions as the metastore has them, told at once: what happens to them, and what may be lost by it. */
export class PartitionWatch {
  /** What must not be there. */
  readonly anomalies = new Anomalies()
  private readonly coverage: Coverage
  private readonly partitions = new Map<string, Watched>()
  private readonly topics = new Map<string, TopicValue>()
  /** The last life of each node. */
  private readonly lives = new Map<number, number>()
  /** Keys that are just being written for processes that are no more: no life begins with that. */
  private readonly late = new Set<string>()

  constructor(coverage: Coverage, metastore: Metastore) {
    this.coverage = coverage
    for (const prefix of ['topics/', 'nodes/', keys.partitions])
      metastore.watch(prefix, 1, { changed: batch => this.changed(batch), ended() {} })
  }

  isrOf(topicId: string, index: number): readonly number[] {
    return this.partitions.get(keys.partition(topicId, index))?.image?.isr ?? []
  }

  /** Who leads partitions in which anybody may be elected where nobody has everything. */
  mayElectAnyone(): number[] {
    return [...this.partitions].flatMap(([key, { image }]) => (image && this.isUnclean(key) ? [image.leader] : []))
  }

  /** Whether acknowledged means in the page cache; undefined for a topic that is not there. */
  isPageCached(topicId: string): boolean | undefined {
    const topic = this.topics.get(topicId)
    return topic && topic.configs['flush.messages'] !== undefined
  }

  /** A machine has lost its power: of what was not synced there may be nothing left. */
  powerLost(nodeId: number): void {
    const life = this.lives.get(nodeId) ?? -1
    for (const [key, { image, lacking }] of this.partitions)
      if (image?.replicas.includes(nodeId) && this.isPageCached(partitionOf(key).topicId)) lacking.set(nodeId, life)
  }

  /** Something of a replica rotted while its process is not there. It may be all that is in sync when it is back. */
  rotted(topicId: string, index: number, nodeId: number): void {
    this.watched(keys.partition(topicId, index)).rotten.set(nodeId, this.lives.get(nodeId) ?? -1)
  }

  /** Records go into a leader's log. */
  appended(topicId: string, index: number, epoch: number, { from, to }: Range): void {
    const { appended } = this.watched(keys.partition(topicId, index))
    appended.set(epoch, { from: appended.get(epoch)?.from ?? from, to })
  }

  /** Records go into a leader's log by a producer of which it has nothing but, perhaps, what is `damaged` there: below `to` each. */
  appendedAnew(topicId: string, index: number, at: Range, damaged: readonly Range[]): void {
    this.coverage.count('producer known by damaged batches only')
    this.watched(keys.partition(topicId, index)).perhapsTwice.push({ at, damaged })
  }

  /** Whether a record at `offset` may be what its leader could not read any more at `before`. */
  mayBeTwice(topic: string, index: number, offset: number, before: number): boolean {
    const { perhapsTwice = [] } = this.named(topic, index) ?? {}
    return perhapsTwice.some(
      ({ at, damaged }) =>
        at.from <= offset && offset <= at.to && damaged.some(({ from, to }) => from <= before && before < to)
    )
  }

  /** Whether something that was acknowledged may be gone. */
  mayLose(topic: string, index: number): boolean {
    return this.named(topic, index)?.lossEpoch !== undefined
  }

  /** Whether what was acknowledged at an offset may be gone: it can have been written before what was lost. */
  mayLoseAt(topic: string, index: number, offset: number): boolean {
    const { lossEpoch = -1, appended = new Map<number, Range>() } = this.named(topic, index) ?? {}
    return [...appended].some(([epoch, { from, to }]) => epoch < lossEpoch && from <= offset && offset <= to)
  }

  /** A change is asked for; gives what is to be called when it has been answered. */
  asked(key: string, value: string): () => void {
    const watched = this.watched(key)
    const wanted = parse<PartitionImage>(value)
    const { image } = watched
    if (image?.leaderEpoch !== wanted.leaderEpoch || image.isr.join() === wanted.isr.join()) return () => {}
    watched.isrChanges++
    return () => watched.isrChanges--
  }

  /** A change is made that a process had asked for which has ended since; gives what is to be called when it is made. */
  askedByTheDead({ success = [] }: Transaction): () => void {
    const written = success.flatMap(operation => (operation.type === 'put' ? [operation.key] : []))
    for (const key of written) this.late.add(key)
    return () => {
      for (const key of written) this.late.delete(key)
    }
  }

  private changed({ changes }: ChangeBatch): void {
    for (const change of changes) {
      const key = change.type === 'delete' ? change.key : change.item.key
      const value = change.type === 'delete' ? undefined : change.item.value
      const [kind, id] = key.split('/')
      if (kind === 'topics') {
        if (value === undefined) this.topics.delete(id)
        else this.topics.set(id, parse<TopicValue>(value))
      } else if (kind === 'nodes') {
        if (change.type !== 'delete' && !this.late.has(key)) this.begins(Number(id), change.item.modRevision)
      } else if (value === undefined) this.partitions.delete(key)
      else this.put(key, parse<PartitionImage>(value))
    }
  }

  private isUnclean(key: string): boolean {
    return this.topics.get(partitionOf(key).topicId)?.configs['unclean.leader.election.enable'] === 'true'
  }

  private named(topic: string, index: number): Watched | undefined {
    for (const [topicId, { name }] of this.topics)
      if (name === topic) return this.partitions.get(keys.partition(topicId, index))
    return undefined
  }

  private watched(key: string): Watched {
    let watched = this.partitions.get(key)
    if (!watched) {
      watched = {
        image: undefined,
        isrChanges: 0,
        lacking: new Map(),
        rotten: new Map(),
        appended: new Map(),
        perhapsTwice: [],
        lossEpoch: undefined
      }
      this.partitions.set(key, watched)
    }
    return watched
  }

  /** A node lives anew: what it may lack it must have said by now, but where its word is the last. */
  private begins(nodeId: number, life: number): void {
    this.lives.set(nodeId, life)
    for (const [key, { image, lacking }] of this.partitions) {
      if (!image || !lacking.has(nodeId)) continue
      const members = [...image.isr, ...(image.elr ?? [])]
      if (members.includes(nodeId) && members.length > 1)
        this.anomalies.add('policy', `${nodeId} lost its power, comes back, and counts in ${key}: ${describe(image)}`)
    }
  }

  private put(key: string, image: PartitionImage): void {
    const watched = this.watched(key)
    const { image: before, lacking, rotten, isrChanges } = watched
    watched.image = image
    if (image.isr.length === 0) this.anomalies.add('policy', `nobody is in sync in ${key}: ${describe(image)}`)
    if (!before) return
    const { coverage } = this
    // Who is taken in, in a life that began since, has all again.
    for (const nodeId of image.isr)
      for (const lost of [lacking, rotten]) {
        const lostIn = lost.get(nodeId)
        if (lostIn !== undefined && !before.isr.includes(nodeId) && (this.lives.get(nodeId) ?? -1) > lostIn)
          lost.delete(nodeId)
      }
    if (image.leaderEpoch !== before.leaderEpoch) {
      coverage.count('leader changed')
      if (isrChanges > 0) coverage.count('leader changed while an ISR change was in flight')
      this.elected(key, watched, before, image)
    } else if (image.isr.length < before.isr.length) coverage.count('ISR shrunk')
    else if (image.isr.length > before.isr.length) coverage.count('ISR grown')
    if (image.replicas.join() !== before.replicas.join()) coverage.count('replicas moved')
    if (image.isr.length === 1 && before.isr.length > 1) coverage.count('ISR of one')
  }

  /** Looks at a new leader: whether it has all that was acknowledged, and if not, whether it may lead. */
  private elected(key: string, watched: Watched, before: PartitionImage, image: PartitionImage): void {
    const { leader, leaderEpoch, leaderBrokerEpoch } = image
    const members = [...before.isr, ...(before.elr ?? [])]
    if (!members.includes(leader)) {
      this.coverage.count('unclean election')
      if (this.isUnclean(key)) watched.lossEpoch = leaderEpoch
      else this.anomalies.add('policy', `${leader} was elected in ${key} and may lack something: ${describe(before)}`)
      return
    }
    if (!before.isr.includes(leader)) this.coverage.count('ELR election')
    const rottedIn = watched.rotten.get(leader)
    if (rottedIn !== undefined && leaderBrokerEpoch > rottedIn && members.length === 1) {
      this.coverage.count('last in sync rotten')
      watched.lossEpoch = leaderEpoch
    }
    const lostIn = watched.lacking.get(leader)
    // The former life, until its lease ends, leads nothing any more.
    if (lostIn === undefined || leaderBrokerEpoch <= lostIn) return
    this.coverage.count('leader without its page cache')
    watched.lacking.delete(leader)
    if (members.length === 1) watched.lossEpoch = leaderEpoch
    else this.anomalies.add('policy', `${leader} lost its power and leads ${key} all the same: ${describe(before)}`)
  }
}

const describe = (image: PartitionImage): string => JSON.stringify(image)
