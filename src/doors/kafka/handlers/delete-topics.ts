import type { DeletedTopic, DoomedTopic } from '../../../broker/topics.ts'
import type { RequestOf, ResponseOf } from '../../../schema/message.ts'
import { zeroUuid } from '../../../schema/reader.ts'
import { errorNumber } from '../../../wire/kafka/errors.ts'
import { DeleteTopics } from '../../../wire/kafka/messages/delete-topics.ts'
import { handler } from '../handler.ts'

/**
 * DeleteTopics. By id since version 6 (KIP-516). That deletion is disabled has a code of its own since version 3; why
 * something was refused comes with it since 5 (KIP-599).
 */
export const deleteTopics = handler(
  DeleteTopics,
  {
    versions: [1, 6],
    alone: true,
    timeoutMs: ({ timeoutMs }) => timeoutMs,
    refuse: (request, code, message, version) => {
      const known = code === 'TOPIC_DELETION_DISABLED' && version < 3 ? 'INVALID_REQUEST' : code
      return { responses: doomed(request).map(topic => lay({ ...topic, error: known, message })) }
    }
  },
  async (request, { broker }) => ({ responses: (await broker.topics.delete(doomed(request))).map(lay) })
)

function doomed({ topics, topicNames }: RequestOf<typeof DeleteTopics>): DoomedTopic[] {
  return [
    ...topicNames.map(name => ({ name, topicId: undefined })),
    ...topics.map(({ name, topicId }) => ({ name, topicId: topicId === zeroUuid ? undefined : topicId }))
  ]
}

function lay({ name, topicId, error, message }: DeletedTopic): ResponseOf<typeof DeleteTopics>['responses'][number] {
  return {
    name,
    topicId: topicId ?? zeroUuid,
    errorCode: errorNumber(error),
    errorMessage: message ?? null
  }
}
