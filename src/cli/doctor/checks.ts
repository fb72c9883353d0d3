import { brokerChecks } from './broker-checks.ts'
import { configChecks } from './config-checks.ts'
import { type Check, type Finding, severities } from './finding.ts'
import { groupChecks } from './group-checks.ts'
import { partitionChecks } from './partition-checks.ts'
import { recordChecks } from './record-checks.ts'
import type { View } from './view.ts'

export const checks: readonly Check[] = [
  ...brokerChecks,
  ...partitionChecks,
  ...groupChecks,
  ...recordChecks,
  ...configChecks
]

/** What all checks find, the worst first. */
export function diagnose(view: View): Finding[] {
  return checks
    .flatMap(check => check.run(view))
    .sort((a, b) => severities.indexOf(a.severity) - severities.indexOf(b.severity))
}
