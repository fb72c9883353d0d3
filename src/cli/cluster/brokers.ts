import { UsageError } from '../failure.ts'
import type { ClusterState } from './state.ts'

/** The ids of brokers on a command line. */
export function brokerIds(texts: readonly string[]): number[] {
  return texts.map(text => {
    const id = Number(text)
    if (!/^\d+$/.test(text) || !Number.isSafeInteger(id))
      throw new UsageError(`A broker is named by its id, not '${text}'.`)
    return id
  })
}

export const isThere = ({ brokers }: ClusterState, broker: number): boolean => brokers.some(({ id }) => id === broker)

export const idsOf = ({ brokers }: ClusterState): string => brokers.map(({ id }) => id).join(', ')
