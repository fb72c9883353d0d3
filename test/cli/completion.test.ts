import assert from 'node:assert/strict'
import { execFile, spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { promisify } from 'node:util'
import { allOf, commandTree } from '../../src/cli/completion/tree.ts'
import { main } from './support.ts'
import { cliWorld } from './world.ts'

const { broker, run, fresh, name } = cliWorld({}, prepare)
const folder = mkdtempSync(join(tmpdir(), 'naru-completion-'))
let topic = ''
let group = ''

async function prepare(): Promise<void> {
  for (const shell of ['bash', 'zsh', 'fish']) writeFileSync(join(folder, shell), await run(['completion', shell]))
  writeFileSync(join(folder, 'naru'), `#!/bin/sh\nexec "${process.execPath}" --import tsx "${main}" "$@"\n`, {
    mode: 0o755
  })
  topic = await fresh()
  group = name('g')
  await run(['produce', topic], 'x\n')
  await run(['group', 'reset-offsets', group, '-t', topic, '--to-earliest', '--execute'])
}
after(() => rmSync(folder, { recursive: true, force: true }))

const shellEnv = () => ({ ...process.env, PATH: `${folder}:${process.env.PATH}`, NARU_BOOTSTRAP: broker().bootstrap })

/** What each shell offers at the end of a line. */
const shells: Record<string, (line: string) => Promise<string[]>> = {
  bash: line =>
    words('bash', [
      '-c',
      `compopt() { echo FILES; }; source ${join(folder, 'bash')}; COMP_LINE=$1 COMP_POINT=\${#1}; _naru; printf '%s\\n' "\${COMPREPLY[@]}"`,
      'bash',
      line
    ]),
  // Its completion works in an editor only: what it would hand over is caught, and cut to what begins as the word does.
  zsh: async line => {
    const stubs = 'compdef() {}; compadd() { shift; print -l -- "$@"; }; _files() { print FILES; }'
    const given = line.split(' ')
    const offered = await words('zsh', [
      '-f',
      '-c',
      `${stubs}; source ${join(folder, 'zsh')}; words=("$@"); CURRENT=$#words; _naru || true`,
      'zsh',
      ...given
    ])
    return offered.filter(word => word === 'FILES' || word.startsWith(given.at(-1)!))
  },
  fish: line =>
    words('fish', ['--no-config', '-c', `source ${join(folder, 'fish')}; complete -C "$argv[1]"`, line]).then(found =>
      found.map(word => word.split('\t')[0])
    )
}

async function words(shell: string, args: readonly string[]): Promise<string[]> {
  const { stdout, stderr } = await promisify(execFile)(shell, args, { env: shellEnv() })
  assert.equal(stderr, '')
  return stdout.split('\n').filter(word => word !== '')
}

for (const [shell, complete] of Object.entries(shells)) {
  const installed = spawnSync(shell, ['-c', 'true']).status === 0
  test(`${shell} completes commands, flags, choices, and names that the broker knows`, {
    skip: installed ? false : `${shell} is not installed`
  }, async () => {
    assert.deepEqual(await complete('naru gr'), ['group'])
    assert.ok((await complete('naru ')).includes('doctor'))
    assert.deepEqual(await complete('naru topic al'), ['alter'])
    assert.deepEqual(await complete('naru topic alter --part'), ['--partitions'])
    assert.deepEqual(await complete(`naru topic alter ${topic} --dry`), ['--dry-run'])
    assert.deepEqual(await complete(`naru topic describe ${topic.slice(0, 6)}`), [topic])
    assert.deepEqual(await complete(`naru topic delete other ${topic.slice(0, 6)}`), [topic])
    assert.deepEqual(await complete(`naru consume ${topic.slice(0, 6)}`), [topic])
    assert.deepEqual(await complete(`naru consume ${topic} --group ${group.slice(0, 6)}`), [group])
    assert.deepEqual(await complete(`naru group describe --json ${group.slice(0, 6)}`), [group])
    assert.deepEqual(await complete(`naru config set topic/${topic.slice(0, 6)}`), [`topic/${topic}`])
    assert.deepEqual(await complete('naru produce t --codec z'), ['zstd'])
    assert.deepEqual(await complete('naru produce t -z sn'), ['snappy'])
    assert.deepEqual(await complete('naru topic create x'), [])
    const [address] = [broker().bootstrap]
    assert.deepEqual(await complete(`naru topic describe -b ${address} ${topic.slice(0, 6)}`), [topic])
  })
  test(`${shell} is not kept waiting by a broker that is away`, {
    skip: installed ? false : `${shell} is not installed`
  }, async () => {
    assert.deepEqual(await complete('naru topic describe -b 127.0.0.1:1 c'), [])
  })
}

test('every command and flag is in the scripts, none that is hidden', async () => {
  const tree = allOf(await commandTree())
  assert.ok(tree.length > 25)
  assert.ok(!tree.some(({ path }) => path.endsWith(' names')))
  for (const shell of ['bash', 'zsh', 'fish']) {
    const script = await run(['completion', shell])
    for (const { flags } of tree)
      for (const { long } of flags) assert.ok(script.includes(shell === 'fish' ? `-l ${long.slice(2)}` : long), long)
  }
})
