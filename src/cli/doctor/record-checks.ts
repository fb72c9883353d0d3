import { count, spanText } from '../output.ts'
import { check } from './finding.ts'

const sampledMin = 200
const hotShare = 0.2
const skewMaxMs = 60_000

export const recordChecks = [
  check('hot-keys', 'keys with most of the records', ({ samples, topics }) =>
    samples.flatMap(({ topic, records, keyless, topKeys }) => {
      const keyed = records - keyless
      const partitions = topics.find(({ name }) => name === topic)?.partitions.length ?? 0
      const hot = topKeys.filter(key => key.records >= hotShare * keyed)
      if (partitions < 2 || keyed < sampledMin || hot.length === 0) return []
      const list = hot.map(
        ({ key, records, partition }) => `'${key}' (${Math.round((100 * records) / keyed)}%, partition ${partition})`
      )
      return [
        {
          severity: 'warning',
          subject: `topic ${topic}`,
          what: `Of the newest ${count(keyed, 'record')} with keys, ${list.join(', ')} ${hot.length === 1 ? 'has' : 'have'} the most.`,
          why: 'All records of a key go to one partition: its broker and its consumer are as busy as the key is.',
          todo: 'Take a finer key, or add something to it where order within the key does not matter.',
          command: `naru consume ${topic} --from -10 --exit --json`
        }
      ]
    })
  ),
  check('compacted-keyless', 'records without keys in compacted topics', ({ samples, topics }) =>
    samples.flatMap(({ topic, keyless }) => {
      const policy = topics.find(({ name }) => name === topic)?.configs.get('cleanup.policy') ?? ''
      if (keyless === 0 || !policy.includes('compact')) return []
      return [
        {
          severity: 'warning',
          subject: `topic ${topic}`,
          what: `${count(keyless, 'record')} of the newest have no key.`,
          why: 'Compaction keeps the newest record of each key: those without have nothing to be kept by. New ones are refused.',
          todo: 'Find the producer that sends them, and give it a key or another topic.',
          command: `naru consume ${topic} --from -10 --exit --json`
        }
      ]
    })
  ),
  check('clock-skew', 'records from the future', ({ samples, nowMs }) =>
    samples.flatMap(({ topic, newestTimestamp }) => {
      const aheadMs = newestTimestamp - nowMs
      if (aheadMs <= skewMaxMs) return []
      return [
        {
          severity: 'warning',
          subject: `topic ${topic}`,
          what: `Its newest record is ${spanText(aheadMs)} ahead of the clock here (${new Date(newestTimestamp).toISOString()}).`,
          why: 'Retention counts from the newest record of a segment: it waits for that time to come, and then to pass. Seeking by time goes wrong.',
          todo: 'Set the clocks of producers (NTP), let the broker stamp records, or refuse such ones.',
          command: `naru config set topic/${topic} message.timestamp.type=LogAppendTime`
        }
      ]
    })
  )
]
