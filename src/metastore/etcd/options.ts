import { NaruError } from '../../std/errors.ts'
import { option } from '../../std/option.ts'

const defaultPort = 2379

/** How a broker reaches the etcd that its cluster is kept in. */
export const etcdOptions = {
  endpoints: option({
    name: 'etcd.endpoints',
    type: 'list',
    default: [],
    doc: 'The etcd (3.4 or newer) that keeps the cluster: http://a:2379,b:2379,c:2379, or https. Brokers that name the same one are one cluster. Empty: this broker is alone and keeps its own.',
    check: endpoints => {
      try {
        if (endpoints.length > 0) parseEndpoints(endpoints)
        return undefined
      } catch (error) {
        return (error as Error).message
      }
    }
  }),
  prefix: option({
    name: 'etcd.prefix',
    type: 'string',
    default: 'naru/',
    doc: 'What all keys in etcd begin with: clusters with different ones share an etcd.'
  }),
  username: option({
    name: 'etcd.username',
    type: 'string',
    default: '',
    hiddenDefault: true,
    doc: 'The user that etcd knows this broker as, where it wants one.'
  }),
  password: option({
    name: 'etcd.password',
    type: 'string',
    default: '',
    hiddenDefault: true,
    sensitive: true,
    doc: "The user's password. Give it by the environment (NARU_ETCD_PASSWORD) or the file: others see flags."
  }),
  caFile: option({
    name: 'etcd.ca.file',
    type: 'string',
    default: '',
    hiddenDefault: true,
    doc: "Certificates (PEM) of those who vouch for etcd's own, with https. Empty: those that Node knows."
  }),
  certFile: option({
    name: 'etcd.cert.file',
    type: 'string',
    default: '',
    hiddenDefault: true,
    doc: "This broker's certificate (PEM), where etcd wants one of its clients."
  }),
  keyFile: option({
    name: 'etcd.key.file',
    type: 'string',
    default: '',
    hiddenDefault: true,
    doc: 'The key (PEM) of etcd.cert.file.'
  }),
  requestTimeoutMs: option({
    name: 'etcd.request.timeout.ms',
    type: 'int',
    default: 5000,
    unit: 'ms',
    min: 100,
    doc: 'How long etcd, all its endpoints together, may take to answer a request.'
  }),
  startTimeoutMs: option({
    name: 'etcd.start.timeout.ms',
    type: 'int',
    default: 60_000,
    unit: 'ms',
    min: 0,
    doc: 'How long a broker that starts waits for etcd to answer before it gives up; 0: for ever. Once it runs it never gives up.'
  })
} as const

/** `host:port` of each endpoint, and whether they speak TLS. Throws INVALID_CONFIG. */
export function parseEndpoints(endpoints: readonly string[]): { addresses: string[]; secure: boolean } {
  let scheme: string | undefined
  const addresses = endpoints.map(endpoint => {
    const parts = /^(?:(https?):\/\/)?([\w.-]+|\[[\da-f:.]+\])(?::(\d{1,5}))?\/?$/i.exec(endpoint)
    if (!parts) throw new NaruError('INVALID_CONFIG', `${endpoint} is not host:port or http(s)://host:port`)
    const [, own = scheme ?? 'http', host, port = String(defaultPort)] = parts
    scheme ??= own
    if (own !== scheme) throw new NaruError('INVALID_CONFIG', 'either all endpoints speak https or none')
    return `${host}:${port}`
  })
  return { addresses, secure: scheme === 'https' }
}
