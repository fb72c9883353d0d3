import type { Control } from '../control/types.ts'
import { NaruError } from '../std/errors.ts'

/** Who a producer says it was; -1 for what it doesn't know. */
export interface ProducerIdentity {
  readonly producerId: number
  readonly producerEpoch: number
}

/** Gives idempotent producers ids that nobody had before, out of blocks that the cluster hands out. */
export class ProducerIds {
  private readonly control: Control
  private next = 0
  private left = 0
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
    while (this.left === 0) {
      this.fetching ??= this.fetch().finally(() => {
        this.fetching = undefined
      })
      await this.fetching
    }
    this.left--
    return { producerId: this.next++, producerEpoch: 0 }
  }

  private async fetch(): Promise<void> {
    const { first, count } = await this.control.allocateProducerIds()
    this.next = first
    this.left = count
  }
}
