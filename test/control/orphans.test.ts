import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { openControl } from '../../src/control/control.ts'
import type { Control } from '../../src/control/types.ts'
import { openEmbeddedMetastore } from '../../src/metastore/embedded/embedded.ts'
import { type Metastore, MetastoreError } from '../../src/metastore/metastore.ts'
import { ManualClock } from '../../src/std/clock.ts'
import { silent } from '../../src/std/log.ts'
import { nextRandom, settle } from './nodes.ts'

const clock = new ManualClock()

const control = (metastore: Metastore, nodeId: number): Promise<Control> =>
  openControl({ metastore, nodeId, clock, random: nextRandom(), logger: silent })

/** Lets time pass until nothing is left. */
async function passing(left: () => Promise<number>): Promise<void> {
  for (let seconds = 0; (await left()) > 0; seconds++) {
    assert.ok(seconds < 60, 'something stays for ever')
    clock.advance(1000)
    await new Promise(resolve => setImmediate(resolve))
  }
}

/** A metastore with some of its calls done otherwise. */
function wrapped(metastore: Metastore, calls: Partial<Metastore>): Metastore {
  return {
    get: key => metastore.get(key),
    range: (prefix, page) => metastore.range(prefix, page),
    txn: transaction => metastore.txn(transaction),
    watch: (prefix, from, watcher) => metastore.watch(prefix, from, watcher),
    grantLease: ttlMs => metastore.grantLease(ttlMs),
    close: () => metastore.close(),
    ...calls
  }
}

const onOne = (partitions: number) => Array.from({ length: partitions }, () => [1])

describe('keys of partitions without a topic', () => {
  it('are removed by the controller where the answer to a deletion was lost', async () => {
    const metastore = await openEmbeddedMetastore({ clock, logger: silent })
    const controller = await control(metastore, 1)
    const losing = wrapped(metastore, {
      async txn(transaction) {
        const result = await metastore.txn(transaction)
        if (transaction.success?.some(({ type, key }) => type === 'delete' && key.startsWith('topics/')))
          throw new MetastoreError('unavailable', 'the answer is lost')
        return result
      }
    })
    const other = await control(losing, 2)
    const { topicId } = await other.createTopic({ name: 't', assignments: onOne(200), configs: {} })
    await assert.rejects(other.deleteTopic(topicId), { code: 'KAFKA_STORAGE_ERROR' })
    const left = async () => (await metastore.range('partitions/')).items.length
    assert.equal(await left(), 200)
    await passing(left)
    assert.deepEqual(controller.image.load(1), { leads: 0, replicas: 0 })
    await other.close()
    await controller.close()
  })

  it('are removed where the lease of the broker that makes it ends, which does not say that the topic is there', async () => {
    const metastore = await openEmbeddedMetastore({ clock, logger: silent })
    let isCut = true
    const cut = wrapped(metastore, {
      async txn(transaction) {
        const shown = transaction.success?.some(({ key }) => key.startsWith('topics/'))
        if (shown && isCut) {
          isCut = false
          const [{ lease }] = (await metastore.range('creating/')).items
          await (metastore as Metastore & { endLease(id: string): Promise<void> }).endLease(lease)
        }
        return metastore.txn(transaction)
      }
    })
    const maker = await control(cut, 1)
    const big = { name: 'big', assignments: onOne(300), configs: {} }
    await assert.rejects(maker.createTopic(big), { code: 'KAFKA_STORAGE_ERROR' })
    assert.deepEqual((await metastore.range('partitions/')).items, [])
    await settle()
    assert.equal((await maker.createTopic(big)).partitions.length, 300)
    await maker.close()
  })

  it('stay where the topic is made in the very moment in which they are looked at', async () => {
    const metastore = await openEmbeddedMetastore({ clock, logger: silent })
    const first = await control(metastore, 1)
    let finish = () => {}
    const finished = new Promise<void>(resolve => {
      finish = resolve
    })
    let making: Promise<unknown> = Promise.resolve()
    await new Promise<void>((partsMade, reject) => {
      const slow = wrapped(metastore, {
        async txn(transaction) {
          if (transaction.success?.some(({ key }) => key.startsWith('topics/'))) {
            partsMade()
            await finished
          }
          return metastore.txn(transaction)
        }
      })
      control(slow, 2).then(other => {
        making = other.createTopic({ name: 'big', assignments: onOne(300), configs: {} }).then(() => other.close())
      }, reject)
    })
    // The third one has read half of it, and asks who makes it when it has just been made; its watch comes later.
    const held: (() => void)[] = []
    let isHeld = false
    const lagging = wrapped(metastore, {
      async get(key) {
        if (key.startsWith('creating/')) {
          isHeld = true
          finish()
          await making
        }
        return metastore.get(key)
      },
      async txn(transaction) {
        const result = await metastore.txn(transaction)
        isHeld = false
        for (const tell of held.splice(0)) tell()
        return result
      },
      watch: (prefix, from, watcher) =>
        metastore.watch(prefix, from, {
          changed: batch => void (isHeld ? held.push(() => watcher.changed(batch)) : watcher.changed(batch)),
          ended: (reason, oldest) => watcher.ended(reason, oldest)
        })
    })
    const third = await control(lagging, 3)
    assert.equal((await metastore.range('partitions/')).items.length, 300)
    assert.ok(first.image.topic('big')?.partitions.every(({ leader }) => leader === 1))
    await third.close()
    await first.close()
  })
})
