import type { MadeTopic } from '../../../broker/topics.ts'
import type { ResponseOf } from '../../../schema/message.ts'
import { zeroUuid } from '../../../schema/reader.ts'
import type { ErrorCode } from '../../../std/errors.ts'
import { errorNumber } from '../../../wire/kafka/errors.ts'
import { CreateTopics } from '../../../wire/kafka/messages/create-topics.ts'
import { configSourceNumbers } from '../config-words.ts'
import { handler, type RequestContext } from '../handler.ts'

type Result = ResponseOf<typeof CreateTopics>['topics'][number]

/**
 * CreateTopics. Defaults by -1 since version 4 (KIP-464), what was made with its configs since 5 (KIP-525), its id since
 * 7 (KIP-516).
 */
export const createTopics = handler(
  CreateTopics,
  {
    versions: [2, 7],
    alone: true,
    timeoutMs: ({ timeoutMs }) => timeoutMs,
    refuse: (request, code, message) => ({ topics: request.topics.map(({ name }) => refused(name, code, message)) })
  },
  async ({ topics, validateOnly }, context) => {
    const outcomes = await context.broker.topics.create(topics, validateOnly)
    return {
      topics: outcomes.map(outcome =>
        outcome.error ? refused(outcome.name, outcome.error, outcome.message) : made(outcome, context)
      )
    }
  }
)

function made(
  { name, topicId, numPartitions, replicationFactor, configs }: MadeTopic,
  context: RequestContext
): Result {
  return {
    name,
    topicId: topicId ?? zeroUuid,
    errorCode: 0,
    errorMessage: null,
    numPartitions,
    replicationFactor,
    configs: context.broker.configs.describeTopic(configs).map(entry => ({
      name: entry.name,
      value: entry.value,
      readOnly: entry.readOnly,
      configSource: configSourceNumbers[entry.source],
      isSensitive: entry.option.sensitive ?? false
    }))
  }
}

function refused(name: string, code: ErrorCode, errorMessage: string): Result {
  return { name, errorCode: errorNumber(code), errorMessage }
}
