import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { isDeepStrictEqual } from 'node:util'
import { InitProducerId } from '../../../src/wire/kafka/messages/init-producer-id.ts'
import { AskingClient } from '../../support/asking-client.ts'
import { startTarget, type Target } from '../../support/target.ts'
import { groupsReady } from '../protocol/case.ts'
import { adminSteps } from './admin-steps.ts'
import { configSteps } from './config-steps.ts'
import { producerSteps } from './producer-steps.ts'
import { type Answered, play, type Step } from './step.ts'
import { unconfiguredSteps } from './unconfigured-steps.ts'

/** One after the other, on one broker. */
const scenarios: Readonly<Record<string, readonly Step[]>> = {
  admin: adminSteps,
  configs: configSteps,
  unconfigured: unconfiguredSteps,
  producers: producerSteps
}

const settings = { 'auto.create.topics.enable': 'false' }

const golden = new URL('../../golden/admin-kafka.jsonl', import.meta.url)

/** Plays every scenario on a new broker; gives the answers by scenario. `anew`: whatever was recorded. */
export async function playAll(target: Target, anew = false): Promise<Record<string, Answered[]>> {
  const broker = await startTarget(settings, target)
  try {
    await groupsReady(broker)
    await producersReady(broker.port)
    const kept = anew ? {} : recorded()
    const answers: Record<string, Answered[]> = {}
    for (const [name, steps] of Object.entries(scenarios))
      answers[name] = await play(broker, steps, {
        pauseMs: target === 'kafka' ? (anew ? 400 : 50) : 0,
        expected: target === 'kafka' && !anew ? kept[name] : undefined
      })
    return answers
  } finally {
    await broker.remove()
  }
}

/** Apache Kafka has ids for producers a little after its start. */
async function producersReady(port: number): Promise<void> {
  const client = new AskingClient(port, 'ready')
  try {
    for (let tries = 0; tries < 100; tries++) {
      const request = { transactionalId: null, transactionTimeoutMs: 60_000 }
      if ((await client.ask(InitProducerId, 0, request)).errorCode === 0) return
      await new Promise(resolve => setTimeout(resolve, 100))
    }
    throw new Error('no producer ids after 10 s')
  } finally {
    client.close()
  }
}

/** Keeps answers as those that Apache Kafka gives. */
export function record(answers: Record<string, Answered[]>): void {
  const lines = Object.entries(answers).flatMap(([scenario, list]) =>
    list.map(answered => `${JSON.stringify({ scenario, ...answered })}\n`)
  )
  writeFileSync(golden, lines.join(''))
}

function recorded(): Record<string, Answered[]> {
  const answers: Record<string, Answered[]> = {}
  for (const line of readFileSync(golden, 'utf8').trim().split('\n')) {
    const { scenario, ...answered } = JSON.parse(line) as Answered & { scenario: string }
    answers[scenario] ??= []
    answers[scenario].push(answered)
  }
  return answers
}

/** Compares with what Apache Kafka was recorded to answer; Naru may differ where a step says why. */
export function compare(target: Target, answers: Record<string, Answered[]>): void {
  const kept = recorded()
  assert.deepEqual(Object.keys(kept), Object.keys(scenarios))
  const differing: unknown[] = []
  for (const [name, steps] of Object.entries(scenarios)) {
    assert.equal(kept[name].length, steps.length, `${name} has other steps than were recorded`)
    for (const [at, step] of steps.entries()) {
      const kafka = kept[name][at]
      const expected = target === 'naru' ? allowing(kafka, step) : kafka
      const actual = answers[name][at]
      if (!matches(actual, expected)) differing.push({ expected, actual })
    }
  }
  assert.deepEqual(differing, [])
}

function allowing(answered: Answered, { differs = [] }: Step): Answered {
  let text = JSON.stringify(answered)
  for (const { from, to } of differs) {
    assert.ok(text.includes(from), `${answered.step}: Kafka does not answer ${from} any more`)
    text = text.replace(from, to)
  }
  return JSON.parse(text) as Answered
}

/** Equal, but for words where Kafka says none: an error may be explained, and no words are as good as null. */
function matches(actual: unknown, expected: unknown): boolean {
  if (Array.isArray(expected) && Array.isArray(actual))
    return expected.length === actual.length && expected.every((item, at) => matches(actual[at], item))
  if (!isTree(expected) || !isTree(actual)) return isDeepStrictEqual(actual, expected)
  const same = (a: unknown, b: unknown) => (a || null) === (b || null)
  const explained = expected.errorCode !== 0 && !expected.errorMessage
  const names = new Set([...Object.keys(expected), ...Object.keys(actual)])
  return [...names].every(
    name =>
      (name === 'errorMessage' && (explained || same(actual[name], expected[name]))) ||
      matches(actual[name], expected[name])
  )
}

function isTree(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null
}
