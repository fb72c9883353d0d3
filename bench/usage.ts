import { readFileSync } from 'node:fs'

/** Linux counts CPU time in hundredths of a second (USER_HZ). */
const ticksPerSecond = 100

/** CPU seconds that all threads of these processes have used, user and system. */
export function cpuSeconds(pids: readonly number[]): number {
  return sum(pids.map(cpuSecondsOf))
}

/** The processes that a process started, and those that they started. */
export function descendants(pid: number): number[] {
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').filter(Boolean).map(Number)
  return children.flatMap(child => [child, ...descendants(child)])
}

function cpuSecondsOf(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
  // The name in brackets may hold spaces; user and system time are the 12th and 13th fields after it.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return (Number(fields[11]) + Number(fields[12])) / ticksPerSecond
}

export interface MemoryUse {
  rssMb: number
  peakMb: number
}

/** Resident memory of processes together, now and each at most so far, in MB (10^6 bytes). */
export function memoryUse(pids: readonly number[]): MemoryUse {
  const uses = pids.map(memoryUseOf)
  return { rssMb: sum(uses.map(({ rssMb }) => rssMb)), peakMb: sum(uses.map(({ peakMb }) => peakMb)) }
}

const sum = (numbers: number[]) => numbers.reduce((all, one) => all + one, 0)

function memoryUseOf(pid: number): MemoryUse {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8')
  const field = (name: string) => (Number(new RegExp(`${name}:\\s+(\\d+) kB`).exec(status)![1]) * 1024) / 1e6
  return { rssMb: field('VmRSS'), peakMb: field('VmHWM') }
}
