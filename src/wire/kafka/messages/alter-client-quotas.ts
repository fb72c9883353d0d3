import { bool, float64, int16, int32, list, string } from '../../../schema/fields.ts'
import { api } from '../../../schema/message.ts'

/** KIP-546. */
export const AlterClientQuotas = api({
  key: 49,
  name: 'AlterClientQuotas',
  versions: [0, 1],
  flexible: 1,
  request: {
    entries: list({
      entity: list({
        entityType: string,
        entityName: string.nullable()
      }),
      ops: list({
        key: string,
        value: float64,
        remove: bool
      })
    }),
    validateOnly: bool
  },
  response: {
    throttleTimeMs: int32.or(0),
    entries: list({
      errorCode: int16,
      errorMessage: string.nullable(),
      entity: list({
        entityType: string,
        entityName: string.nullable()
      })
    })
  }
})
