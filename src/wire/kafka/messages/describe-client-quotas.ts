import { bool, float64, int8, int16, int32, list, string } from '../../../schema/fields.ts'
import { api } from '../../../schema/message.ts'

/** KIP-546. */
export const DescribeClientQuotas = api({
  key: 48,
  name: 'DescribeClientQuotas',
  versions: [0, 1],
  flexible: 1,
  request: {
    components: list({
      entityType: string,
      matchType: int8,
      match: string.nullable()
    }),
    strict: bool
  },
  response: {
    throttleTimeMs: int32.or(0),
    errorCode: int16,
    errorMessage: string.nullable(),
    entries: list({
      entity: list({
        entityType: string,
        entityName: string.nullable()
      }),
      values: list({
        key: string,
        value: float64
      })
    }).nullable()
  }
})
