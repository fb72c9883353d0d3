import assert from 'node:assert/strict'
import { test } from 'node:test'
import { commands } from '../../src/cli/commands.ts'
import { flagBytes, split } from '../../src/cli/split.ts'
import { naru } from './support.ts'

test('--help teaches, for the program and for each command', async () => {
  const help = (await naru(['--help'])).stdout.toString()
  for (const command of Object.keys(commands)) assert.match(help, new RegExp(`^  ${command} `, 'm'))
  for (const args of [
    ['produce', '--help'],
    ['help', 'consume'],
    ['topic', '--help']
  ]) {
    const { code, stdout } = await naru(args)
    assert.equal(code, 0)
    assert.match(stdout.toString(), /Examples:\n {2}\$ /)
  }
})

test('what makes no sense ends with 2 and says what would', async () => {
  for (const [args, message] of [
    [['consume', 't', '--from', 'yesteryear'], /--from takes/],
    [['consume', 't', '--group', 'g', '--partition', '1'], /--partition does not go with --group/],
    [['consume', 't', '--count', '0'], /at least 1/],
    [['produce', 't', '--key', 'a', '--key-separator', ':'], /--key/],
    [['topic', 'list', '--bootstrap', 'host:port:9'], /host:port is expected/],
    [['topic', 'list', '--no-such-flag'], /'naru topic list --help' tells more/],
    [['nonsense'], /'naru --help' lists the commands/]
  ] as const) {
    const { code, stderr } = await naru(args)
    assert.equal(code, 2, stderr)
    assert.match(stderr, message)
  }
})

test('a broker that is not there is told at once, with what to do', async () => {
  const { code, stderr } = await naru(['topic', 'list', '--bootstrap', '127.0.0.1:1'])
  assert.equal(code, 3)
  assert.match(stderr, /No broker answers at 127\.0\.0\.1:1/)
  assert.match(stderr, /naru start/)
})

test('a start that waits for etcd in vain says so, and fails', async () => {
  const flags = ['--etcd', '127.0.0.1:1', '--node-id', '1', '--port', '0', '--memory']
  const { code, stderr, stdout } = await naru(['start', ...flags, '--set', 'etcd.start.timeout.ms=1500'])
  assert.equal(stdout.toString(), '')
  assert.match(stderr, /No etcd answers at 127\.0\.0\.1:1: .*Start it, or name others with --etcd/)
  assert.equal(code, 1)
})

test('an option that makes no sense is told with what is wrong with it, and nothing else', async () => {
  const { code, stderr } = await naru(['start', '--memory', '--set', 'num.partitions=none'])
  assert.deepEqual(
    [code, stderr],
    [2, 'naru: Invalid value none for configuration num.partitions: Not a number of type INT\n']
  )
})

test('splits at delimiters wherever the chunks end', async () => {
  const text = Buffer.from('one--two----three-')
  for (let size = 1; size <= text.length; size++) {
    async function* chunks() {
      for (let at = 0; at < text.length; at += size) yield text.subarray(at, at + size)
    }
    const pieces: string[] = []
    for await (const some of split(chunks(), Buffer.from('--'))) pieces.push(...some.map(String))
    assert.deepEqual(pieces, ['one', 'two', '', 'three-'])
  }
})

test('flags may contain escapes', () => {
  assert.deepEqual(flagBytes('a\\n\\t\\\\\\0\\xff'), Buffer.from([0x61, 10, 9, 0x5c, 0, 0xff]))
  assert.throws(() => flagBytes('\\q'), /no escape/)
})
