import type { Api, Versions } from '../schema/message.ts'

/**
 * The versions that this client speaks where they are fewer than the declared ones: up to the last that names topics by
 * name rather than by id, and that asks for one group rather than for many.
 */
const limits: Readonly<Record<string, Versions>> = {
  Produce: [3, 12],
  Fetch: [4, 12],
  Metadata: [4, 12],
  OffsetCommit: [2, 9],
  OffsetFetch: [2, 7],
  FindCoordinator: [0, 3],
  LeaveGroup: [3, 5],
  DeleteTopics: [1, 5],
  InitProducerId: [0, 5]
}

/** First and last version of `api` that this client speaks. */
export function spoken(api: Api): Versions {
  return limits[api.name] ?? api.versions
}
