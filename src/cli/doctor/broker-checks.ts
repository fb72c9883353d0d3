import { brokerVersionConfig } from '../../client/admin-configs.ts'
import { bytesText } from '../output.ts'
import { check } from './finding.ts'
import { numberOf } from './partition-checks.ts'

/** Files besides those of partitions: journal, metastore, libraries. */
const otherFiles = 200

export const brokerChecks = [
  check('unreachable', 'brokers that clients are sent to in vain', ({ brokers }) =>
    brokers.flatMap(({ id, address, unreachable }) =>
      unreachable === undefined
        ? []
        : [
            {
              severity: 'error',
              subject: `broker ${id}`,
              what: `The cluster says that it is at ${address}, which can't be reached from here: ${unreachable}`,
              why: 'Clients ask one broker for the list of all, and connect to these addresses.',
              todo: 'Start it, open the way to it, or let it give an address that clients can reach.',
              command: 'naru start --advertised-host NAME --advertised-port PORT'
            }
          ]
    )
  ),
  check('versions', 'brokers that run different versions', ({ brokers }) => {
    const reached = brokers.filter(({ unreachable }) => unreachable === undefined)
    const byVersion = new Map<string, number[]>()
    for (const { id, configs } of reached) {
      const version = configs.get(brokerVersionConfig) ?? 'an unknown version'
      byVersion.set(version, [...(byVersion.get(version) ?? []), id])
    }
    if (byVersion.size < 2) return []
    const told = Array.from(byVersion, ([version, ids]) => `${version} on ${ids.join(', ')}`)
    return [
      {
        severity: 'info',
        subject: `brokers ${reached.map(({ id }) => id).join(', ')}`,
        what: `They run different versions: ${told.join('; ')}.`,
        why: 'That is how an upgrade looks halfway. Brokers work together across it, but what only the newer ones know is not there for all.',
        todo: 'Go on with the upgrade, or go back.',
        command: 'naru cluster status'
      }
    ]
  }),
  check('disk-room', 'disks that are nearly full', ({ brokers }) =>
    brokers.flatMap(({ id, logDirs }) =>
      logDirs.flatMap(({ path, totalBytes, usableBytes }) => {
        if (totalBytes <= 0 || usableBytes < 0) return []
        const share = usableBytes / totalBytes
        if (share >= 0.1) return []
        return [
          {
            severity: share < 0.03 ? 'error' : 'warning',
            subject: `broker ${id}`,
            what: `${bytesText(usableBytes)} of ${bytesText(totalBytes)} are left (${(share * 100).toFixed(1)}%) for ${path}.`,
            why: 'On a full disk producers wait, and nothing can be written any more.',
            todo: 'Keep less (retention.ms, retention.bytes), or give it a larger disk.',
            command: 'naru topic list'
          }
        ]
      })
    )
  ),
  check('open-files', 'too few open files allowed', ({ local, brokers }) => {
    if (local?.openFilesMax === undefined) return []
    const partitionFiles = Math.max(
      0,
      ...brokers.map(({ configs }) => numberOf(configs.get('naru.open.files.max')) ?? 0)
    )
    const wanted = partitionFiles + otherFiles
    const { openFilesMax, openFiles = 0, process } = local
    const isNear = openFiles > openFilesMax * 0.8
    if (openFilesMax >= wanted && !isNear) return []
    return [
      {
        severity: isNear ? 'error' : 'warning',
        subject: `process ${process}`,
        what: `It may open ${openFilesMax} files and has ${openFiles} open; the files of partitions alone may be ${partitionFiles}.`,
        why: 'Each connection needs one too: when none is left, connections and writes fail.',
        todo: 'Raise the limit for the broker (ulimit -n, LimitNOFILE= in systemd), or lower naru.open.files.max.',
        command: 'ulimit -n 65536'
      }
    ]
  }),
  check('damaged-data', 'damage in the data folder', ({ local }) => {
    if (!local) return []
    const lost = local.damaged.map(({ log, from, to }) => `Offsets ${from} to ${to - 1} of ${log} are damaged or lost.`)
    return [...lost, ...local.unreadable].map(what => ({
      severity: 'error' as const,
      subject: `folder ${local.folder}`,
      what,
      why: 'Readers of these records get CORRUPT_MESSAGE.',
      todo: 'See all of it; bring back a copy, or skip the records with a group that goes on behind them.',
      command: `naru log verify ${local.process === undefined ? '' : '--live '}--data-dir ${local.folder}`
    }))
  }),
  check('unknown-configs', 'configs that mean nothing to this version', ({ local }) =>
    (local?.badConfigs ?? []).map(({ of, name, why }) => ({
      severity: 'warning' as const,
      subject: of,
      what: `${name} is set: ${why}`,
      why: 'It has no effect, though somebody wanted one.',
      todo: 'Take it back.',
      command: `naru config unset ${of === 'all brokers' ? 'brokers' : of.replace(' ', '/')} ${name}`
    }))
  )
]
