/** States that a search should reach, counted as seeds reach them. */
export class Coverage {
  readonly counts = new Map<string, number>()

  count(state: string, by = 1): void {
    this.counts.set(state, (this.counts.get(state) ?? 0) + by)
  }

  /** In how many of several runs each state was reached. */
  static seeds(runs: Iterable<Readonly<Record<string, number>>>): Map<string, number> {
    const seeds = new Map<string, number>()
    for (const run of runs) for (const state of Object.keys(run)) seeds.set(state, (seeds.get(state) ?? 0) + 1)
    return seeds
  }
}
