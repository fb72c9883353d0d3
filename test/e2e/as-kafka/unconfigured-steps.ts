import { CreateAcls } from '../../../src/wire/kafka/messages/create-acls.ts'
import { CreateDelegationToken } from '../../../src/wire/kafka/messages/create-delegation-token.ts'
import { DeleteAcls } from '../../../src/wire/kafka/messages/delete-acls.ts'
import { DescribeAcls } from '../../../src/wire/kafka/messages/describe-acls.ts'
import { DescribeClientQuotas } from '../../../src/wire/kafka/messages/describe-client-quotas.ts'
import { DescribeDelegationToken } from '../../../src/wire/kafka/messages/describe-delegation-token.ts'
import { DescribeQuorum } from '../../../src/wire/kafka/messages/describe-quorum.ts'
import { DescribeUserScramCredentials } from '../../../src/wire/kafka/messages/describe-user-scram-credentials.ts'
import { ExpireDelegationToken } from '../../../src/wire/kafka/messages/expire-delegation-token.ts'
import { RenewDelegationToken } from '../../../src/wire/kafka/messages/renew-delegation-token.ts'
import { SaslAuthenticate } from '../../../src/wire/kafka/messages/sasl-authenticate.ts'
import { SaslHandshake } from '../../../src/wire/kafka/messages/sasl-handshake.ts'
import { UnregisterBroker } from '../../../src/wire/kafka/messages/unregister-broker.ts'
import { UpdateFeatures } from '../../../src/wire/kafka/messages/update-features.ts'
import { type Step, step } from './step.ts'

const anyAcl = {
  resourceTypeFilter: 1,
  resourceNameFilter: null,
  patternTypeFilter: 1,
  principalFilter: null,
  hostFilter: null,
  operation: 1,
  permissionType: 1
}
const acl = {
  resourceType: 2,
  resourceName: 'one',
  resourcePatternType: 3,
  principal: 'User:someone',
  host: '*',
  operation: 3,
  permissionType: 3
}
const update = (name: string, featureUpdates: object[], validateOnly = true, version = 2) =>
  step(name, UpdateFeatures, version, { featureUpdates, ...(version > 0 ? { validateOnly } : {}) })

/** What tools ask that a broker without security, quotas and features has a plain answer to. */
export const unconfiguredSteps: readonly Step[] = [
  step('the end of a broker that there is not', UnregisterBroker, 0, { brokerId: 77 }),
  step('access rules', DescribeAcls, 3, anyAcl),
  step('an access rule', CreateAcls, 3, { creations: [acl, acl] }),
  step('no access rule', CreateAcls, 3, { creations: [] }),
  step('access rules', DeleteAcls, 3, { filters: [anyAcl] }),
  step('all quotas', DescribeClientQuotas, 1, { components: [], strict: false }),
  step('quotas of users', DescribeClientQuotas, 1, {
    components: [{ entityType: 'user', matchType: 2, match: null }],
    strict: true
  }),
  step('quotas of a client', DescribeClientQuotas, 0, {
    components: [{ entityType: 'client-id', matchType: 0, match: 'one' }],
    strict: false
  }),
  step('quotas of what there is not', DescribeClientQuotas, 1, {
    components: [{ entityType: 'animal', matchType: 2, match: null }],
    strict: false
  }),
  step('quotas of users twice', DescribeClientQuotas, 1, {
    components: [
      { entityType: 'user', matchType: 2, match: null },
      { entityType: 'user', matchType: 2, match: null }
    ],
    strict: false
  }),
  step('quotas in a way that there is not', DescribeClientQuotas, 1, {
    components: [{ entityType: 'user', matchType: 9, match: null }],
    strict: false
  }),
  step('quotas of nobody by name', DescribeClientQuotas, 1, {
    components: [{ entityType: 'user', matchType: 0, match: null }],
    strict: false
  }),
  step('quotas of an empty name', DescribeClientQuotas, 1, {
    components: [{ entityType: '', matchType: 2, match: null }],
    strict: false
  }),
  step('a client that would say who it is', SaslHandshake, 1, { mechanism: 'PLAIN' }),
  step('and that does', SaslAuthenticate, 2, { authBytes: Buffer.from('somebody') }),
  step('tokens', DescribeDelegationToken, 3, { owners: null }),
  step('a token', CreateDelegationToken, 3, { renewers: [], maxLifetimeMs: -1 }),
  step('a token', RenewDelegationToken, 2, { hmac: Buffer.from('token'), renewPeriodMs: -1 }),
  step('a token', ExpireDelegationToken, 2, { hmac: Buffer.from('token'), expiryTimePeriodMs: -1 }),
  step('all users', DescribeUserScramCredentials, 0, { users: null }),
  step('no users', DescribeUserScramCredentials, 0, { users: [] }),
  step('a user', DescribeUserScramCredentials, 0, { users: [{ name: 'someone' }, { name: '' }] }),
  step('a user twice', DescribeUserScramCredentials, 0, { users: [{ name: 'someone' }, { name: 'someone' }] }),
  step('the quorum', DescribeQuorum, 2, {
    topics: [{ topicName: '__cluster_metadata', partitions: [{ partitionIndex: 0 }] }]
  }),
  step('the quorum of another topic', DescribeQuorum, 2, {
    topics: [{ topicName: 'one', partitions: [{ partitionIndex: 0 }] }]
  }),
  step('the quorum of another partition', DescribeQuorum, 1, {
    topics: [{ topicName: '__cluster_metadata', partitions: [{ partitionIndex: 1 }] }]
  }),
  step('no quorum', DescribeQuorum, 0, { topics: [] }),
  update('an unknown feature', [{ feature: 'no.such.feature', maxVersionLevel: 1, upgradeType: 1 }]),
  update(
    'an unknown feature, in version 1',
    [{ feature: 'no.such.feature', maxVersionLevel: 1, upgradeType: 1 }],
    true,
    1
  ),
  update('two unknown features', [
    { feature: 'no.such.feature', maxVersionLevel: 1, upgradeType: 1 },
    { feature: 'nor.this', maxVersionLevel: 0, upgradeType: 3 }
  ]),
  update('a feature twice', [
    { feature: 'no.such.feature', maxVersionLevel: 1, upgradeType: 1 },
    { feature: 'no.such.feature', maxVersionLevel: 2, upgradeType: 1 }
  ]),
  update('a feature without a name', [{ feature: '', maxVersionLevel: 1, upgradeType: 1 }]),
  update('an upgrade that there is not', [{ feature: 'no.such.feature', maxVersionLevel: 1, upgradeType: 9 }]),
  update('a version below 0', [{ feature: 'no.such.feature', maxVersionLevel: -1, upgradeType: 1 }]),
  update('an upgrade to none', [{ feature: 'no.such.feature', maxVersionLevel: 0, upgradeType: 1 }]),
  update('nothing', [])
]
