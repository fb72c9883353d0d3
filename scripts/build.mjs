// `npm run build`: declarations of every module, and the code in a few files: a process that embeds a broker would spend
// most of its start on opening hundreds of modules.
import { spawnSync } from 'node:child_process'
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { build } from 'esbuild'
import { bin, root } from './tools.mjs'

const outdir = join(root, 'dist')
rmSync(outdir, { recursive: true, force: true })
const { status } = spawnSync(process.execPath, [bin('typescript', 'tsc'), '-p', 'tsconfig.build.json'], {
  cwd: root,
  stdio: 'inherit'
})
if (status !== 0) process.exit(status ?? 1)
await build({
  absWorkingDir: root,
  entryPoints: ['src/index.ts', 'src/cli/main.ts'],
  outbase: 'src',
  outdir,
  // What a command loads only when it is called stays apart. At the depth of cli/: files of the package are found from both.
  chunkNames: 'chunks/[name]-[hash]',
  bundle: true,
  splitting: true,
  format: 'esm',
  platform: 'node',
  target: 'node20',
  packages: 'external',
  sourcemap: true
})
