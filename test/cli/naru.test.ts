import { startBroker } from '../../src/index.ts'
import { cliSuite } from './suite.ts'

cliSuite('naru against Naru', async () => {
  const broker = await startBroker()
  return { bootstrap: broker.bootstrap, stop: () => broker.close() }
})
