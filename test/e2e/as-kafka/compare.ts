import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { isDeepStrictEqual } from 'node:util'
import { InitProducerId } from '../../../src/wire/kafka/messages/init-producer-id.ts'
import { AskingClient } from '../../support/asking-client.ts'
import type { Target } from '../../support/target.ts'
import { groupsReady } from '../protocol/case.ts'
import { type Answered, type Pace, type Playground, play, type Step } from './step.ts'

/** Scenarios and what Apache Kafka answered in them. */
export interface Suite {
  /** One after the other, on one playground. */
  readonly scenarios: Readonly<Record<string, readonly Step[]>>
  /** A file of test/golden. */
  readonly golden: string
  readonly passedOver?: Pace['passedOver']
  start(target: Target): Promise<Playground & { remove(): Promise<void> }>
}

/** Plays every scenario of a suite; gives the answers by scenario. `anew`: whatever was recorded. */
export async function playAll(suite: Suite, target: Target, anew = false): Promise<Record<string, Answered[]>> {
  const playground = await suite.start(target)
  try {
    const { cluster, port } = playground
    for (const each of cluster?.nodeIds.map(nodeId => cluster.portOf(nodeId)) ?? [port]) {
      await groupsReady({ host: 'localhost', port: each })
      await producersReady(each)
    }
    const kept = anew ? {} : recorded(suite)
    const answers: Record<string, Answered[]> = {}
    for (const [name, steps] of Object.entries(suite.scenarios))
      answers[name] = await play(playground, steps, {
        pauseMs: target === 'kafka' ? (anew ? 400 : 50) : 0,
        expected: target === 'kafka' && !anew ? kept[name] : undefined,
        passedOver: suite.passedOver
      })
    return answers
  } finally {
    await playground.remove()
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
export function record(suite: Suite, answers: Record<string, Answered[]>): void {
  const lines = Object.entries(answers).flatMap(([scenario, list]) =>
    list.map(answered => `${JSON.stringify({ scenario, ...answered })}\n`)
  )
  writeFileSync(fileOf(suite), lines.join(''))
}

function fileOf({ golden }: Suite): URL {
  return new URL(`../../golden/${golden}`, import.meta.url)
}

function recorded(suite: Suite): Record<string, Answered[]> {
  const answers: Record<string, Answered[]> = {}
  for (const line of readFileSync(fileOf(suite), 'utf8').trim().split('\n')) {
    const { scenario, ...answered } = JSON.parse(line) as Answered & { scenario: string }
    answers[scenario] ??= []
    answers[scenario].push(answered)
  }
  return answers
}

/** Compares with what Apache Kafka was recorded to answer; Naru may differ where a step says why. */
export function compare(suite: Suite, target: Target, answers: Record<string, Answered[]>): void {
  const { scenarios } = suite
  const kept = recorded(suite)
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
