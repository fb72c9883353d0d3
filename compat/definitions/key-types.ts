/** Kafka moved the type of a coordinator's record from the key's version to an `apiKey`; here it is still the version. */
export const keyTypes: ReadonlySet<string> = new Set([
  'OffsetCommitKey',
  'GroupMetadataKey',
  'ConsumerGroupMetadataKey',
  'ConsumerGroupPartitionMetadataKey',
  'ConsumerGroupMemberMetadataKey',
  'ConsumerGroupTargetAssignmentMetadataKey',
  'ConsumerGroupTargetAssignmentMemberKey',
  'ConsumerGroupCurrentMemberAssignmentKey',
  'ConsumerGroupRegularExpressionKey',
  'ShareGroupMemberMetadataKey',
  'ShareGroupMetadataKey',
  'ShareGroupTargetAssignmentMetadataKey',
  'ShareGroupTargetAssignmentMemberKey',
  'ShareGroupCurrentMemberAssignmentKey',
  'ShareGroupStatePartitionMetadataKey',
  'StreamsGroupMetadataKey',
  'StreamsGroupMemberMetadataKey',
  'StreamsGroupTargetAssignmentMetadataKey',
  'StreamsGroupTargetAssignmentMemberKey',
  'StreamsGroupCurrentMemberAssignmentKey',
  'StreamsGroupTopologyKey'
])
