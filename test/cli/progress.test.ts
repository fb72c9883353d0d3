import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Progress, progressLine } from '../../src/cli/progress.ts'

class Target {
  readonly columns = 60
  readonly isTTY: boolean
  text = ''

  constructor(isTTY: boolean) {
    this.isTTY = isTTY
  }

  write(text: string): void {
    this.text += text
  }
}

test('a line has what is known: the bar, amounts, rates, the time left', () => {
  assert.equal(
    progressLine({ bytes: 512 * 1024 * 1024, fraction: 0.25 }, 10_000),
    '[#####...............]  25%  30 s left  512.0 MiB, 51.2 MiB/s'
  )
  assert.equal(progressLine({ records: 5000, at: 'orders-0' }, 2000), '5000 records, 2500/s  orders-0')
  assert.equal(progressLine({ records: 10, fraction: 1 }, 1000), `[${'#'.repeat(20)}] 100%  10 records, 10/s`)
})

test('short work shows nothing, long work a line that is cleared at the end, and only a terminal sees it', () => {
  let nowMs = 0
  const now = () => nowMs
  const [terminal, pipe] = [new Target(true), new Target(false)]
  const [shown, hidden] = [new Progress({ target: terminal, now }), new Progress({ target: pipe, now })]
  const at = (ms: number) => {
    nowMs = ms
    for (const progress of [shown, hidden]) progress.update({ records: ms, fraction: ms / 2000, at: 'x'.repeat(100) })
  }
  at(400)
  assert.equal(terminal.text, '')
  at(600)
  const first = terminal.text
  assert.ok(first.startsWith('\r\x1b[K[######'))
  assert.ok(first.length <= 60 + 4, 'a line that wraps could not be cleared')
  at(700)
  assert.equal(terminal.text, first)
  at(900)
  assert.ok(terminal.text.length > first.length)
  shown.end()
  hidden.end()
  assert.ok(terminal.text.endsWith('\r\x1b[K'))
  assert.equal(pipe.text, '')
})
