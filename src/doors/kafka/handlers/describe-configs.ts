import type { ConfigEntry } from '../../../broker/config-entries.ts'
import type { RequestOf, ResponseOf } from '../../../schema/message.ts'
import { codeOf, type ErrorCode, messageOf } from '../../../std/errors.ts'
import { errorNumber } from '../../../wire/kafka/errors.ts'
import { DescribeConfigs } from '../../../wire/kafka/messages/describe-configs.ts'
import { configResource, configSourceNumbers, configTypeNumbers } from '../config-words.ts'
import { handler, type RequestContext } from '../handler.ts'

type Request = RequestOf<typeof DescribeConfigs>
type Resource = Request['resources'][number]
type Result = ResponseOf<typeof DescribeConfigs>['results'][number]

/** Loggers say nothing of the type of their levels. */
const unknownType = 0

/** DescribeConfigs. Types and documentation since version 3 (KIP-569). */
export const describeConfigs = handler(
  DescribeConfigs,
  {
    versions: [1, 4],
    refuse: (request, code, message) => ({
      results: request.resources.map(resource => refused(resource, code, message))
    })
  },
  (request, context) => ({ results: request.resources.map(resource => describe(resource, request, context)) })
)

function describe(resource: Resource, request: Request, { broker }: RequestContext): Result {
  const { resourceType, resourceName, configurationKeys } = resource
  let entries: ConfigEntry[]
  try {
    entries = broker.configs.describe(configResource(resourceType, resourceName))
  } catch (error) {
    return refused(resource, codeOf(error), messageOf(error))
  }
  const wanted =
    configurationKeys && configurationKeys.length > 0
      ? entries.filter(({ name }) => configurationKeys.includes(name))
      : entries
  return {
    errorCode: 0,
    errorMessage: '',
    resourceType,
    resourceName,
    configs: wanted.map(({ option, name, value, source, readOnly, synonyms }) => ({
      name,
      value,
      readOnly,
      configSource: configSourceNumbers[source],
      isSensitive: option.sensitive ?? false,
      synonyms: request.includeSynonyms
        ? synonyms.map(synonym => ({ ...synonym, source: configSourceNumbers[synonym.source] }))
        : [],
      configType: source === 'logger' ? unknownType : configTypeNumbers[option.type],
      documentation: request.includeDocumentation ? option.doc : null
    }))
  }
}

function refused({ resourceType, resourceName }: Resource, code: ErrorCode, errorMessage: string): Result {
  return { errorCode: errorNumber(code), errorMessage, resourceType, resourceName, configs: [] }
}
