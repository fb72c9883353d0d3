import assert from 'node:assert/strict'
import { PassThrough } from 'node:stream'
import { test } from 'node:test'
import { confirm } from '../../src/cli/confirm.ts'

/** A terminal, or a pipe, at which `answer` is typed. */
function terminal(answer: string, isTTY: boolean, end = '\n') {
  const stream = () => Object.assign(new PassThrough(), { isTTY })
  const [input, output] = [stream(), stream()]
  input.write(`${answer}${end}`)
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

test('Ctrl-C and the end of the input mean no', async () => {
  for (const end of ['\u0003', '\u0004'])
    await assert.rejects(confirm('Delete orders?', false, terminal('', true, end)), /Nothing was done/)
  const hungUp = terminal('y', true, '')
  hungUp.input.end()
  await assert.rejects(confirm('Delete orders?', false, hungUp), /Nothing was done/)
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
