import { chance, type Random } from '../std/random.ts'
import { DiskError } from './disk.ts'
import { SimulatedFileNode, type Survival } from './simulated-node.ts'

type TreeNode = SimulatedFileNode | Folder

/** A change of names that a sync of either folder makes durable. Undefined as node: the name goes away. */
interface NameChange {
  readonly number: number
  readonly names: readonly { folder: Folder; name: string; node: TreeNode | undefined }[]
}

class Folder {
  readonly kind = 'folder'
  readonly entries = new Map<string, TreeNode>()
  readonly durable = new Map<string, TreeNode>()
  readonly pending = new Set<NameChange>()
}

/** The names of a simulated disk: what is seen, and what a crash leaves of the changes that no folder sync covered. */
export class SimulatedTree {
  private root = new Folder()
  private changes = 0

  find(path: string): TreeNode | undefined {
    let node: TreeNode | undefined = this.root
    for (const name of parts(path)) {
      if (node?.kind !== 'folder') return undefined
      node = node.entries.get(name)
    }
    return node
  }

  file(path: string): SimulatedFileNode {
    const node = this.find(path)
    if (node?.kind === 'file') return node
    throw new DiskError(node ? 'io' : 'missing', node ? `${path} is a folder` : `no such file: ${path}`)
  }

  folder(path: string): Folder {
    const node = this.find(path)
    if (node?.kind === 'folder') return node
    throw new DiskError(node ? 'io' : 'missing', node ? `${path} is a file` : `no such folder: ${path}`)
  }

  create(path: string): SimulatedFileNode {
    const node = new SimulatedFileNode()
    const { folder, name } = this.parent(path)
    this.change([{ folder, name, node }])
    return node
  }

  mkdir(path: string): void {
    let folder = this.root
    for (const name of parts(path)) {
      let next = folder.entries.get(name)
      if (next?.kind === 'file') throw new DiskError('io', `${path}: ${name} is a file`)
      if (!next) {
        next = new Folder()
        this.change([{ folder, name, node: next }])
      }
      folder = next
    }
  }

  /** Gives the node that was replaced. */
  rename(from: string, to: string): TreeNode | undefined {
    const node = this.find(from)
    if (!node) throw new DiskError('missing', `no such file or folder: ${from}`)
    const source = this.parent(from)
    const target = this.parent(to)
    const replaced = target.folder.entries.get(target.name)
    if (replaced === node) return undefined
    if (replaced && (replaced.kind !== node.kind || (replaced.kind === 'folder' && replaced.entries.size > 0)))
      throw new DiskError('io', `${to} is in the way of ${from}`)
    this.change([
      { ...source, node: undefined },
      { ...target, node }
    ])
    return replaced
  }

  /** Gives the node that went away. */
  remove(path: string): TreeNode | undefined {
    const node = this.find(path)
    if (node) this.change([{ ...this.parent(path), node: undefined }])
    return node
  }

  sync(path: string): void {
    for (const change of this.folder(path).pending) settle(change)
  }

  /** Calls `visit` for every file with its path. */
  eachFile(visit: (path: string, file: SimulatedFileNode) => void, from: TreeNode = this.root, path = ''): void {
    if (from.kind === 'file') visit(path, from)
    else for (const [name, node] of from.entries) this.eachFile(visit, node, `${path}/${name}`)
  }

  /** The tree after a power failure. Unsynced changes of names survive by the seed: none, all, the first, or any. */
  afterCrash(random: Random): SimulatedTree {
    const all = new Set<NameChange>()
    collect(this.root, all)
    const ordered = [...all].sort((a, b) => a.number - b.number)
    const style = random.uint32() % 4
    for (const change of ordered) {
      if (style === 0 || (style === 2 && chance(random, 0.2))) break
      if (style === 1 || style === 2 || chance(random, 0.5)) settle(change)
    }
    return this.copy(folder => folder.durable, surviving(random))
  }

  /** The tree after a kill of the process: all names and bytes are there, durable or not as before. */
  afterKill(): SimulatedTree {
    const copies = new Map<TreeNode, TreeNode>()
    const copyOf = (node: TreeNode): TreeNode => {
      const known = copies.get(node)
      if (known) return known
      if (node.kind === 'file') {
        const file = node.afterKill()
        copies.set(node, file)
        return file
      }
      const folder = new Folder()
      copies.set(node, folder)
      for (const [name, child] of node.entries) folder.entries.set(name, copyOf(child))
      for (const [name, child] of node.durable) folder.durable.set(name, copyOf(child))
      return folder
    }
    const tree = new SimulatedTree()
    tree.root = copyOf(this.root) as Folder
    tree.changes = this.changes
    const pending = new Set<NameChange>()
    collect(this.root, pending)
    for (const change of [...pending].sort((a, b) => a.number - b.number)) {
      const names = change.names.map(({ folder, name, node }) => ({
        folder: copyOf(folder) as Folder,
        name,
        node: node && copyOf(node)
      }))
      for (const { folder } of names) folder.pending.add({ number: change.number, names })
    }
    return tree
  }

  private copy(
    namesOf: (folder: Folder) => Map<string, TreeNode>,
    fileOf: (file: SimulatedFileNode) => SimulatedFileNode
  ): SimulatedTree {
    const copyFolder = (folder: Folder): Folder => {
      const made = new Folder()
      for (const [name, node] of namesOf(folder)) {
        const child = node.kind === 'file' ? fileOf(node) : copyFolder(node)
        made.entries.set(name, child)
        made.durable.set(name, child)
      }
      return made
    }
    const tree = new SimulatedTree()
    tree.root = copyFolder(this.root)
    return tree
  }

  private parent(path: string): { folder: Folder; name: string } {
    const names = parts(path)
    const name = names.pop()
    if (name === undefined) throw new DiskError('io', 'the root folder stays')
    return { folder: this.folder(`/${names.join('/')}`), name }
  }

  private change(names: NameChange['names']): void {
    const change = { number: ++this.changes, names }
    for (const { folder, name, node } of names) {
      if (node) folder.entries.set(name, node)
      else folder.entries.delete(name)
      folder.pending.add(change)
    }
  }
}

function settle(change: NameChange): void {
  for (const { folder, name, node } of change.names) {
    folder.pending.delete(change)
    if (node) folder.durable.set(name, node)
    else folder.durable.delete(name)
  }
}

/** Changes still pending in a folder and in all that can be reached from it, seen or durable. */
function collect(folder: Folder, into: Set<NameChange>, seen = new Set<Folder>()): void {
  if (seen.has(folder)) return
  seen.add(folder)
  for (const change of folder.pending) into.add(change)
  for (const names of [folder.entries, folder.durable])
    for (const node of names.values()) if (node.kind === 'folder') collect(node, into, seen)
}

function surviving(random: Random): (file: SimulatedFileNode) => SimulatedFileNode {
  const survivals: Survival[] = ['old', 'new', 'mixed', 'mixed']
  return file => file.afterCrash(random, survivals[random.uint32() % survivals.length])
}

function parts(path: string): string[] {
  return path.split('/').filter(name => name !== '')
}
