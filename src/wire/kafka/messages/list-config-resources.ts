import { int8, int16, int32, list, string } from '../../../schema/fields.ts'
import { api } from '../../../schema/message.ts'

/** KIP-1142; version 0 lists client metrics only (KIP-714). */
export const ListConfigResources = api({
  key: 74,
  name: 'ListConfigResources',
  versions: [0, 1],
  flexible: 0,
  request: {
    resourceTypes: list(int8).since(1)
  },
  response: {
    throttleTimeMs: int32.or(0),
    errorCode: int16,
    configResources: list({
      resourceName: string,
      resourceType: int8.since(1).or(16).lossy()
    })
  }
})
