import { type Lease, type Metastore, MetastoreError } from './metastore.ts'

export interface Leadership {
  /** Grows with each winner. */
  readonly token: number
  /** The compare that fences a transaction: it holds only while this leadership does. */
  readonly fence: { key: string; target: 'createRevision'; is: '='; to: number }
  /** Calls back once when the leadership has ended, or nobody can tell: standing again gives the same one back if it lasts. */
  onLost(listener: () => void): void
  resign(): Promise<void>
}

/** The key that an election's winner holds. */
export const electionKey = (name: string): string => `elections/${name}`

/**
 * Waits until nobody leads `name` and takes the lead, all candidates against each other; the win and its fencing token come in
 * one transaction. The lead ends with the lease. Rejects when the metastore does, and as `lease` when the lease has ended.
 */
export async function campaign(store: Metastore, name: string, lease: Lease, value: string): Promise<Leadership> {
  const key = electionKey(name)
  for (;;) {
    const { succeeded, revision, items } = await store.txn({
      compare: [{ key, target: 'createRevision', is: '=', to: 0 }],
      success: [{ type: 'put', key, value, lease: lease.id }],
      failure: [{ type: 'get', key }]
    })
    if (succeeded) return lead(store, key, revision)
    // The winner may be this very candidate: an earlier attempt whose answer was lost.
    const holder = items[0]
    if (holder?.lease === lease.id) return lead(store, key, holder.createRevision)
    await vacancy(store, key, revision + 1)
  }
}

function lead(store: Metastore, key: string, token: number): Leadership {
  const fence = { key, target: 'createRevision', is: '=', to: token } as const
  const lost = vacancy(store, key, token + 1).catch(error => {
    // With the store everything ends.
    if (error instanceof MetastoreError && error.kind === 'closed') return new Promise<void>(() => {})
  })
  return {
    token,
    fence,
    onLost: listener => void lost.then(listener),
    async resign() {
      await store.txn({ compare: [fence], success: [{ type: 'delete', key }] })
    }
  }
}

/** Resolves once the key went away at revision `from` or later. */
function vacancy(store: Metastore, key: string, from: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const look = async (): Promise<void> => {
      const { revision, item } = await store.get(key)
      if (!item || item.createRevision >= from) resolve()
      else listen(revision + 1)
    }
    const listen = (revision: number): void => {
      const watch = store.watch(key, revision, {
        changed({ changes }) {
          if (!changes.some(change => change.type === 'delete' && change.key === key)) return
          watch.cancel()
          resolve()
        },
        ended: reason =>
          reason === 'compacted'
            ? void look().catch(reject)
            : reject(new MetastoreError('closed', 'the metastore is closed'))
      })
    }
    listen(from)
  })
}
