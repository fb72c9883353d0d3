import assert from 'node:assert/strict'
import { test } from 'node:test'
import { StateShard } from '../../src/statelog/shard.ts'
import type { StateTimers } from '../../src/statelog/timers.ts'
import type { Reply, Turn } from '../../src/statelog/turn.ts'
import type { ReplayedState, StateRecord } from '../../src/statelog/types.ts'
import { ManualClock } from '../../src/std/clock.ts'
import { codeOf, NaruError } from '../../src/std/errors.ts'
import { silent } from '../../src/std/log.ts'
import { MemoryLog, settle } from './memory-log.ts'

/** A map of texts; `waiters` ask for the next change. */
class Texts implements ReplayedState {
  readonly values = new Map<string, string>()
  readonly timers: StateTimers
  loads = 0
  waiters: Reply<string>[] = []

  constructor(timers: StateTimers) {
    this.timers = timers
  }

  replay({ key, value }: StateRecord): void {
    if (key.toString() === 'poison') throw new Error('planted bug')
    if (value) this.values.set(key.toString(), value.toString())
    else this.values.delete(key.toString())
  }

  loaded(): void {
    this.loads++
  }
}

const record = (key: string, value: string | null): StateRecord => ({
  key: Buffer.from(key),
  value: value === null ? null : Buffer.from(value)
})

function open(log: MemoryLog, clock = new ManualClock(), commitTimeoutMs?: number): StateShard<Texts> {
  const create = (timers: StateTimers) => new Texts(timers)
  return new StateShard({ name: 'texts-0', log, clock, logger: silent, commitTimeoutMs, create })
}

const set = (shard: StateShard<Texts>, key: string, value: string | null): Promise<string> =>
  shard.execute((_, turn) => {
    turn.write(record(key, value))
    return `${key} set`
  })

const get = (shard: StateShard<Texts>, key: string): Promise<string | undefined> =>
  shard.execute(state => state.values.get(key))

const code = (expected: string) => (error: unknown) => error instanceof NaruError && error.code === expected

test('what was answered is there after a reload, in the order of the log', async () => {
  const log = new MemoryLog()
  const shard = open(log)
  await shard.whenLoaded()
  await set(shard, 'a', '1')
  await set(shard, 'b', '1')
  await set(shard, 'a', '2')
  await set(shard, 'b', null)
  assert.equal(await get(shard, 'a'), '2')
  const next = open(log.successor())
  await next.whenLoaded()
  assert.equal(await get(next, 'a'), '2')
  assert.equal(await get(next, 'b'), undefined)
})

test('requests are refused as loading until the log is replayed', async () => {
  const shard = open(new MemoryLog())
  await assert.rejects(get(shard, 'a'), code('COORDINATOR_LOAD_IN_PROGRESS'))
  await shard.whenLoaded()
  assert.equal(await get(shard, 'a'), undefined)
})

test('writes and reads alike are answered when what they saw is committed, in order', async () => {
  const log = new MemoryLog()
  log.commitByHand = true
  const shard = open(log)
  await shard.whenLoaded()
  const answers: string[] = []
  void set(shard, 'a', '1').then(answer => answers.push(answer))
  void get(shard, 'a').then(value => answers.push(`read ${value}`))
  void get(shard, 'b').then(value => answers.push(`read ${value}`))
  await settle()
  void get(shard, 'a').then(value => answers.push(`late read ${value}`))
  await settle()
  assert.deepEqual(answers, [])
  log.commit()
  await settle()
  assert.deepEqual(answers, ['a set', 'read 1', 'read undefined', 'late read 1'])
})

test('who waits too long for a commit hears that, and what was written is there when it is committed', async () => {
  const log = new MemoryLog()
  log.commitByHand = true
  const clock = new ManualClock()
  const shard = open(log, clock, 5000)
  await shard.whenLoaded()
  const heard: string[] = []
  const tell = (who: string, answer: Promise<unknown>) =>
    void answer.then(
      value => heard.push(`${who}: ${value}`),
      error => heard.push(`${who}: ${codeOf(error)}`)
    )
  const passed = async (ms: number): Promise<string[]> => {
    await settle()
    clock.advance(ms)
    await settle()
    return heard.splice(0)
  }
  tell('first', set(shard, 'a', '1'))
  const parked = shard.park<string>((state, _turn, reply) => void state.waiters.push(reply))
  tell('parked', parked)
  assert.deepEqual(await passed(3000), [])
  tell('second', get(shard, 'a'))
  tell(
    'reader',
    shard.read(state => state.values.get('a'))
  )
  assert.deepEqual(await passed(1990), [])
  assert.deepEqual(await passed(20), ['first: COORDINATOR_NOT_AVAILABLE'])
  assert.deepEqual(await passed(2970), [])
  // Clients of Kafka 2 take that for the end of a consumer where they have only asked.
  assert.deepEqual(await passed(100), ['second: COORDINATOR_NOT_AVAILABLE', 'reader: NOT_COORDINATOR'])
  tell('third', get(shard, 'a'))
  await settle()
  log.commit()
  assert.deepEqual(await passed(60_000), ['third: 1'])
  assert.equal(await get(shard, 'a'), '1')
  // Nobody has to load anything again for that: a parked request waits on.
  await shard.execute((state, turn) => {
    for (const reply of state.waiters) turn.answer(reply, 'at last')
  })
  assert.deepEqual(await passed(0), ['parked: at last'])
})

test('handlers of one tick share a batch', async () => {
  const log = new MemoryLog()
  const shard = open(log)
  await shard.whenLoaded()
  await Promise.all(Array.from({ length: 100 }, (_, at) => set(shard, `key ${at}`, 'x')))
  assert.equal(log.batches.length, 1)
  assert.equal(log.endOffset, 100)
  const large = 'x'.repeat(100_000)
  await Promise.all(Array.from({ length: 10 }, (_, at) => set(shard, `key ${at}`, large)))
  assert.ok(log.batches.length > 2 && log.batches.every(batch => batch.length < 300_000))
})

test('a failing append drops the state: nobody sees what was not kept', async () => {
  const log = new MemoryLog()
  const shard = open(log)
  await shard.whenLoaded()
  await set(shard, 'a', '1')
  log.nextAppendError = new NaruError('NOT_ENOUGH_REPLICAS')
  const [write, read] = await Promise.allSettled([set(shard, 'a', '2'), get(shard, 'a')])
  assert.ok(write.status === 'rejected' && code('COORDINATOR_NOT_AVAILABLE')(write.reason))
  assert.ok(read.status === 'rejected')
  await shard.whenLoaded()
  assert.equal(await get(shard, 'a'), '1')
})

test('a lost leadership refuses everybody who waits, parked requests too, and loads nothing', async () => {
  const log = new MemoryLog()
  log.commitByHand = true
  const shard = open(log)
  await shard.whenLoaded()
  const parked = shard.park<string>((state, _turn, reply) => void state.waiters.push(reply))
  const write = set(shard, 'a', '1')
  const outcomes = Promise.allSettled([parked, write])
  await settle()
  log.loseLeadership()
  for (const outcome of await outcomes)
    assert.ok(outcome.status === 'rejected' && code('NOT_COORDINATOR')(outcome.reason))
  await settle()
  assert.equal(shard.active, false)
  await assert.rejects(get(shard, 'a'), code('NOT_COORDINATOR'))
})

test('a parked request is answered by a later turn, once that is committed', async () => {
  const log = new MemoryLog()
  const shard = open(log)
  await shard.whenLoaded()
  log.commitByHand = true
  let answered: string | undefined
  void shard
    .park<string>((state, _turn, reply) => void state.waiters.push(reply))
    .then(answer => {
      answered = answer
    })
  void shard.execute((state, turn) => {
    turn.write(record('a', '1'))
    for (const waiter of state.waiters.splice(0)) turn.answer(waiter, 'a changed')
  })
  await settle()
  assert.equal(answered, undefined)
  log.commit()
  await settle()
  assert.equal(answered, 'a changed')
})

test('timers take turns of their own, and end with the state', async () => {
  const log = new MemoryLog()
  const clock = new ManualClock()
  const shard = open(log, clock)
  await shard.whenLoaded()
  const arm = (key: string): Promise<void> =>
    shard.execute(state => {
      state.timers.timer((turn: Turn) => turn.write(record(key, 'fired'))).arm(1000)
    })
  await arm('first')
  clock.advance(1100)
  assert.equal(await get(shard, 'first'), 'fired')
  await arm('second')
  shard.close()
  clock.advance(2000)
  await settle()
  assert.equal(log.endOffset, 1)
  assert.equal(clock.nextDueMs(), undefined)
})

test('a refusal is an answer like any other; a bug drops the state and tells whoever waits', async () => {
  const log = new MemoryLog()
  const shard = open(log)
  await shard.whenLoaded()
  await assert.rejects(
    shard.execute(() => {
      throw new NaruError('UNKNOWN_MEMBER_ID')
    }),
    code('UNKNOWN_MEMBER_ID')
  )
  await set(shard, 'a', '1')
  const parked = shard.park<string>((state, _turn, reply) => void state.waiters.push(reply))
  const bug = set(shard, 'poison', '1')
  for (const outcome of await Promise.allSettled([parked, bug]))
    assert.ok(outcome.status === 'rejected' && code('NOT_COORDINATOR')(outcome.reason))
  await shard.whenLoaded()
  assert.equal(await get(shard, 'a'), '1')
  assert.equal(log.endOffset, 1)
})

test('a log that cannot be read is tried again', async () => {
  const clock = new ManualClock()
  const log = new MemoryLog()
  const before = open(log)
  await before.whenLoaded()
  await set(before, 'a', '1')
  log.readError = new NaruError('KAFKA_STORAGE_ERROR')
  const shard = open(log, clock)
  await settle()
  await assert.rejects(get(shard, 'a'), code('NOT_COORDINATOR'))
  log.readError = undefined
  clock.advance(200)
  await shard.whenLoaded()
  assert.equal(await get(shard, 'a'), '1')
})

test('what was loaded beyond the high watermark is not answered before it is committed', async () => {
  const log = new MemoryLog()
  log.commitByHand = true
  const first = open(log)
  await first.whenLoaded()
  const write = set(first, 'a', '1')
  write.catch(() => undefined)
  await settle()
  const shard = open(log)
  await shard.whenLoaded()
  let seen: string | undefined
  void get(shard, 'a').then(value => {
    seen = value
  })
  await settle()
  assert.equal(seen, undefined)
  log.commit()
  await settle()
  assert.equal(seen, '1')
})

test('a log that has grown is compacted: its state is still there, and what is dead is gone', async () => {
  const log = new MemoryLog()
  const shard = open(log)
  await shard.whenLoaded()
  const padding = 'x'.repeat(1000)
  const expected = new Map<string, string>()
  for (let round = 0; round < 200; round++) {
    const writes: Promise<unknown>[] = []
    for (let at = 0; at < 50; at++) {
      const key = `key ${(round * 7 + at * 13) % 400}`
      const value = (round + at) % 9 === 0 ? null : `${round} ${padding}`
      if (value) expected.set(key, value)
      else expected.delete(key)
      writes.push(set(shard, key, value))
    }
    await Promise.all(writes)
  }
  await settle()
  assert.ok(log.compactions > 2)
  assert.ok(log.sizeBytes < 3_000_000, `${log.sizeBytes} bytes are left of ten million, for a state of 400,000`)
  const next = open(log.successor())
  await next.whenLoaded()
  assert.deepEqual(await next.execute(state => new Map([...state.values].sort())), new Map([...expected].sort()))
})

test('what is only read is told while it is sure that nobody else leads', async () => {
  const log = new MemoryLog()
  const shard = open(log)
  await shard.whenLoaded()
  assert.equal(await shard.read(state => state.values.size), 0)
  log.doubt = new NaruError('NOT_LEADER_OR_FOLLOWER', 'perhaps')
  await assert.rejects(
    shard.read(state => state.values.size),
    { code: 'NOT_COORDINATOR' }
  )
  // What is written finds out by itself.
  assert.equal(await Promise.race([shard.execute(() => 'told'), settle()]), 'told')
})
