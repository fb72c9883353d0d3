import { readFileSync } from 'node:fs'

/** Linux counts CPU time in hundredths of a second (USER_HZ). */
const ticksPerSecond = 100

/** CPU seconds that all threads of a process have used, user and system. */
export function cpuSeconds(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
  // The name in brackets may hold spaces; user and system time are the 12th and 13th fields after it.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return (Number(fields[11]) + Number(fields[12])) / ticksPerSecond
}

export interface MemoryUse {
  rssMb: number
  peakMb: number
}

/** Resident memory of a process, now and at most so far, in MB (10^6 bytes). */
export function memoryUse(pid: number): MemoryUse {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8')
  const field = (name: string) => (Number(new RegExp(`${name}:\\s+(\\d+) kB`).exec(status)![1]) * 1024) / 1e6
  return { rssMb: field('VmRSS'), peakMb: field('VmHWM') }
}
