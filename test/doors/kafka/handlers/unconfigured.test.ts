import assert from 'node:assert/strict'
import { describe } from 'node:test'
import { createDelegationToken } from '../../../../src/doors/kafka/handlers/create-delegation-token.ts'
import { deleteAcls } from '../../../../src/doors/kafka/handlers/delete-acls.ts'
import { describeAcls } from '../../../../src/doors/kafka/handlers/describe-acls.ts'
import { describeClientQuotas } from '../../../../src/doors/kafka/handlers/describe-client-quotas.ts'
import { describeQuorum } from '../../../../src/doors/kafka/handlers/describe-quorum.ts'
import { saslAuthenticate } from '../../../../src/doors/kafka/handlers/sasl-authenticate.ts'
import { saslHandshake } from '../../../../src/doors/kafka/handlers/sasl-handshake.ts'
import { updateFeatures } from '../../../../src/doors/kafka/handlers/update-features.ts'
import { CreateDelegationToken } from '../../../../src/wire/kafka/messages/create-delegation-token.ts'
import { DeleteAcls } from '../../../../src/wire/kafka/messages/delete-acls.ts'
import { DescribeAcls } from '../../../../src/wire/kafka/messages/describe-acls.ts'
import { DescribeClientQuotas } from '../../../../src/wire/kafka/messages/describe-client-quotas.ts'
import { DescribeQuorum } from '../../../../src/wire/kafka/messages/describe-quorum.ts'
import { SaslAuthenticate } from '../../../../src/wire/kafka/messages/sasl-authenticate.ts'
import { SaslHandshake } from '../../../../src/wire/kafka/messages/sasl-handshake.ts'
import { UpdateFeatures } from '../../../../src/wire/kafka/messages/update-features.ts'
import { adminWorld } from '../../../broker/admin-world.ts'
import { eachVersion } from './each-version.ts'

describe('a token', () => {
  eachVersion(createDelegationToken, async version => {
    const world = await adminWorld()
    const request = { renewers: [], maxLifetimeMs: -1 }
    const answer = await world.ask(createDelegationToken, CreateDelegationToken, version, request)
    assert.deepEqual([answer.errorCode, answer.principalName], [64, 'ANONYMOUS'])
    assert.equal(answer.tokenRequesterPrincipalName, version >= 3 ? 'ANONYMOUS' : '')
  })
})

describe('the quorum', () => {
  eachVersion(describeQuorum, async version => {
    const world = await adminWorld({}, [2])
    const partitions = [{ partitionIndex: 0 }, { partitionIndex: 1 }]
    const answer = await world.ask(describeQuorum, DescribeQuorum, version, {
      topics: [{ topicName: '__cluster_metadata', partitions }]
    })
    const [quorum, other] = answer.topics[0].partitions
    assert.equal(other.errorCode, 3)
    assert.deepEqual([quorum.errorCode, quorum.leaderId], [0, 1])
    assert.deepEqual(
      [quorum.currentVoters, quorum.observers].map(list => list.map(({ replicaId }) => replicaId)),
      [[1], [2]]
    )
    assert.ok(quorum.highWatermark > 0 && quorum.leaderEpoch >= 0)
    assert.equal(answer.nodes?.length, version >= 2 ? 1 : 0)
  })
})

describe('features', () => {
  eachVersion(updateFeatures, async version => {
    const world = await adminWorld()
    const update = { feature: 'metadata.version', maxVersionLevel: 30 }
    const answer = await world.ask(updateFeatures, UpdateFeatures, version, { featureUpdates: [update] })
    assert.equal(answer.errorCode, 95)
    assert.match(answer.errorMessage ?? '', /does not support this feature/)
  })
})

describe('access rules, quotas and credentials', () => {
  const anyAcl = { resourceNameFilter: null, principalFilter: null, hostFilter: null, operation: 1, permissionType: 1 }
  eachVersion(describeAcls, async version => {
    const request = { ...anyAcl, resourceTypeFilter: 1 }
    const { errorCode } = await (await adminWorld()).ask(describeAcls, DescribeAcls, version, request)
    assert.equal(errorCode, 54)
  })
  eachVersion(deleteAcls, async version => {
    const request = { filters: [{ ...anyAcl, resourceTypeFilter: 1 }] }
    const { filterResults } = await (await adminWorld()).ask(deleteAcls, DeleteAcls, version, request)
    assert.deepEqual(
      filterResults.map(({ errorCode }) => errorCode),
      [54]
    )
  })
  eachVersion(describeClientQuotas, async version => {
    const request = { components: [], strict: false }
    const answer = await (await adminWorld()).ask(describeClientQuotas, DescribeClientQuotas, version, request)
    assert.deepEqual([answer.errorCode, answer.entries], [0, []])
  })
  eachVersion(saslHandshake, async version => {
    const request = { mechanism: 'PLAIN' }
    const { errorCode } = await (await adminWorld()).ask(saslHandshake, SaslHandshake, version, request)
    assert.equal(errorCode, 34)
  })
  eachVersion(saslAuthenticate, async version => {
    const request = { authBytes: Buffer.from('somebody') }
    const { errorCode } = await (await adminWorld()).ask(saslAuthenticate, SaslAuthenticate, version, request)
    assert.equal(errorCode, 34)
  })
})
