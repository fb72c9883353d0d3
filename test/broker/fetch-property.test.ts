import assert from 'node:assert/strict'
import { it } from 'node:test'
import type { FetchItem } from '../../src/broker/fetch-session.ts'
import type { FetchRequest, FetchResult } from '../../src/broker/fetch-types.ts'
import { below, chance, SeededRandom } from '../../src/std/random.ts'
import { fetch, item, openWorld, put, stateOf, valuesOf, type World } from './world.ts'

const partitions = 4

/** A consumer that checks that it gets every record of what it follows, once and in order. */
class Consumer {
  private readonly world: World
  private readonly random: SeededRandom
  private readonly offsets = new Array<number>(partitions).fill(0)
  private readonly following = new Set<number>()
  private sessionId = 0
  private epoch = 0
  /** What the broker knows of this session. */
  private readonly known = new Set<number>()
  private changed = new Set<number>()
  private forgotten: number[] = []

  constructor(world: World, random: SeededRandom) {
    this.world = world
    this.random = random
  }

  get lag(): number {
    let lag = 0
    for (const index of this.following) lag += this.world.partition('t', index).highWatermark - this.offsets[index]
    return lag
  }

  /** Follows other partitions from now on, or looks for its records again after it jumped. */
  change(): void {
    const index = below(this.random, partitions)
    if (this.following.delete(index)) {
      this.changed.delete(index)
      if (this.known.has(index)) this.forgotten.push(index)
    } else this.follow(index)
  }

  follow(index: number): void {
    this.following.add(index)
    const at = this.forgotten.indexOf(index)
    if (at >= 0) this.forgotten.splice(at, 1)
    this.changed.add(index)
  }

  forgetSession(): void {
    this.epoch = 0
  }

  /** One fetch. With records to be had it must not wait; gives how many came. */
  async poll(limits: { maxBytes: number; partitionMaxBytes: number }): Promise<number> {
    const full = this.epoch === 0
    const asked = full ? this.following : this.changed
    if (full) this.forgotten = []
    const items: FetchItem[] = [...asked].map(index =>
      item('t', index, this.offsets[index], { maxBytes: limits.partitionMaxBytes })
    )
    const request: Partial<FetchRequest> = {
      sessionId: this.sessionId,
      sessionEpoch: this.epoch,
      maxWaitMs: 1000,
      maxBytes: limits.maxBytes,
      forgotten: [{ topic: 't', topicId: '', indexes: this.forgotten }]
    }
    if (full) this.known.clear()
    for (const index of asked) this.known.add(index)
    for (const index of this.forgotten) this.known.delete(index)
    this.changed = new Set()
    this.forgotten = []
    const { lag } = this
    const polling = fetch(this.world, items, request)
    if (lag === 0 && this.following.size > 0) {
      assert.equal(await stateOf(polling), 'pending', 'nothing to be had, so it waits')
      this.world.clock.advance(1010)
    }
    return this.take(await polling, lag)
  }

  private take(result: FetchResult, lag: number): number {
    assert.equal(result.error, undefined)
    this.sessionId = result.sessionId
    this.epoch = result.sessionId === 0 ? 0 : this.epoch + 1
    let count = 0
    for (const partition of result.partitions) {
      const { index } = partition
      assert.equal(partition.error, undefined)
      assert(this.following.has(index), 'a forgotten partition is not sent')
      for (const value of valuesOf(partition)) {
        const offset = Number(value.split(' ')[1])
        if (offset < this.offsets[index]) continue
        assert.equal(offset, this.offsets[index]++)
        count++
      }
      if (partition.records.length > 0) this.changed.add(index)
    }
    result.release()
    if (lag > 0) assert(count > 0, 'an answer brings records while there are some')
    return count
  }
}

it('consumers with sessions miss nothing, repeat nothing and starve nowhere, whatever they change', async () => {
  for (let seed = 1; seed <= 40; seed++) {
    const random = new SeededRandom(seed)
    const world = await openWorld()
    await world.topic('t', partitions)
    const ends = new Array<number>(partitions).fill(0)
    const consumers = [new Consumer(world, random), new Consumer(world, random)]
    for (let step = 0; step < 120; step++) {
      if (chance(random, 0.5)) {
        const index = below(random, partitions)
        const count = 1 + below(random, 3)
        await put(
          world,
          't',
          index,
          ...Array.from({ length: count }, () => `${index} ${ends[index]++} ${'x'.repeat(below(random, 400))}`)
        )
      }
      const consumer = consumers[below(random, 2)]
      if (chance(random, 0.2)) consumer.change()
      if (chance(random, 0.02)) consumer.forgetSession()
      if (chance(random, 0.5))
        await consumer.poll({ maxBytes: 100 + below(random, 2000), partitionMaxBytes: 100 + below(random, 1000) })
    }
    for (const consumer of consumers) {
      for (let index = 0; index < partitions; index++) consumer.follow(index)
      for (let polls = 0; consumer.lag > 0; polls++) {
        assert(polls < 500, `seed ${seed}: still ${consumer.lag} behind`)
        await consumer.poll({ maxBytes: 300, partitionMaxBytes: 300 })
      }
    }
    await world.close()
  }
})
