import { randomFillSync } from 'node:crypto'
import { hostname } from 'node:os'
import type { Clock } from '../std/clock.ts'
import type { Random } from '../std/random.ts'

/** The machine's clock. Its timers don't keep the process alive: sockets and files in use do. */
export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  after(delayMs, fire) {
    let timer: NodeJS.Timeout
    // setTimeout takes at most 2^31 - 1 ms and fires at once beyond: a longer wait goes in steps.
    const arm = (leftMs: number) => {
      const stepMs = Math.min(leftMs, longestTimeoutMs)
      timer = setTimeout(() => (leftMs > stepMs ? arm(leftMs - stepMs) : fire()), stepMs)
      timer.unref()
    }
    arm(delayMs)
    return { cancel: () => clearTimeout(timer) }
  }
}

const longestTimeoutMs = 0x7fff_ffff

/** The machine's name: what the brokers on it have in common. */
export const machineName = hostname()

/** The machine's cryptographic randomness, taken a page at a time. */
export const systemRandom: Random = {
  uint32() {
    if (used === pool.length) {
      randomFillSync(pool)
      used = 0
    }
    const value = pool.readUInt32LE(used)
    used += 4
    return value
  }
}

const pool = Buffer.alloc(4096)
let used = pool.length

/** The clock's timers don't keep a process alive: while this is under way it lives all the same, so that it comes to its end. */
export async function keepingAlive<T>(work: Promise<T>): Promise<T> {
  const handle = setInterval(() => {}, 60_000)
  try {
    return await work
  } finally {
    clearInterval(handle)
  }
}
