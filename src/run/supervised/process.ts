import { fork } from 'node:child_process'
import { createInterface } from 'node:readline'
import { type FromBroker, type Line, lineOver, type ToBroker } from './messages.ts'

/** The process of a broker. */
export interface BrokerProcess extends Line<FromBroker, ToBroker> {
  readonly pid: number
  /** Calls back once with how it ended (`exit code 1`, `SIGKILL`) and the last that it wrote to standard error. */
  onExit(listener: (how: string, lastWords: string) => void): void
  kill(): void
}

/** Lines of standard error that are kept to tell why a process ended: a stack trace's, or V8's last. */
const lastLines = 20

/**
 * Starts this very program once more, as the broker of a supervisor. Its standard output goes nowhere; what it writes to
 * standard error is written on, whole lines at a time, so that nobody who reads ours has to wait for its end.
 */
export function startBrokerProcess(nodeId: number): BrokerProcess {
  const [, program] = process.argv
  const child = fork(program, ['start', '--supervised', '--node-id', String(nodeId)], {
    stdio: ['ignore', 'ignore', 'pipe', 'ipc']
  })
  const words: string[] = []
  createInterface({ input: child.stderr! }).on('line', line => {
    // A line of the log says whose it is; anything else comes from Node itself.
    const isLog = line.startsWith('{')
    process.stderr.write(isLog ? `${line}\n` : `[broker ${nodeId}] ${line}\n`)
    if (isLog || line.trim() === '') return
    words.push(line)
    if (words.length > lastLines) words.shift()
  })
  const exits: ((how: string, lastWords: string) => void)[] = []
  let exit: string | undefined
  const ended = (how: string) => {
    exit ??= how
    for (const listener of exits.splice(0)) listener(exit, words.join('\n'))
  }
  child.once('error', error => ended(error.message))
  child.once('exit', (code, signal) => ended(signal ?? `exit code ${code}`))
  return {
    ...lineOver<FromBroker, ToBroker>(child),
    pid: child.pid ?? 0,
    onExit: listener => void exits.push(listener),
    kill: () => void child.kill('SIGKILL')
  }
}
