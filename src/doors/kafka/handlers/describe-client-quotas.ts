import { checkQuotaFilter } from '../../../broker/unconfigured.ts'
import { errorNumber } from '../../../wire/kafka/errors.ts'
import { DescribeClientQuotas } from '../../../wire/kafka/messages/describe-client-quotas.ts'
import { handler } from '../handler.ts'

/** DescribeClientQuotas (KIP-546): nobody has a quota. */
export const describeClientQuotas = handler(
  DescribeClientQuotas,
  {
    versions: [0, 1],
    refuse: (_request, code, errorMessage) => ({ errorCode: errorNumber(code), errorMessage, entries: null })
  },
  ({ components }) => {
    checkQuotaFilter(components)
    return { errorCode: 0, errorMessage: '', entries: [] }
  }
)
