import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { metadata } from '../../../../src/doors/kafka/handlers/metadata.ts'
import { Metadata } from '../../../../src/wire/kafka/messages/metadata.ts'
import { adminWorld } from '../../../broker/admin-world.ts'

describe('Metadata', () => {
  it('asked for when a leader has just been lost tells the one that is elected in its place', async () => {
    const { ask, control, lostLeaders } = await adminWorld({}, [2])
    control.onChange(change => lostLeaders.imageChanged(change))
    await control.createTopic({ name: 't', assignments: [[2, 1]], configs: {} })
    const { epoch } = control.image.broker(2)!
    lostLeaders.disconnected(2, epoch)
    let answered = false
    const asked = ask(metadata, Metadata, 12, { topics: [{ name: 't' }] }).then(answer => {
      answered = true
      return answer.topics[0].partitions[0].leaderId
    })
    await new Promise(resolve => setImmediate(resolve))
    assert.equal(answered, false)
    await control.reportGone(2, epoch)
    assert.equal(await asked, 1)
  })
})
