import * as header from '../../src/record/header.ts'
import { iterateRecords } from '../../src/record/iterate.ts'

/** Offset and value of every record of some batches. */
export function valuesOf(batches: Buffer): [number, string][] {
  const values: [number, string][] = []
  for (let at = 0; at < batches.length; at += header.batchBytes(batches, at))
    for (const { offset, value } of iterateRecords(batches, at)) values.push([offset, String(value)])
  return values
}
