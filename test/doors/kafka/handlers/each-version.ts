import { it } from 'node:test'
import type { AnyApi, Handler } from '../../../../src/doors/kafka/handler.ts'

/** Runs for every version that a handler serves. */
export function eachVersion(
  { api, versions: [from, to] }: Handler<AnyApi>,
  run: (version: number) => Promise<void>
): void {
  for (let version = from; version <= to; version++) it(`${api.name} version ${version}`, () => run(version))
}
