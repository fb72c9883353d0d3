import assert from 'node:assert/strict'
import { test } from 'node:test'
import { cliWorld, jsonLines } from './world.ts'

const { run, fails, fresh, name } = cliWorld()

test('topics: create, list, describe, delete', async () => {
  const topic = name('c')
  const created = await run(['topic', 'create', topic, '-p', '3', '--config', 'retention.ms=60000'])
  assert.match(created, /is ready, with 3 partitions/)
  await run(['produce', topic, '-p', '1'], 'hello\n')
  assert.match(await run(['topic', 'list']), new RegExp(`^${topic} +3 +1$`, 'm'))
  const listed = jsonLines(await run(['topic', 'list', '--json'])).find(row => row.name === topic)
  assert.deepEqual(listed, { name: topic, partitions: 3, replicas: 1 })
  const [described] = jsonLines(await run(['topic', 'describe', topic, '--json']))
  const partition = { leader: 1, replicas: [1], isr: [1], first: 0 }
  assert.deepEqual(described.partitions, [
    { partition: 0, ...partition, end: 0, size: 0 },
    { partition: 1, ...partition, end: 1, size: 73 },
    { partition: 2, ...partition, end: 0, size: 0 }
  ])
  assert.deepEqual(described.configs, { 'retention.ms': '60000' })
  const text = await run(['topic', 'describe', topic])
  assert.match(text, /retention\.ms +60000/)
  assert.match(text, /3 partitions, 1 offset held in 73 B/)
  await run(['topic', 'create', topic, '--if-not-exists'])
  assert.match(await fails(['topic', 'create', topic]), /TOPIC_ALREADY_EXISTS/)
  assert.match(await run(['topic', 'delete', topic]), /is deleted/)
  assert.match(await fails(['consume', topic, '--exit']), /naru topic create/)
})

test('deleting several topics goes on past one that is not there', async () => {
  const [one, two, gone] = [await fresh(), await fresh(), name('gone')]
  const said = await fails(['topic', 'delete', one, gone, two])
  assert.match(said, new RegExp(`Topic ${gone}: .*UNKNOWN_TOPIC_OR_PARTITION`))
  assert.match(said, /1 of 3 failed/)
  const left = await run(['topic', 'list', '--json'])
  assert.ok(!left.includes(one) && !left.includes(two))
  assert.equal(await run(['topic', 'delete', gone, '--if-exists']), '')
})

test('alter adds partitions and changes configs, all of it or nothing', async () => {
  const topic = await fresh(2, { 'retention.ms': '60000' })
  const state = async () => {
    const [{ partitions, configs }] = jsonLines(await run(['topic', 'describe', topic, '--json']))
    return [(partitions as unknown[]).length, configs]
  }
  const change = ['-p', '4', '-c', 'segment.bytes=1048576', '-d', 'retention.ms']
  const dry = await run(['topic', 'alter', topic, ...change, '--dry-run'])
  assert.match(dry, /nothing was changed:\n {2}partitions: 2 -> 4\n {2}segment\.bytes: \d+ -> 1048576\n/)
  assert.deepEqual(await state(), [2, { 'retention.ms': '60000' }])
  assert.match(await fails(['topic', 'alter', topic, '-p', '1', '-c', 'segment.bytes=1048576']), /INVALID_PARTITIONS/)
  assert.deepEqual(await state(), [2, { 'retention.ms': '60000' }])
  assert.match(await fails(['topic', 'alter', topic, '-p', '4', '-c', 'segment.bytes=x'], 2), /segment\.bytes/)
  assert.deepEqual(await state(), [2, { 'retention.ms': '60000' }])
  const [done] = jsonLines(await run(['topic', 'alter', topic, ...change, '--json']))
  assert.deepEqual(done, {
    name: topic,
    dryRun: false,
    partitions: { from: 2, to: 4 },
    configs: [
      { name: 'segment.bytes', from: '1073741824', to: '1048576' },
      { name: 'retention.ms', from: '60000', to: '(default)' }
    ]
  })
  assert.deepEqual(await state(), [4, { 'segment.bytes': '1048576' }])
  assert.match(await fails(['topic', 'alter', topic], 2), /Nothing to change/)
})

test('configs: what is set, where from, what it does; changes and dry runs', async () => {
  const topic = await fresh()
  const resource = `topic/${topic}`
  assert.ok((await run(['config', 'list'])).includes(`\n${resource}\n`))
  assert.match(await run(['config', 'list', resource]), /Nothing is set/)
  const set = ['config', 'set', resource, 'retention.ms=60000', 'max.message.bytes=2000']
  assert.match(await run([...set, '--dry-run']), /nothing was changed/)
  assert.match(await run(['config', 'list', resource]), /Nothing is set/)
  await run(set)
  assert.match(await run(['config', 'list', resource]), /^retention\.ms +60000 +topic +yes$/m)
  await run(['config', 'set', 'brokers', 'log.retention.ms=70000'])
  await run(['config', 'set', 'broker/1', 'log.retention.ms=80000'])
  const [entry] = jsonLines(await run(['config', 'get', resource, 'retention.ms', '--json']))
  assert.deepEqual(
    { ...entry, documentation: '' },
    {
      resource,
      name: 'retention.ms',
      value: '60000',
      source: 'topic',
      readOnly: false,
      sensitive: false,
      type: 'long',
      synonyms: [
        { name: 'retention.ms', value: '60000', source: 'topic' },
        { name: 'log.retention.ms', value: '80000', source: 'broker' },
        { name: 'log.retention.ms', value: '70000', source: 'all brokers' },
        { name: 'log.retention.hours', value: '168', source: 'default' }
      ],
      documentation: ''
    }
  )
  const text = await run(['config', 'get', resource, 'retention.ms'])
  assert.match(text, /behind it: log\.retention\.ms = 70000 from all brokers\n.*Segments whose newest record/s)
  assert.match(await run(['config', 'unset', resource, 'retention.ms']), /retention\.ms: 60000 -> \(default\)/)
  await run(['config', 'unset', 'broker/1', 'log.retention.ms'])
  await run(['config', 'unset', 'brokers', 'log.retention.ms'])
  const all = await run(['config', 'list', 'broker/1', '--all', '--docs'])
  assert.match(all, /^num\.partitions = 1\n {2}from default; int; can't be changed while the broker runs\n {2}\w/m)
})

test('configs that make no sense are refused with what would', async () => {
  const resource = `topic/${await fresh()}`
  assert.match(await fails(['config', 'set', 'orders', 'a=b'], 2), /'orders' is none of topic\/NAME/)
  assert.match(await fails(['config', 'set', 'broker/one', 'a=b'], 2), /broker\/1, or brokers/)
  assert.match(await fails(['config', 'set', resource, 'retention'], 2), /name=value/)
  assert.match(await fails(['config', 'set', resource, 'retention.hours=1'], 2), /Unknown topic config name/)
  assert.match(await fails(['config', 'get', resource, 'retention']), /Did you mean retention\.bytes or retention\.ms/)
  assert.match(await fails(['config', 'set', 'brokers', 'port=1']), /Cannot update these configs dynamically/)
})
