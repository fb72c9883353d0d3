import type { Control } from '../control/types.ts'
import { NaruError } from '../std/errors.ts'

/** Who a producer says it was; -1 for what it doesn't know. */
export interface ProducerIdentity {
  readonly producerId: number
  readonly producerEpoch: number
}

/** With fewer ids than this in store another block is fetched. */
const storedMin = 500

/** Gives idempotent producers ids that nobody had before, out of blocks that the cluster hands out. */
export class ProducerIds {
  private readonly control: Control
  /** What is left of the blocks that this broker has. */
  private readonly blocks: { next: number; left: number }[] = []
  /** The block that is being fetched; who comes meanwhile waits for it too. */
  private fetching: Promise<void> | undefined

  constructor(control: Control) {
    this.control = control
  }

  /**
   * An identity for a producer, as InitProducerId of Kafka's brokers: without a transactional id always a new one,
   * also for a producer that had one before (KIP-360: idempotent producers raise their epochs themselves).
   *
   * Throws INVALID_REQUEST for an empty transactional id or half an identity, and refuses any transactional id as
   * TRANSACTIONAL_ID_AUTHORIZATION_FAILED: there are no transactions yet, and this is the code on which the Java
   * client, librdkafka and kafkajs all give up at once; they retry others, librdkafka for ever.
   */
  async init(transactionalId: string | null, before: ProducerIdentity): Promise<ProducerIdentity> {
    if (transactionalId === '') throw new NaruError('INVALID_REQUEST', 'The transactional id is empty.')
    if ((before.producerId === -1) !== (before.producerEpoch === -1))
      throw new NaruError('INVALID_REQUEST', 'A producer id and its epoch must come together.')
    if (transactionalId !== null)
      throw new NaruError(
        'TRANSACTIONAL_ID_AUTHORIZATION_FAILED',
        'This broker has no transactions, so no transactional id may be used.'
      )
    while (this.blocks.length === 0) await this.another()
    const [block] = this.blocks
    const producerId = block.next++
    if (--block.left === 0) this.blocks.shift()
    void this.prepare()
    return { producerId, producerEpoch: 0 }
  }

  /** Sees to it that there are ids in store: producers can begin while the cluster's metadata can't be reached. Never rejects. */
  async prepare(): Promise<void> {
    const stored = this.blocks.reduce((sum, { left }) => sum + left, 0)
    // What fails is tried again with the next producer, who waits for it only when there is nothing left.
    if (stored < storedMin) await this.another().catch(() => {})
  }

  private another(): Promise<void> {
    this.fetching ??= this.fetch().finally(() => {
      this.fetching = undefined
    })
    return this.fetching
  }

  private async fetch(): Promise<void> {
    const { first, count } = await this.control.allocateProducerIds()
    this.blocks.push({ next: first, left: count })
  }
}
