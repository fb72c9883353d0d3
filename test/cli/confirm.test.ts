import assert from 'node:assert/strict'
import { PassThrough } from 'node:stream'
import { test } from 'node:test'
import { confirm } from '../../src/cli/confirm.ts'

/** A terminal, or a pipe, at which `answer` is typed. */
function terminal(answer: string, isTTY: boolean) {
  const stream = () => Object.assign(new PassThrough(), { isTTY })
  const [input, output] = [stream(), stream()]
  input.write(`${answer}\n`)
  return { input, output, asked: () => String(output.read() ?? '') }
}

test('a person is asked, and only yes means yes', async () => {
  for (const answer of ['y', 'Yes', ' y ']) {
    const at = terminal(answer, true)
    await confirm('Delete orders?', false, at)
    assert.match(at.asked(), /Delete orders\? \[y\/N\]/)
  }
  for (const answer of ['', 'n', 'yesterday'])
    await assert.rejects(confirm('Delete orders?', undefined, terminal(answer, true)), /Nothing was done/)
})

test('nobody is asked with --yes, and no script', async () => {
  for (const [yes, isTTY] of [
    [true, true],
    [false, false]
  ]) {
    const at = terminal('n', isTTY)
    await confirm('Delete orders?', yes, at)
    assert.equal(at.asked(), '')
  }
})
