/** One call of one of Kafka's tools, and how what it prints on two brokers is compared. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { KafkaTool, ToolResult } from '../tool-runner.ts'

export interface Step {
  readonly tool: KafkaTool
  readonly args: readonly string[]
  readonly input?: string
  /** What differs between any two runs of this tool, beyond what `comparable` knows: times, rates. */
  readonly hide?: RegExp
  /** Where Naru does otherwise (GAPS.md, compat/FINDINGS.md): what the tool says with Naru, instead of a comparison. */
  readonly otherwise?: RegExp
  /** With `otherwise`, the exit code; 1 when absent. */
  readonly code?: number
}

export const step = (tool: KafkaTool, ...args: string[]): Step => ({ tool, args })

/** The words of a call without quotes or blanks in its arguments. */
export const call = (line: string): Step => {
  const [tool, ...args] = line.split(' ')
  return { tool: tool as KafkaTool, args }
}

/** Folder of the files that tools are given. */
export const folder = mkdtempSync(join(tmpdir(), 'naru-tools-'))

process.once('exit', () => rmSync(folder, { recursive: true, force: true }))

export function file(name: string, content: object | string): string {
  const path = join(folder, name)
  writeFileSync(path, typeof content === 'string' ? content : JSON.stringify(content))
  return path
}

const uuid = /[\da-f]{8}-[\da-f]{4}-[\da-f]{4}-[\da-f]{4}-[\da-f]{12}/g
const id = /(TopicId: |Cluster ID: |"topicId":")[\w-]{22}/g

/** What a tool printed, without what differs between any two clusters: addresses, ids, folders, sizes, order of lines. */
export function comparable({ code, stdout, stderr }: ToolResult, bootstrap: string, hide?: RegExp): object {
  const port = bootstrap.slice(bootstrap.lastIndexOf(':') + 1)
  const same = (text: string) => {
    const words = text
      .replaceAll(/\b(127\.0\.0\.1|localhost)\b/g, 'HOST     ')
      .replaceAll(port, 'PORT')
      .replaceAll(uuid, 'UUID')
      .replaceAll(id, '$1ID')
      .replaceAll(/"timestamp":\d+/g, '"timestamp":TIME')
      .replaceAll(/"log_dirs":\["\/[^\]]*\]/g, dirs => dirs.replaceAll(/"\/[^"]*"/g, '"DIR"'))
    return (hide ? words.replaceAll(hide, 'HIDDEN') : words).trimEnd()
  }
  return {
    code,
    stdout: stdout
      .split('\n')
      .filter(isAnswer)
      .map(sortedLogDirs)
      .map(sortedIsr)
      .map(same)
      .filter(line => line !== 'HIDDEN')
      .sort(),
    errors: [...new Set(stderr.split('\n').filter(isError).map(same))].sort()
  }
}

/** Stacks name the lines of the tool, not of the broker. */
const isAnswer = (line: string) => !/^\s+at |^\s*\.\.\. \d+ more/.test(line)

/** Exceptions that a tool prints; its log may say more of them, and how often is a matter of time. */
const isError = (line: string) => /^(\S+ )?[\w.]+(Exception|Error): /.test(line) && !line.startsWith('[')

/** In which order those in sync are listed is nobody's promise. */
const sortedIsr = (line: string) => line.replace(/(?<=\tIsr: )[\d,]+/, nodes => nodes.split(',').sort().join())

interface LogDirs {
  brokers: { logDirs: { logDir: string; partitions: { partition: string; size: number | string }[] }[] }[]
}

/** kafka-log-dirs lists partitions in no order, with their folders and sizes. */
function sortedLogDirs(line: string): string {
  if (!line.startsWith('{"brokers"')) return line
  const answer = JSON.parse(line) as LogDirs
  for (const dir of answer.brokers.flatMap(({ logDirs }) => logDirs)) {
    dir.logDir = 'DIR'
    dir.partitions.sort((a, b) => a.partition.localeCompare(b.partition))
    for (const partition of dir.partitions) partition.size = 'SIZE'
  }
  return JSON.stringify(answer)
}
