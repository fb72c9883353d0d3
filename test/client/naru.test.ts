import { startBroker } from '../../src/index.ts'
import { clientSuite } from './suite.ts'

clientSuite('client/ against Naru', async () => {
  const broker = await startBroker()
  return { bootstrap: broker.bootstrap, stop: () => broker.close() }
})
