import type { ErrorCode } from '../std/errors.ts'
import { NaruError } from '../std/errors.ts'
import type { Refusal } from './refusal.ts'

/** What tools ask about security, quotas and features: there is nothing of it, and that has answers, in Kafka's words. */

/** Access rules can't be listed without an authorizer. */
export const noAuthorizer: Refusal = {
  error: 'SECURITY_DISABLED',
  message: 'No Authorizer is configured on the broker'
}

/** Nor can they be changed. */
export const noAuthorizerToChange: Refusal = { error: 'SECURITY_DISABLED', message: 'No Authorizer is configured.' }

/** Part of a filter of quotas: which entities of a type. */
export interface QuotaComponent {
  readonly entityType: string
  /** 0: the one named; 1: the default; 2: any. */
  readonly matchType: number
  readonly match: string | null
}

const quotaEntities = new Set(['user', 'client-id', 'ip'])

/** Checks a filter of quotas; none are ever found. Throws INVALID_REQUEST, and UNSUPPORTED_VERSION for an unknown type. */
export function checkQuotaFilter(components: readonly QuotaComponent[]): void {
  const seen = new Set<string>()
  const refuse = (message: string, code: ErrorCode = 'INVALID_REQUEST'): never => {
    throw new NaruError(code, message)
  }
  for (const { entityType, matchType, match } of components) {
    if (entityType === '') refuse('Invalid empty entity type.')
    if (seen.has(entityType)) refuse(`Entity type ${entityType} cannot appear more than once in the filter.`)
    if (matchType < 0 || matchType > 2) refuse(`Unknown match type ${matchType}`)
    if (matchType === 0 && match === null) refuse('Request specified MATCH_TYPE_EXACT, but set match string to null.')
    if (matchType !== 0 && match !== null)
      refuse(
        `Request specified ${matchType === 1 ? 'MATCH_TYPE_DEFAULT' : 'MATCH_TYPE_SPECIFIED'}, but also specified a match string.`
      )
    if (!quotaEntities.has(entityType)) refuse(`Unsupported entity type ${entityType}`, 'UNSUPPORTED_VERSION')
    seen.add(entityType)
  }
}

/** Why the SCRAM credentials of these users can't be described, by user; nobody has any. */
export function whyNoCredentials(users: readonly string[]): Map<string, Refusal> {
  const answers = new Map<string, Refusal>()
  for (const user of users)
    answers.set(
      user,
      answers.has(user)
        ? {
            error: 'DUPLICATE_RESOURCE',
            message: `Cannot describe SCRAM credentials for the same user twice in a single request: ${user}`
          }
        : {
            error: 'RESOURCE_NOT_FOUND',
            message: `Attempt to describe a user credential that does not exist: ${user}`
          }
    )
  return answers
}

/** A feature level that a client wants: `upgradeType` 1 upgrades, 2 and 3 downgrade, safely or not (KIP-778). */
export interface FeatureUpdate {
  readonly feature: string
  readonly maxVersionLevel: number
  readonly upgradeType: number
}

/**
 * Refuses every update with INVALID_UPDATE_VERSION: this broker has no features that can be switched, least of all
 * Kafka's. Nothing to update is fine.
 */
export function checkFeatureUpdates(updates: readonly FeatureUpdate[], nodeId: number): void {
  // Kafka keeps the last one of a name, in the place of the first.
  const [first] = new Map(updates.map(update => [update.feature, update])).values()
  if (!first) return
  const { feature, maxVersionLevel, upgradeType } = first
  const why =
    upgradeType < 1 || upgradeType > 3
      ? 'The controller does not support the given upgrade type.'
      : maxVersionLevel < 0
        ? 'A feature version cannot be less than 0.'
        : maxVersionLevel === 0
          ? `Feature ${feature} not found.`
          : `Local controller ${nodeId} does not support this feature.`
  throw new NaruError(
    'INVALID_UPDATE_VERSION',
    `The update failed for all features since the following feature had an error: Invalid update version ${maxVersionLevel} for feature ${feature}. ${why}`
  )
}
