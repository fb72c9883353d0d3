import type { Case } from './case.ts'
import { connectionCases } from './connection-cases.ts'
import { hostileCases } from './hostile-cases.ts'
import { recordCases } from './record-cases.ts'

export const cases: readonly Case[] = [...connectionCases, ...recordCases, ...hostileCases]
