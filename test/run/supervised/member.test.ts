import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { Member } from '../../../src/run/supervised/member.ts'
import type { FromBroker, ToBroker } from '../../../src/run/supervised/messages.ts'
import type { BrokerProcess } from '../../../src/run/supervised/process.ts'
import { ManualClock } from '../../../src/std/clock.ts'
import { type LogFields, silent } from '../../../src/std/log.ts'

/** A process that does as the test says. */
class FakeProcess implements BrokerProcess {
  readonly pid = 1
  readonly heard: ToBroker[] = []
  killed = false
  readonly metastore = { send() {}, onMessage() {}, onClosed() {} }
  private said: (message: FromBroker) => void = () => {}
  private exited: (how: string, lastWords: string) => void = () => {}

  say(message: ToBroker): void {
    this.heard.push(message)
  }

  onSaid(listener: (message: FromBroker) => void): void {
    this.said = listener
  }

  onExit(listener: (how: string, lastWords: string) => void): void {
    this.exited = listener
  }

  kill(): void {
    this.killed = true
  }

  serve(): void {
    this.said({ type: 'ready', host: 'localhost', port: 9092, clusterId: 'c' })
  }

  fail(code: string, message: string): void {
    this.said({ type: 'failed', code, message })
    this.exited('exit code 1', '')
  }

  askToStop(): void {
    this.said({ type: 'asked to stop' })
  }

  exit(how: string, lastWords = ''): void {
    this.exited(how, lastWords)
  }
}

function world() {
  const clock = new ManualClock()
  const processes: FakeProcess[] = []
  const errors: [LogFields, string][] = []
  let buried = 0
  const member = new Member({
    nodeId: 2,
    clock,
    logger: { ...silent, error: (fields, message) => void errors.push([fields, message]) },
    backoffMs: 100,
    backoffMaxMs: 1000,
    stopTimeoutMs: 5000,
    start() {
      processes.push(new FakeProcess())
      return processes.at(-1)!
    },
    bury: async () => void buried++
  })
  /** Time passes, and what it brings about. */
  const pass = async (ms: number) => {
    clock.advance(ms)
    for (let i = 0; i < 10; i++) await Promise.resolve()
  }
  return {
    member,
    pass,
    errors,
    latest: () => processes.at(-1)!,
    starts: () => processes.length,
    buried: () => buried
  }
}

describe('the process of a broker', () => {
  it('is started again after waits that double up to a limit, and begin anew once it has run for so long', async () => {
    const { member, pass, latest, starts, errors, buried } = world()
    const started = member.start()
    latest().serve()
    assert.equal((await started).port, 9092)
    for (const [index, waitMs] of [100, 200, 400, 800, 1000, 1000].entries()) {
      latest().exit('SIGKILL')
      assert.equal(errors.at(-1)![0].waitMs, waitMs)
      await pass(waitMs - 1)
      assert.equal(starts(), index + 1)
      await pass(1)
      assert.equal(starts(), index + 2)
      assert.equal(buried(), index + 1)
      latest().serve()
      await pass(500)
    }
    await pass(1000)
    latest().exit('SIGKILL')
    assert.equal(errors.at(-1)![0].waitMs, 100)
  })

  it('that ends again and again is reported as that, with the reason that it gave or its last words', async () => {
    const { member, pass, latest, errors } = world()
    void member.start()
    latest().serve()
    latest().exit('SIGKILL')
    await pass(100)
    latest().fail('KAFKA_STORAGE_ERROR', 'the disk is gone')
    await pass(200)
    latest().exit('exit code 134', 'FATAL ERROR: heap out of memory')
    assert.deepEqual(
      errors.map(([{ reason }]) => reason),
      ['SIGKILL', 'the disk is gone', 'exit code 134: FATAL ERROR: heap out of memory']
    )
    assert.match(errors[2][1], /has ended 3 times in a row/)
  })

  it('whose first start fails says why, and is tried again all the same until it is told to stop', async () => {
    const { member, pass, latest, starts } = world()
    const started = member.start()
    latest().fail('KAFKA_STORAGE_ERROR', 'the disk is gone')
    await assert.rejects(started, /Broker 2 does not start: the disk is gone/)
    await pass(100)
    assert.equal(starts(), 2)
    latest().fail('KAFKA_STORAGE_ERROR', 'the disk is gone')
    await member.stop()
    await pass(100_000)
    assert.equal(starts(), 2)
  })

  it('waits for a folder that another process is about to leave', async () => {
    const { member, pass, latest } = world()
    const started = member.start()
    latest().fail('locked', 'in use')
    await pass(100)
    latest().fail('locked', 'in use')
    await pass(200)
    latest().serve()
    await started
  })

  it('does not wait for such a folder for ever', async () => {
    const { member, pass, latest } = world()
    const started = member.start()
    started.catch(() => {})
    for (let i = 0; i < 20; i++) {
      latest().fail('locked', 'in use')
      await pass(1000)
    }
    await assert.rejects(started, /in use/)
  })

  it('that was asked to stop does, and is replaced at once, without counting as a failure', async () => {
    const { member, pass, latest, starts, errors } = world()
    void member.start()
    latest().serve()
    const first = latest()
    first.askToStop()
    await pass(100)
    assert.deepEqual(first.heard, [{ type: 'stop' }])
    first.exit('exit code 0')
    await pass(0)
    assert.equal(starts(), 2)
    assert.equal(errors.length, 0)
    latest().serve()
    latest().exit('SIGKILL')
    assert.equal(errors[0][0].waitMs, 100)
  })

  it('that was asked to stop together with its supervisor stops in its turn only', async () => {
    const { member, pass, latest, starts } = world()
    void member.start()
    latest().serve()
    latest().askToStop()
    member.retire()
    await pass(100)
    assert.deepEqual(latest().heard, [])
    const stopped = member.stop()
    assert.deepEqual(latest().heard, [{ type: 'stop' }])
    latest().exit('exit code 0')
    await stopped
    await pass(100_000)
    assert.equal(starts(), 1)
  })

  it('that does not stop in time is killed', async () => {
    const { member, pass, latest } = world()
    void member.start()
    latest().serve()
    const stopped = member.stop()
    await pass(4999)
    assert.ok(!latest().killed)
    await pass(1)
    assert.ok(latest().killed)
    latest().exit('SIGKILL')
    await stopped
  })
})
