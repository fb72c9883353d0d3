import type { Clock } from '../std/clock.ts'
import { NaruError } from '../std/errors.ts'

/**
 * Does what a client asked for and rejects with REQUEST_TIMED_OUT when it isn't done after `timeoutMs`: it may still be
 * done then. With no time at all it is not begun, as in Kafka.
 */
export function withinTimeout<T>(clock: Pick<Clock, 'after'>, timeoutMs: number, work: () => Promise<T>): Promise<T> {
  const late = () => new NaruError('REQUEST_TIMED_OUT', 'The request was not done within its time-out.')
  if (timeoutMs <= 0) return Promise.reject(late())
  return new Promise((resolve, reject) => {
    const timer = clock.after(timeoutMs, () => reject(late()))
    work()
      .then(resolve, reject)
      .finally(() => timer.cancel())
  })
}
