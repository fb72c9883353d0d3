/** `node --import tsx bench/profile.ts FILE...`: where the time of .cpuprofile files went, by function. */
import { readFileSync } from 'node:fs'

interface Profile {
  nodes: { id: number; callFrame: { functionName: string; url: string; lineNumber: number }; children?: number[] }[]
  samples: number[]
  timeDeltas: number[]
}

const shown = 40

for (const file of process.argv.slice(2)) {
  const profile: Profile = JSON.parse(readFileSync(file, 'utf8'))
  const selfUs = new Map<number, number>()
  for (const [i, id] of profile.samples.entries()) selfUs.set(id, (selfUs.get(id) ?? 0) + profile.timeDeltas[i])
  const names = new Map(profile.nodes.map(({ id, callFrame }) => [id, nameOf(callFrame)]))
  const children = new Map(profile.nodes.map(({ id, children }) => [id, children ?? []]))

  const self = new Map<string, number>()
  for (const [id, us] of selfUs) add(self, names.get(id)!, us)
  const total = new Map<string, number>()
  // Time of a function with all that it calls, counted once where it calls itself.
  const walk = (id: number, above: Set<string>): number => {
    const name = names.get(id)!
    const within = above.has(name) ? above : new Set(above).add(name)
    let us = selfUs.get(id) ?? 0
    for (const child of children.get(id)!) us += walk(child, within)
    if (!above.has(name)) add(total, name, us)
    return us
  }
  const allUs = walk(profile.nodes[0].id, new Set())
  const busyUs = allUs - (self.get('(idle)') ?? 0)
  console.log(`\n${file}: ${(allUs / 1e6).toFixed(1)} s, busy ${(busyUs / 1e6).toFixed(1)} s; shares of the busy time`)
  const rows = [...self].filter(([name]) => name !== '(idle)').sort((a, b) => b[1] - a[1])
  for (const [name, us] of rows.slice(0, shown))
    console.log(`${share(us)} self ${share(total.get(name)!)} total  ${name}`)

  function share(us: number): string {
    return `${((100 * us) / busyUs).toFixed(1).padStart(5)} %`
  }
}

function add(sums: Map<string, number>, name: string, us: number): void {
  sums.set(name, (sums.get(name) ?? 0) + us)
}

function nameOf({ functionName, url, lineNumber }: Profile['nodes'][0]['callFrame']): string {
  const place = url.replace(/^.*\/(dist|src|node_modules)\//, '$1/')
  return `${functionName || '(anonymous)'}${place ? ` ${place}:${lineNumber + 1}` : ''}`
}
