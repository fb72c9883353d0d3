import { electionKey } from '../metastore/election.ts'
import type { Operation } from '../metastore/metastore.ts'
import type { Logger } from '../std/log.ts'
import type { TopicId } from '../storage/types.ts'
import { controllerElection, keys } from './keys.ts'
import { type Metadata, madeBy, registeredAs } from './metadata.ts'
import type { RoleChanges } from './role-changes.ts'
import type { MetadataImage, PartitionImage, TopicImage } from './types.ts'

/** How many partitions are written at a time where each is a transaction. */
const writtenTogether = 32

/** The ends of brokers that did not sign off themselves, and what becomes of their replicas. */
export class Departures {
  private readonly metadata: Metadata
  private readonly roles: RoleChanges
  private readonly logger: Logger

  constructor(metadata: Metadata, roles: RoleChanges, logger: Logger) {
    this.metadata = metadata
    this.roles = roles
    this.logger = logger
  }

  /** See `Control.reportGone`. */
  async reportGone(nodeId: number, epoch: number): Promise<void> {
    if (this.metadata.image.registrationOf(nodeId) !== epoch) return
    if (await this.end(nodeId, epoch)) this.logger.warn({ nodeId }, 'a broker is gone: its port is closed')
  }

  /** See `Control.unregister`. */
  async unregister(nodeId: number): Promise<boolean> {
    const { image } = this.metadata
    const replicas = this.replicasOf(nodeId)
    const wasKnown = image.lifeOf(nodeId) !== undefined
    if (!wasKnown && replicas.length === 0) return false
    // First: without its life a process that still runs leads nothing, and does not register again.
    if (wasKnown) await this.metadata.txn([], [{ type: 'delete', key: keys.node(nodeId) }])
    await this.endAny(nodeId)
    await this.forsake(nodeId, replicas)
    this.logger.warn({ nodeId, replicas: replicas.length }, 'a broker was unregistered')
    return true
  }

  /**
   * Before a broker counts as there: its replicas of topics that it doesn't vouch for don't count as in sync or eligible. A
   * former life's registration goes first: with it, leaders would take them in again for what that life had.
   */
  async standBack(nodeId: number, vouches: (topic: TopicImage, image: MetadataImage) => boolean): Promise<void> {
    const doubtful = this.replicasOf(nodeId, topic => !vouches(topic, this.metadata.image))
    if (doubtful.length === 0) return
    this.logger.warn(
      { partitions: doubtful.length },
      'replicas here may lack what they have acknowledged: they catch up'
    )
    await this.endAny(nodeId)
    await this.forsake(nodeId, doubtful)
  }

  /** The replicas of a node that there are others of. */
  private replicasOf(
    nodeId: number,
    wanted: (topic: TopicImage) => boolean = () => true
  ): { topicId: TopicId; index: number }[] {
    const has = ({ replicas }: PartitionImage) => replicas.length > 1 && replicas.includes(nodeId)
    const found: { topicId: TopicId; index: number }[] = []
    for (const topic of this.metadata.image.topics()) {
      if (!topic.partitions.some(has) || !wanted(topic)) continue
      for (const [index, partition] of topic.partitions.entries())
        if (has(partition)) found.push({ topicId: topic.topicId, index })
    }
    return found
  }

  private async forsake(nodeId: number, replicas: readonly { topicId: TopicId; index: number }[]): Promise<void> {
    const line = replicas.values()
    const inTurn = async () => {
      for (const { topicId, index } of line) await this.roles.giveAway(topicId, index, nodeId)
    }
    await Promise.all(Array.from({ length: writtenTogether }, inTurn))
  }

  /** Ends whatever registration a node has. */
  private async endAny(nodeId: number): Promise<void> {
    for (;;) {
      const epoch = this.metadata.image.registrationOf(nodeId)
      if (epoch === undefined || (await this.end(nodeId, epoch))) return
    }
  }

  /** Ends a registration, and the time as controller that goes with it. False when it was another one. */
  private end(nodeId: number, epoch: number): Promise<boolean> {
    const { image } = this.metadata
    const compares = [registeredAs(nodeId, epoch)]
    const gone: Operation[] = [
      { type: 'delete', key: keys.registration(nodeId) },
      { type: 'delete', key: keys.broker(nodeId) }
    ]
    const controller = electionKey(controllerElection)
    if (image.controllerId === nodeId) {
      compares.push(madeBy(controller, image.modRevision(controller)))
      gone.push({ type: 'delete', key: controller })
    }
    return this.metadata.txn(compares, gone)
  }
}
