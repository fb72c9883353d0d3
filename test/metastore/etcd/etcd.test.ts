import { after, before, describe } from 'node:test'
import { type EtcdTest, startEtcd, whyNoEtcd } from '../../support/etcd.ts'
import { metastoreConformance } from '../conformance.ts'
import { openStore, passing } from './world.ts'

/** etcd looks for leases that have ended every half second, and grants whole seconds. */
const expiryMs = 1200

describe('etcd', { skip: whyNoEtcd(), concurrency: true }, () => {
  for (const nodes of [1, 3])
    describe(`etcd of ${nodes === 1 ? 'one node' : 'three nodes'}`, { concurrency: 1 }, () => {
      let etcd: EtcdTest
      before(async () => {
        etcd = await startEtcd({ nodes })
      })
      after(() => etcd.remove())

      metastoreConformance(`etcd (${nodes})`, async () => {
        const store = openStore(etcd)
        await store.get('')
        return {
          store,
          expire: ttlMs => passing(Math.ceil(ttlMs / 1000) * 1000 + expiryMs),
          async forget() {
            const { revision } = await store.txn({ success: [{ type: 'put', key: 'forget', value: '' }] })
            await etcd.ctl(['compact', String(revision)])
          }
        }
      })
    })
})
