import { createInterface } from 'node:readline/promises'
import { Failed } from './failure.ts'

/** Where a person is asked and answers. */
export interface Terminal {
  readonly input: NodeJS.ReadableStream & { readonly isTTY?: boolean }
  readonly output: NodeJS.WritableStream & { readonly isTTY?: boolean }
}

/**
 * Asks a person before something that can't be undone. `yes` (the flag --yes) is the answer already; so is a script, which
 * says what it means: whoever has no terminal is not asked. Throws Failed when the answer is no, or Ctrl-C.
 */
export async function confirm(
  question: string,
  yes: boolean | undefined,
  { input, output }: Terminal = { input: process.stdin, output: process.stderr }
): Promise<void> {
  if (yes || !input.isTTY || !output.isTTY) return
  const terminal = createInterface({ input, output })
  // Ctrl-C closes it, and so does the end of the input, which leaves the question open for ever.
  const closed = new Promise<string>(resolve => terminal.once('close', () => resolve('')))
  try {
    const answer = await Promise.race([terminal.question(`${question} [y/N] `), closed])
    if (!/^y(es)?$/i.test(answer.trim())) throw new Failed('Nothing was done.')
  } finally {
    terminal.close()
  }
}
