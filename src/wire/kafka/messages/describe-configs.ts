import { bool, int8, int16, int32, list, string } from '../../../schema/fields.ts'
import { api } from '../../../schema/message.ts'

/** 1: synonyms and sources (KIP-226); 3: types and docs (KIP-569). */
export const DescribeConfigs = api({
  key: 32,
  name: 'DescribeConfigs',
  versions: [1, 4],
  flexible: 4,
  request: {
    resources: list({
      resourceType: int8,
      resourceName: string,
      configurationKeys: list(string).nullable()
    }),
    includeSynonyms: bool.or(false),
    includeDocumentation: bool.since(3).or(false)
  },
  response: {
    throttleTimeMs: int32.or(0),
    results: list({
      errorCode: int16,
      errorMessage: string.nullable(),
      resourceType: int8,
      resourceName: string,
      configs: list({
        name: string,
        value: string.nullable(),
        readOnly: bool,
        configSource: int8.or(-1),
        isSensitive: bool,
        synonyms: list({
          name: string,
          value: string.nullable(),
          source: int8
        }),
        configType: int8.since(3).or(0).lossy(),
        documentation: string.since(3).nullable().or('').lossy()
      })
    })
  }
})
