import { bool, int16, int32, int64, list, string } from '../../../schema/fields.ts'
import { api } from '../../../schema/message.ts'

/**
 * 3: the client introduces itself, and the header of the response stays that of version 0 (KIP-511); 3: features
 * (KIP-584).
 */
export const ApiVersions = api({
  key: 18,
  name: 'ApiVersions',
  versions: [0, 4],
  flexible: 3,
  request: {
    clientSoftwareName: string.since(3).lossy(),
    clientSoftwareVersion: string.since(3).lossy()
  },
  response: {
    errorCode: int16,
    apiKeys: list({
      apiKey: int16,
      minVersion: int16,
      maxVersion: int16
    }),
    throttleTimeMs: int32.since(1).or(0).lossy(),
    supportedFeatures: list({
      name: string,
      minVersion: int16,
      maxVersion: int16
    })
      .since(3)
      .lossy()
      .tag(0),
    finalizedFeaturesEpoch: int64.since(3).or(-1).lossy().tag(1),
    finalizedFeatures: list({
      name: string,
      maxVersionLevel: int16,
      minVersionLevel: int16
    })
      .since(3)
      .lossy()
      .tag(2),
    zkMigrationReady: bool.since(3).or(false).lossy().tag(3)
  }
})
