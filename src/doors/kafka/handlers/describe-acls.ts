import { noAuthorizer } from '../../../broker/unconfigured.ts'
import { errorNumber } from '../../../wire/kafka/errors.ts'
import { DescribeAcls } from '../../../wire/kafka/messages/describe-acls.ts'
import { handler } from '../handler.ts'

/** DescribeAcls: there is no authorizer, so there are no access rules. */
export const describeAcls = handler(
  DescribeAcls,
  {
    versions: [1, 3],
    refuse: (_request, code, errorMessage) => ({ errorCode: errorNumber(code), errorMessage, resources: [] })
  },
  () => ({ errorCode: errorNumber(noAuthorizer.error), errorMessage: noAuthorizer.message, resources: [] })
)
