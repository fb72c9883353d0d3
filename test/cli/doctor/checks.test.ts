import assert from 'node:assert/strict'
import { test } from 'node:test'
import { checks, diagnose } from '../../../src/cli/doctor/checks.ts'
import type { Severity } from '../../../src/cli/doctor/finding.ts'
import type { BrokerView, GroupView, PartitionView, SampleView, TopicView, View } from '../../../src/cli/doctor/view.ts'

const mebibyte = 1024 * 1024
const nowMs = 1_800_000_000_000

const values = (entries: Record<string, string>) => new Map(Object.entries(entries))

function partition(index: number, changes: Partial<PartitionView> = {}): PartitionView {
  const leader = (index % 3) + 1
  return {
    index,
    leader,
    replicas: [leader, (leader % 3) + 1, ((leader + 1) % 3) + 1],
    isr: [1, 2, 3],
    first: 0,
    end: 10_000,
    endLater: 10_100,
    bytes: 100 * mebibyte,
    ...changes
  }
}

const configs = {
  'cleanup.policy': 'delete',
  'retention.ms': '604800000',
  'retention.bytes': '-1',
  'segment.bytes': '1073741824',
  'flush.messages': '1',
  'max.message.bytes': '1048588',
  'min.insync.replicas': '2'
}

function topic(changes: Partial<TopicView> = {}, set: Record<string, string> = {}): TopicView {
  return {
    name: 'orders',
    internal: false,
    configs: values({ ...configs, ...set }),
    partitions: Array.from({ length: 6 }, (_, index) => partition(index)),
    ...changes
  }
}

/** The topic with one of its partitions otherwise. */
const withPartition = (index: number, changes: Partial<PartitionView>): TopicView => {
  const whole = topic()
  return { ...whole, partitions: whole.partitions.map(p => (p.index === index ? { ...p, ...changes } : p)) }
}

function broker(id: number, changes: Partial<BrokerView> = {}): BrokerView {
  return {
    id,
    address: `broker${id}:9092`,
    unreachable: undefined,
    configs: values({
      'socket.request.max.bytes': '104857600',
      'fetch.max.bytes': '57671680',
      'naru.open.files.max': '2000'
    }),
    logDirs: [{ path: '/data', totalBytes: 1000 * mebibyte, usableBytes: 500 * mebibyte }],
    ...changes
  }
}

const at = (offset: number | null, end: number | null = 10_000) => ({
  topic: 'orders',
  partition: 0,
  offset,
  end,
  lag: offset === null || end === null ? null : end - offset,
  member: 'm'
})

function group(changes: Partial<GroupView> = {}): GroupView {
  return {
    groupId: 'billing',
    state: 'Stable',
    stateLater: 'Stable',
    members: [{ memberId: 'm', clientId: 'c', partitions: 6 }],
    offsets: [at(9_900)],
    offsetsLater: [at(9_990, 10_100)],
    ...changes
  }
}

const sample: SampleView = {
  topic: 'orders',
  records: 1000,
  keyless: 0,
  topKeys: [{ key: 'a', records: 30, partition: 1 }],
  newestTimestamp: nowMs - 500
}

const folder = {
  folder: '/data',
  process: 77,
  openFilesMax: 65_536,
  openFiles: 300,
  damaged: [],
  unreadable: [],
  badConfigs: []
}

const healthy: View = {
  nowMs,
  elapsedMs: 7000,
  brokers: [broker(1), broker(2), broker(3)],
  topics: [
    topic(),
    topic({ name: '__consumer_offsets', internal: true }, { 'cleanup.policy': 'compact', 'retention.ms': '-1' })
  ],
  groups: [group()],
  samples: [sample],
  local: folder
}

/** What makes each check speak, and how. */
const triggers: Record<string, readonly (readonly [Partial<View>, Severity, RegExp])[]> = {
  'offline-partitions': [
    [{ topics: [withPartition(2, { leader: -1 })] }, 'error', /1 partition without a leader: 2\./]
  ],
  'under-replicated': [
    [{ topics: [withPartition(2, { isr: [3, 1] })] }, 'warning', /1 partition with replicas that are not in sync: 2\./],
    [
      { topics: [withPartition(2, { isr: [3] })] },
      'error',
      /fewer in-sync replicas than min\.insync\.replicas \(2\): 2\./
    ]
  ],
  'skewed-size': [
    [{ topics: [withPartition(3, { bytes: 900 * mebibyte })] }, 'warning', /Partition 3 holds 900\.0 MiB of 1\.4 GiB/]
  ],
  'skewed-rate': [
    [
      { topics: [withPartition(4, { endLater: 12_000 })] },
      'warning',
      /Partition 4 got 2000 of 2500 new records \(286\/s\)/
    ]
  ],
  'skewed-leaders': [
    [
      { topics: [topic({ partitions: Array.from({ length: 9 }, (_, i) => partition(i, { leader: 2 })) })] },
      'warning',
      /It leads 9 of 9 replicated partitions; its share would be 3/
    ]
  ],
  'group-lag': [
    [
      { groups: [group({ offsets: [at(5000)], offsetsLater: [at(5010, 10_100)] })] },
      'warning',
      /lags 5090 records behind and does not catch up \(5000 a moment ago\)/
    ]
  ],
  'group-stuck': [
    [
      { groups: [group({ offsetsLater: [at(9_900)] })] },
      'warning',
      /1 member and a lag of 100, and committed nothing for 7 s/
    ]
  ],
  'group-behind-retention': [
    [
      { groups: [group({ offsets: [at(10)], offsetsLater: [at(20)] })], topics: [withPartition(0, { first: 50 })] },
      'error',
      /Up to 30 records were deleted before it read them, in orders-0/
    ]
  ],
  'idle-members': [
    [
      {
        groups: [
          group({
            members: [
              { memberId: 'm', clientId: 'c', partitions: 6 },
              { memberId: 'n', clientId: 'c', partitions: 0 }
            ]
          })
        ]
      },
      'info',
      /1 member of 2 have no partition/
    ]
  ],
  rebalancing: [
    [
      { groups: [group({ state: 'PreparingRebalance', stateLater: 'CompletingRebalance' })] },
      'warning',
      /was rebalancing both times/
    ]
  ],
  'abandoned-groups': [
    [
      { groups: [group({ state: 'Empty', members: [], offsets: [at(5)], offsetsLater: [at(5)] })] },
      'info',
      /no members, and a lag of 9995 records/
    ],
    [
      { groups: [group({ state: 'Empty', members: [], offsets: [at(5, null)], offsetsLater: [at(5, null)] })] },
      'info',
      /offsets only of topics that are gone/
    ]
  ],
  'hot-keys': [
    [
      { samples: [{ ...sample, keyless: 500, topKeys: [{ key: 'a', records: 300, partition: 1 }] }] },
      'warning',
      /Of the newest 500 records with keys, 'a' \(60%, partition 1\)/
    ]
  ],
  'compacted-keyless': [
    [
      { samples: [{ ...sample, keyless: 3 }], topics: [topic({}, { 'cleanup.policy': 'compact' })] },
      'warning',
      /3 records of the newest have no key/
    ]
  ],
  'clock-skew': [
    [{ samples: [{ ...sample, newestTimestamp: nowMs + 3_600_000 }] }, 'warning', /1 h 0 min ahead of the clock here/]
  ],
  'retention-forever': [
    [{ topics: [topic({}, { 'retention.ms': '-1' })] }, 'warning', /both -1: nothing is ever deleted/],
    [{ topics: [topic({}, { 'cleanup.policy': '' })] }, 'warning', /neither delete nor compact/]
  ],
  'segment-over-retention': [
    [
      { topics: [topic({}, { 'retention.bytes': '104857600' })] },
      'warning',
      /segment\.bytes \(1\.0 GiB\) is more than retention\.bytes \(100\.0 MiB\)/
    ]
  ],
  'page-cache': [
    [
      {
        brokers: [broker(1)],
        topics: [
          topic(
            { partitions: [partition(0, { replicas: [1], isr: [1] })] },
            { 'flush.messages': '9223372036854775807', 'min.insync.replicas': '1' }
          )
        ]
      },
      'warning',
      /flush\.messages is 9223372036854775807, and there is one copy/
    ]
  ],
  'message-size': [
    [
      { topics: [topic({}, { 'max.message.bytes': '209715200' })] },
      'warning',
      /\(200\.0 MiB\) is more than a request may have/
    ],
    [{ topics: [topic({}, { 'max.message.bytes': '83886080' })] }, 'info', /\(80\.0 MiB\) is more than a fetch brings/]
  ],
  'min-isr': [
    [{ topics: [topic({}, { 'min.insync.replicas': '4' })] }, 'error', /is 4, and there are 3 replicas/],
    [{ topics: [topic({}, { 'min.insync.replicas': '3' })] }, 'warning', /is 3, and there are 3 replicas/]
  ],
  'single-replica': [
    [
      {
        topics: [topic({ partitions: [partition(0, { replicas: [1], isr: [1] })] }, { 'min.insync.replicas': '1' })]
      },
      'warning',
      /It has one copy/
    ]
  ],
  unreachable: [
    [
      { brokers: [broker(1), broker(2), broker(3, { unreachable: 'connect ECONNREFUSED' })] },
      'error',
      /it is at broker3:9092, which can't be reached from here: connect ECONNREFUSED/
    ]
  ],
  versions: [
    [
      { brokers: [versioned(1, '0.2.0'), broker(2), versioned(3, '0.2.0')] },
      'info',
      /different versions: 0\.2\.0 on 1, 3; an unknown version on 2\./
    ]
  ],
  'disk-room': [
    [room(50), 'warning', /50\.0 MiB of 1000\.0 MiB are left \(5\.0%\) for \/data/],
    [room(10), 'error', /10\.0 MiB of 1000\.0 MiB are left \(1\.0%\)/]
  ],
  'open-files': [
    [{ local: { ...folder, openFilesMax: 1024 } }, 'warning', /may open 1024 files and has 300 open/],
    [{ local: { ...folder, openFilesMax: 4096, openFiles: 4000 } }, 'error', /may open 4096 files and has 4000 open/]
  ],
  'damaged-data': [
    [{ local: { ...folder, damaged: [{ log: 'orders-0', from: 5, to: 9 }] } }, 'error', /Offsets 5 to 8 of orders-0/],
    [{ local: { ...folder, unreadable: ['The checkpoint is damaged.'] } }, 'error', /The checkpoint is damaged/]
  ],
  'unknown-configs': [
    [
      {
        local: { ...folder, badConfigs: [{ of: 'topic orders', name: 'x.y', why: 'Unknown topic config name: x.y' }] }
      },
      'warning',
      /x\.y is set: Unknown topic config name/
    ]
  ]
}

function versioned(id: number, version: string): BrokerView {
  const { configs } = broker(id)
  return broker(id, { configs: new Map([...configs, ['naru.version', version]]) })
}

function room(usable: number): Partial<View> {
  const logDirs = [{ path: '/data', totalBytes: 1000 * mebibyte, usableBytes: usable * mebibyte }]
  return { brokers: [broker(1, { logDirs }), broker(2), broker(3)] }
}

test('of a healthy cluster nothing is said', () => {
  assert.deepEqual(diagnose(healthy), [])
})

test('every check has a case here, and speaks alone', () => {
  assert.deepEqual(Object.keys(triggers).sort(), checks.map(({ name }) => name).sort())
})

for (const [name, cases] of Object.entries(triggers))
  test(name, () => {
    for (const [changes, severity, what] of cases) {
      const findings = diagnose({ ...healthy, ...changes })
      assert.deepEqual(
        findings.map(finding => [finding.check, finding.severity]),
        [[name, severity]],
        JSON.stringify(findings)
      )
      assert.match(findings[0].what, what)
      for (const text of [findings[0].subject, findings[0].why, findings[0].todo]) assert.ok(text.length > 3)
    }
  })

test('small topics, slow topics and quiet groups are left alone', () => {
  const small = { ...topic(), partitions: [0, 1, 2].map(i => partition(i, { bytes: i === 0 ? mebibyte : 0 })) }
  const slow = withPartition(4, { endLater: 10_099 })
  const done = group({ state: 'Empty', members: [], offsets: [at(10_000)], offsetsLater: [at(10_000)] })
  const ended = group({ offsets: [at(10_000)], offsetsLater: [at(10_000)] })
  const few = { ...sample, records: 100, topKeys: [{ key: 'a', records: 90, partition: 0 }] }
  assert.deepEqual(
    diagnose({ ...healthy, topics: [small, { ...slow, name: 'slow' }], groups: [done, ended], samples: [few] }),
    []
  )
})

test('the worst comes first', () => {
  const findings = diagnose({
    ...healthy,
    topics: [topic({}, { 'retention.ms': '-1', 'min.insync.replicas': '4', 'max.message.bytes': '83886080' })]
  })
  assert.deepEqual(
    findings.map(({ severity }) => severity),
    ['error', 'warning', 'info']
  )
})
