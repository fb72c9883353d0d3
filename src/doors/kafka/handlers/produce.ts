import type { ProduceItem, ProduceOutcome } from '../../../broker/produce.ts'
import type { RequestOf, ResponseOf } from '../../../schema/message.ts'
import { errorNumber } from '../../../wire/kafka/errors.ts'
import { Produce } from '../../../wire/kafka/messages/produce.ts'
import { CurrentLeaders } from '../current-leaders.ts'
import { type Answer, handler, noResponse, type RequestContext } from '../handler.ts'

type Request = RequestOf<typeof Produce>
type Response = ResponseOf<typeof Produce>

/**
 * Produce. Versions below 3 carry old record formats and are refused, but advertised: without them older librdkafka
 * silently stops compressing (KAFKA-18659). Version 13 names topics by id (KIP-516).
 *
 * With acks=0 there is no answer; the client learns of an error by losing its connection.
 */
export const produce = handler(
  Produce,
  {
    versions: [3, 13],
    pipelined: true,
    advertisedMin: 0,
    refuse: (request, code, message) =>
      request.acks === 0 ? noResponse : respond(request, () => ({ ...nowhere, error: code, message }), undefined)
  },
  (request, context): Answer<Response> | Promise<Answer<Response>> => {
    const items: ProduceItem[] = []
    for (const topic of request.topicData)
      for (const partition of topic.partitionData)
        items.push({
          topic: topic.name,
          topicId: topic.topicId,
          index: partition.index,
          records: partition.records
        })
    const outcomes = context.broker.produce(request.acks, request.timeoutMs, items)
    if (outcomes instanceof Promise) return outcomes.then(settled => answer(request, settled, context))
    return answer(request, outcomes, context)
  }
)

const nowhere: ProduceOutcome = { baseOffset: -1, logAppendTimeMs: -1, logStartOffset: -1 }

function answer(request: Request, outcomes: ProduceOutcome[], context: RequestContext): Answer<Response> {
  if (request.acks === 0) {
    const failed = outcomes.find(outcome => outcome.error)
    if (failed) context.fail(`a produce request with acks=0 failed: ${failed.error}: ${failed.message}`)
    return noResponse
  }
  let next = 0
  const failed = outcomes.some(({ error }) => error)
  const leaders = failed ? new CurrentLeaders(context, 10, ['NOT_LEADER_OR_FOLLOWER']) : undefined
  return respond(request, () => outcomes[next++], leaders)
}

/** Lays outcomes out as the request lay: `outcome` is called once per partition, in order. */
function respond(request: Request, outcome: () => ProduceOutcome, leaders: CurrentLeaders | undefined): Response {
  return {
    responses: request.topicData.map(topic => ({
      name: topic.name,
      topicId: topic.topicId,
      partitionResponses: topic.partitionData.map(({ index }) => {
        const { error, message, recordErrors, baseOffset, logAppendTimeMs, logStartOffset } = outcome()
        return {
          index,
          errorCode: errorNumber(error),
          baseOffset,
          logAppendTimeMs,
          logStartOffset,
          recordErrors: recordErrors?.map(at => ({ batchIndex: at.index, batchIndexErrorMessage: at.message })),
          errorMessage: message ?? null,
          currentLeader: leaders?.of(error, { topic: topic.name, topicId: topic.topicId, index })
        }
      })
    })),
    // After the partitions, of which it is told what it has to name.
    nodeEndpoints: leaders?.endpoints()
  }
}
