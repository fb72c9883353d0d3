import { fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import type { SimResult } from './scenario.ts'

/** What one process of a search does: the seeds `first`, `first + step` and so on, `count` of them or for `seconds`. */
export interface Share {
  readonly first: number
  readonly step: number
  readonly count: number | undefined
  readonly seconds: number | undefined
}

/** A seed takes half a second of a processor that has nothing else to do. */
const seedSecondsMax = 300

/** Runs seeds from `first` on in `jobs` processes; gives the CPU time that it took, of all together. */
export async function search(
  { first, count, seconds, jobs }: Omit<Share, 'step'> & { readonly jobs: number },
  take: (result: SimResult) => void
): Promise<{ readonly cpuMs: number }> {
  const worker = fileURLToPath(new URL('worker.ts', import.meta.url))
  const spent = await Promise.all(
    Array.from({ length: jobs }, (_, job) => {
      const share: Share = {
        first: first + job,
        step: jobs,
        count: count === undefined ? undefined : Math.ceil((count - job) / jobs),
        seconds
      }
      const child = fork(worker, [JSON.stringify(share)], { execArgv: ['--import', 'tsx'] })
      return new Promise<number>((resolve, reject) => {
        let cpuMs = 0
        let seed = share.first
        // One that runs for ever would look like one that finds nothing.
        const giveUp = () => {
          child.kill()
          reject(new Error(`seed ${seed} has not come to an end in ${seedSecondsMax} s`))
        }
        let patience = setTimeout(giveUp, seedSecondsMax * 1000)
        child.on('message', (message: { result: SimResult; cpuMs: number }) => {
          cpuMs = message.cpuMs
          seed = message.result.seed + jobs
          clearTimeout(patience)
          patience = setTimeout(giveUp, seedSecondsMax * 1000)
          take(message.result)
        })
        child.on('exit', code => {
          clearTimeout(patience)
          if (code === 0) resolve(cpuMs)
          else reject(new Error(`a search ended with ${code}`))
        })
      })
    })
  )
  return { cpuMs: spent.reduce((sum, ms) => sum + ms, 0) }
}
