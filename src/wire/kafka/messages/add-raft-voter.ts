import { bool, int16, int32, list, string, uint16, uuid } from '../../../schema/fields.ts'
import { api } from '../../../schema/message.ts'

/** KIP-853. */
export const AddRaftVoter = api({
  key: 80,
  name: 'AddRaftVoter',
  versions: [0, 1],
  flexible: 0,
  request: {
    clusterId: string.nullable(),
    timeoutMs: int32,
    voterId: int32,
    voterDirectoryId: uuid,
    listeners: list({
      name: string,
      host: string,
      port: uint16
    }),
    ackWhenCommitted: bool.since(1).or(true)
  },
  response: {
    throttleTimeMs: int32.or(0),
    errorCode: int16,
    errorMessage: string.nullable()
  }
})
