import type { View } from './view.ts'

export const severities = ['error', 'warning', 'info'] as const
/** `error`: data or service is lost or about to be; `warning`: it will hurt; `info`: good to know. */
export type Severity = (typeof severities)[number]

export interface Finding {
  readonly severity: Severity
  /** The name of the check. */
  readonly check: string
  /** `topic orders`, `group billing`, `broker 1`. */
  readonly subject: string
  readonly what: string
  readonly why: string
  readonly todo: string
  /** The command that does it, or shows more. */
  readonly command?: string
}

export interface Check {
  readonly name: string
  /** What it looks for, in a few words. */
  readonly looksFor: string
  run(view: View): Finding[]
}

/** Says a check once: the findings carry its name. */
export function check(name: string, looksFor: string, find: (view: View) => Omit<Finding, 'check'>[]): Check {
  return { name, looksFor, run: view => find(view).map(finding => ({ ...finding, check: name })) }
}
