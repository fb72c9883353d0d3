import { MetastoreError, type Operation, type Transaction, transactionOperationsMax } from './metastore.ts'

/** Throws `invalid` when a transaction is against the rules, in whichever branch. */
export function checkTransaction({ compare = [], success = [], failure = [] }: Transaction): void {
  checkSize(compare.length)
  checkOperations(success)
  checkOperations(failure)
}

function checkSize(count: number): void {
  if (count > transactionOperationsMax)
    throw new MetastoreError('invalid', `${count} operations in a transaction, at most ${transactionOperationsMax}`)
}

function checkOperations(operations: readonly Operation[]): void {
  checkSize(operations.length)
  const written = new Set<string>()
  for (const operation of operations) {
    if (operation.type === 'get') continue
    if (written.has(operation.key)) throw new MetastoreError('invalid', `${operation.key} is written twice`)
    written.add(operation.key)
  }
}
