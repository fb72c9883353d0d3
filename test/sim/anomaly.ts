/**
 * What a run may show that must not be, by what a user would call it:
 *
 *   lost          acknowledged, or read once, and not there in the end
 *   changed       one offset held two records one after the other, or a record is elsewhere than it was acknowledged
 *   diverged      replicas of a partition hold different things
 *   doubled       a record is there twice, or out of order
 *   skipped       a consumer was led past records, or back
 *   uncommitted   a consumer was shown what was not committed
 *   went back     an end, or a high watermark, that had been told was taken back
 *   refused       a record is there that its producer was told is not
 *   foreign       a record is there that nobody sent there
 *   wrong error   a client was told what can't be so
 *   offsets       committed offsets of a group went back, or are not what was committed
 *   policy        the metastore has what no rule allows, such as a leader that may lack what others have
 *   unreadable    what a replica has can't be read
 *   stuck         long after the last fault something has not come back, or the run broke
 */
export type AnomalyKind =
  | 'lost'
  | 'changed'
  | 'diverged'
  | 'doubled'
  | 'skipped'
  | 'uncommitted'
  | 'went back'
  | 'refused'
  | 'foreign'
  | 'wrong error'
  | 'offsets'
  | 'policy'
  | 'unreadable'
  | 'stuck'

export interface Anomaly {
  readonly kind: AnomalyKind
  readonly what: string
}

/** How many are kept of each kind: the first ones tell, and none hides another kind. */
const keptOfKind = 10

/** What was found so far, each once. */
export class Anomalies {
  readonly list: Anomaly[] = []

  add(kind: AnomalyKind, what: string): void {
    const alike = this.list.filter(one => one.kind === kind)
    if (alike.length < keptOfKind && !alike.some(one => one.what === what)) this.list.push({ kind, what })
  }

  /** Takes over what somebody else has found, with a word on where. */
  addAll(others: Anomalies, where: string): void {
    for (const { kind, what } of others.list) this.add(kind, `${where}: ${what}`)
  }

  get isEmpty(): boolean {
    return this.list.length === 0
  }
}

export const textOf = ({ kind, what }: Anomaly): string => `${kind}: ${what}`
