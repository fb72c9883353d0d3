import { errorNumber } from '../../../wire/kafka/errors.ts'
import { ApiVersions } from '../../../wire/kafka/messages/api-versions.ts'
import { type Handler, handler } from '../handler.ts'

/** One line of ApiVersions' answer. */
export interface ServedApi {
  readonly apiKey: number
  readonly name: string
  readonly minVersion: number
  readonly maxVersion: number
}

export const apiVersionsRange = [0, 4] as const

/** What KIP-511 allows as name and version of a client's software. */
const softwareText = /^[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?$/

/**
 * ApiVersions: what this broker serves.
 * v3 (KIP-511): the client introduces itself; a name or version out of pattern is INVALID_REQUEST.
 * A version above the last is answered, not refused: see `unsupportedApiVersions`.
 */
export function apiVersions(served: () => ServedApi[]): Handler<typeof ApiVersions> {
  return handler(
    ApiVersions,
    {
      versions: apiVersionsRange,
      refuse: (_request, code) => ({ errorCode: errorNumber(code), apiKeys: [] })
    },
    (request, context) => {
      const { clientSoftwareName: name, clientSoftwareVersion: version } = request
      if (context.apiVersion >= 3) {
        if (!softwareText.test(name) || !softwareText.test(version))
          return { errorCode: errorNumber('INVALID_REQUEST'), apiKeys: [] }
        context.introduce(name, version)
      }
      return {
        errorCode: 0,
        apiKeys: served().map(({ apiKey, minVersion, maxVersion }) => ({ apiKey, minVersion, maxVersion }))
      }
    }
  )
}

/**
 * The body, of version 0, that tells a client which asked in a version from the future what to ask in instead. Kafka
 * names nothing but ApiVersions' own range in it.
 */
export const unsupportedApiVersions = {
  errorCode: errorNumber('UNSUPPORTED_VERSION'),
  apiKeys: [{ apiKey: ApiVersions.key, minVersion: apiVersionsRange[0], maxVersion: apiVersionsRange[1] }]
}
