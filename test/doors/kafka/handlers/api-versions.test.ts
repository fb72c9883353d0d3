import assert from 'node:assert/strict'
import { test } from 'node:test'
import { handler } from '../../../../src/doors/kafka/handler.ts'
import { ApiVersions } from '../../../../src/wire/kafka/messages/api-versions.ts'
import { Heartbeat } from '../../../../src/wire/kafka/messages/heartbeat.ts'
import { Produce } from '../../../../src/wire/kafka/messages/produce.ts'
import { openDoor } from '../support.ts'

const produce = handler(Produce, { versions: [3, 13], advertisedMin: 0, refuse: () => ({ responses: [] }) }, () => ({
  responses: []
}))
const heartbeat = handler(Heartbeat, { versions: [1, 3], refuse: () => ({ errorCode: -1 }) }, () => ({ errorCode: 0 }))
const introduced = { clientSoftwareName: 'librdkafka', clientSoftwareVersion: '2.15.0' }

for (const version of [0, 1, 2, 3, 4])
  test(`version ${version} lists what is served, read off the handlers, by key`, async () => {
    const client = openDoor([heartbeat, produce]).connect()
    client.send(ApiVersions, version, 5, version >= 3 ? introduced : {})
    const { id, body } = await client.response(ApiVersions, version)
    assert.equal(id, 5)
    assert.equal(body.errorCode, 0)
    assert.deepEqual(body.apiKeys, [
      { apiKey: 0, minVersion: 0, maxVersion: 13 },
      { apiKey: 12, minVersion: 1, maxVersion: 3 },
      { apiKey: 18, minVersion: 0, maxVersion: 4 }
    ])
  })

test('a version from the future is answered in version 0 with error 35 and the range of ApiVersions alone', async () => {
  const client = openDoor([produce]).connect()
  // Header version 2 with a tagged section, and a body that this broker can't know.
  client.stream.write(
    Buffer.from('00000012' + '0012' + '0063' + '0000002a' + '0002' + '6162' + '00' + 'deadbeef00', 'hex')
  )
  const { id, body } = await client.response(ApiVersions, 0)
  assert.equal(id, 42)
  assert.equal(body.errorCode, 35)
  assert.deepEqual(body.apiKeys, [{ apiKey: 18, minVersion: 0, maxVersion: 4 }])
  client.send(ApiVersions, 4, 43, introduced)
  assert.equal((await client.response(ApiVersions, 4)).body.errorCode, 0, 'the connection goes on')
})

for (const [name, version] of [
  ['', '1'],
  ['-dash', '1'],
  ['two words', '1'],
  ['fine', ''],
  ['fine', '1.0-'],
  [`${'a'.repeat(20_000)}!`, '1']
])
  test(`software '${name.slice(0, 12)}' '${version}' is an invalid request`, async () => {
    const client = openDoor([produce]).connect()
    client.send(ApiVersions, 3, 1, { clientSoftwareName: name, clientSoftwareVersion: version })
    const { body } = await client.response(ApiVersions, 3)
    assert.equal(body.errorCode, 42)
    assert.deepEqual(body.apiKeys, [])
  })

test('Produce is advertised from 0, but 0 to 2 close the connection', async () => {
  const { connect, log } = openDoor([produce])
  const client = connect()
  client.stream.write(Buffer.from('0000000a' + '0000' + '0002' + '00000001' + 'ffff', 'hex'))
  assert.equal(await client.frame(), undefined)
  assert.deepEqual(log.reasons, ['Produce version 2 is not served'])
})
