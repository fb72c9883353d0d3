import { readdirSync, readFileSync } from 'node:fs'

const clock = new Int32Array(new SharedArrayBuffer(4))

/**
 * SIGSTOP, and not before the process stands still: on a busy machine its threads go on, and answer, until the one that takes
 * the signal has its turn. Where there is no /proc it is only sent.
 */
export function standStill(pid: number): void {
  process.kill(pid, 'SIGSTOP')
  for (let waitedMs = 0; waitedMs < 5000 && runs(pid); waitedMs++) Atomics.wait(clock, 0, 0, 1)
}

/** Whether any of its threads may run. */
function runs(pid: number): boolean {
  try {
    const threads = readdirSync(`/proc/${pid}/task`)
    return threads.some(
      thread => !/^\d+ \(.*\) [TtZX] /s.test(readFileSync(`/proc/${pid}/task/${thread}/stat`, 'utf8'))
    )
  } catch {
    // A thread that has ended meanwhile; or the process.
    return false
  }
}
