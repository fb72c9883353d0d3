import { createInterface } from 'node:readline/promises'
import { Failed } from './failure.ts'

/**
 * Asks a person before something that can't be undone. `yes` (the flag --yes) is the answer already; so is a script, which
 * says what it means: whoever has no terminal is not asked. Throws Failed when the answer is no.
 */
export async function confirm(question: string, yes: boolean | undefined): Promise<void> {
  if (yes || !process.stdin.isTTY || !process.stderr.isTTY) return
  const terminal = createInterface({ input: process.stdin, output: process.stderr })
  try {
    const answer = await terminal.question(`${question} [y/N] `)
    if (!/^y(es)?$/i.test(answer.trim())) throw new Failed('Nothing was done.')
  } finally {
    terminal.close()
  }
}
