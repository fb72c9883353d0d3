import type { Broker } from '../../../broker/broker.ts'
import { checkTopicName } from '../../../broker/topic-names.ts'
import type { ResponseOf } from '../../../schema/message.ts'
import { codeOf, type ErrorCode, messageOf, NaruError } from '../../../std/errors.ts'
import { errorNumber } from '../../../wire/kafka/errors.ts'
import { DescribeProducers } from '../../../wire/kafka/messages/describe-producers.ts'
import { handler } from '../handler.ts'

type Described = ResponseOf<typeof DescribeProducers>['topics'][number]['partitions'][number]

/** DescribeProducers (KIP-664): the idempotent producers that a replica remembers, whether it leads or not. */
export const describeProducers = handler(
  DescribeProducers,
  {
    versions: [0, 0],
    refuse: (request, code, message) => ({
      topics: request.topics.map(({ name, partitionIndexes }) => ({
        name,
        partitions: partitionIndexes.map(index => refused(index, code, message))
      }))
    })
  },
  (request, { broker }) => ({
    topics: request.topics.map(({ name, partitionIndexes }) => ({
      name,
      partitions: partitionIndexes.map(index => describe(broker, name, index))
    }))
  })
)

function describe({ control, partitions }: Broker, topic: string, index: number): Described {
  try {
    checkTopicName(topic)
    if (!control.image.topic(topic))
      throw new NaruError('UNKNOWN_TOPIC_OR_PARTITION', 'This server does not host this topic-partition.')
  } catch (error) {
    return refused(index, codeOf(error), messageOf(error))
  }
  const partition = partitions.lookUpHosted({ topic, index })
  const error = typeof partition === 'string' ? partition : partition.failure?.code
  if (typeof partition === 'string' || error) return refused(index, error, null)
  return {
    partitionIndex: index,
    errorCode: 0,
    errorMessage: null,
    activeProducers: Array.from(partition.producers.active(), producer => ({
      producerId: producer.producerId,
      producerEpoch: producer.producerEpoch,
      lastSequence: producer.lastSequence,
      lastTimestamp: producer.lastAppendMs,
      coordinatorEpoch: -1,
      currentTxnStartOffset: -1
    }))
  }
}

function refused(partitionIndex: number, error: ErrorCode | undefined, errorMessage: string | null): Described {
  return { partitionIndex, errorCode: errorNumber(error), errorMessage, activeProducers: [] }
}
