import { noAuthorizerToChange } from '../../../broker/unconfigured.ts'
import { errorNumber } from '../../../wire/kafka/errors.ts'
import { CreateAcls } from '../../../wire/kafka/messages/create-acls.ts'
import { handler } from '../handler.ts'

/** CreateAcls: there is no authorizer that access rules could be given to. */
export const createAcls = handler(
  CreateAcls,
  {
    versions: [1, 3],
    refuse: (request, code, errorMessage) => ({
      results: request.creations.map(() => ({ errorCode: errorNumber(code), errorMessage }))
    })
  },
  ({ creations }) => {
    const { error, message } = noAuthorizerToChange
    return { results: creations.map(() => ({ errorCode: errorNumber(error), errorMessage: message })) }
  }
)
