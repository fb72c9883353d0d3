import { type ChildProcess, spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'

export const main = fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url))

export interface Ran {
  code: number | null
  stdout: Buffer
  stderr: string
}

/** Starts `naru` with these arguments; `bootstrap` goes by the environment. */
export function startNaru(args: readonly string[], bootstrap = ''): ChildProcess {
  const env = { ...process.env, ...(bootstrap && { NARU_BOOTSTRAP: bootstrap }) }
  return spawn(process.execPath, ['--import', 'tsx', main, ...args], { env, stdio: ['pipe', 'pipe', 'pipe'] })
}

/** Runs `naru` to its end. */
export function naru(args: readonly string[], bootstrap = '', input: string | Buffer = ''): Promise<Ran> {
  return ended(startNaru(args, bootstrap), input)
}

export function ended(child: ChildProcess, input: string | Buffer = '', timeoutMs = 30_000): Promise<Ran> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => child.kill('SIGKILL'), timeoutMs)
    const stdout: Buffer[] = []
    let stderr = ''
    child.stdout!.on('data', chunk => stdout.push(chunk))
    child.stderr!.setEncoding('utf8').on('data', chunk => (stderr += chunk))
    child.stdin!.on('error', () => {})
    child.stdin!.end(input)
    child.once('error', reject)
    child.once('close', code => {
      clearTimeout(timer)
      resolve({ code, stdout: Buffer.concat(stdout), stderr })
    })
  })
}
