import { noAuthorizerToChange } from '../../../broker/unconfigured.ts'
import { errorNumber } from '../../../wire/kafka/errors.ts'
import { DeleteAcls } from '../../../wire/kafka/messages/delete-acls.ts'
import { handler } from '../handler.ts'

/** DeleteAcls: there is no authorizer, so there are no access rules. */
export const deleteAcls = handler(
  DeleteAcls,
  {
    versions: [1, 3],
    refuse: (request, code, errorMessage) => ({
      filterResults: request.filters.map(() => ({ errorCode: errorNumber(code), errorMessage, matchingAcls: [] }))
    })
  },
  ({ filters }) => {
    const { error, message } = noAuthorizerToChange
    return {
      filterResults: filters.map(() => ({ errorCode: errorNumber(error), errorMessage: message, matchingAcls: [] }))
    }
  }
)
