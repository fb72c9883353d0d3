/** Kafka moved the type of a coordinator's record from the key's version to an `apiKey`; here it is still the version. */
export const keyTypes: ReadonlySet<string> = new Set(['OffsetCommitKey', 'GroupMetadataKey'])
