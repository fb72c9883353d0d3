import assert from 'node:assert/strict'
import { once } from 'node:events'
import { after, before, test } from 'node:test'
import { type RunningBroker, startNaru as startBroker } from '../support/naru.ts'
import { standStill } from '../support/stand-still.ts'
import { ended, naru, startNaru } from './support.ts'

let broker: RunningBroker
before(async () => {
  broker = await startBroker()
})
after(() => broker?.remove())

test('a member of a group that is stopped ends though the broker does not answer, and says what that means', async () => {
  assert.equal((await naru(['produce', 'orders'], broker.bootstrap, 'one\n')).code, 0)
  const child = startNaru(['consume', 'orders', '--group', 'g', '--from', 'beginning'], broker.bootstrap)
  const stopped = ended(child)
  await once(child.stdout!, 'data')
  standStill(broker.pid)
  try {
    child.kill('SIGINT')
    const { code, stdout, stderr } = await stopped
    assert.equal(code, 1)
    assert.equal(String(stdout), 'one\n')
    assert.match(stderr, /No broker answered: the group may get again what was printed last/)
  } finally {
    process.kill(broker.pid, 'SIGCONT')
  }
})
