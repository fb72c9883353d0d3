import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { createServer } from 'node:tls'
import { type EtcdTest, startEtcd, whyNoEtcd } from '../../support/etcd.ts'
import { eventually, openStore, passing, put, Seen } from './world.ts'

const skip = whyNoEtcd()
const user = { name: 'naru', password: 'rowing' }
const tokenSeconds = 2

describe('an etcd that wants a user and a password', { skip }, () => {
  let etcd: EtcdTest
  const asRoot = ['--user', 'root:ferry']
  before(async () => {
    etcd = await startEtcd({ args: ['--auth-token-ttl', String(tokenSeconds)] })
    for (const args of [
      ['user', 'add', 'root:ferry'],
      ['user', 'grant-role', 'root', 'root'],
      ['role', 'add', 'naru'],
      ['role', 'grant-permission', 'naru', '--prefix=true', 'readwrite', 'naru/'],
      ['user', 'add', `${user.name}:${user.password}`],
      ['user', 'grant-role', user.name, 'naru'],
      ['auth', 'enable']
    ])
      await etcd.ctl(args)
  })
  after(() => etcd.remove())

  it('serves who has them, again when the session is over and when etcd was restarted', async () => {
    const store = openStore(etcd, { user, prefix: 'naru/', requestTimeoutMs: 2000 })
    const { revision } = await store.get('')
    const seen = new Seen()
    store.watch('', revision + 1, seen)
    const lease = await store.grantLease(2000)
    lease.onLost(() => assert.fail('etcd never said so'))
    await store.txn({ success: [put('a', '1', lease.id)] })
    await passing((tokenSeconds + 2) * 1000)
    await store.txn({ success: [put('a', '2', lease.id)] })
    await etcd.nodes[0].kill9()
    await etcd.nodes[0].start()
    await eventually(() => store.txn({ success: [put('a', '3', lease.id)] }).catch(() => undefined))
    await etcd.ctl([...asRoot, 'put', 'naru/b', 'by another'])
    await seen.until(({ values }) => values.length >= 4)
    assert.deepEqual([...new Set(seen.values)], ['1', '2', '3', 'by another'])
    await store.close()
  })

  it('refuses others, with words', async () => {
    const wrong = openStore(etcd, { user: { ...user, password: 'swimming' } })
    await assert.rejects(wrong.get('a'), { kind: 'denied', message: /authentication failed/ })
    await wrong.close()
    const nobody = openStore(etcd)
    await assert.rejects(nobody.get('a'), { kind: 'denied', message: /a user and a password/ })
    await nobody.close()
    const elsewhere = openStore(etcd, { user, prefix: 'other/' })
    await assert.rejects(elsewhere.get('a'), { kind: 'denied', message: /permission denied/ })
    await elsewhere.close()
  })
})

describe('an etcd that speaks TLS', { skip: skip ?? whyNoOpenssl() }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'naru-certs-'))
  const file = (name: string) => join(folder, name)
  const read = (name: string) => readFileSync(file(name))
  let etcd: EtcdTest
  before(async () => {
    makeCertificates(folder)
    etcd = await startEtcd({ tls: { ca: file('ca.pem'), cert: file('server.pem'), key: file('server.key') } })
  })
  after(async () => {
    await etcd.remove()
    rmSync(folder, { recursive: true })
  })

  it('serves who trusts it and has a certificate that it trusts', async () => {
    const tls = { ca: read('ca.pem'), cert: read('client.pem'), key: read('client.key') }
    const store = openStore(etcd, { tls })
    await store.txn({ success: [put('a', '1')] })
    assert.equal((await store.get('a')).item?.value, '1')
    await store.close()
  })

  it('is spoken to without a warning', async () => {
    const warned: Error[] = []
    const warn = (warning: Error) => warned.push(warning)
    process.on('warning', warn)
    const tls = { ca: read('ca.pem'), cert: read('client.pem'), key: read('client.key') }
    const store = openStore(etcd, { tls })
    await store.get('a')
    await store.close()
    await new Promise(resolve => setImmediate(resolve))
    process.off('warning', warn)
    assert.deepEqual(warned, [])
  })

  it('must show a certificate of the address that it has', async () => {
    assert.equal(await saysHello('server'), true)
    assert.equal(await saysHello('elsewhere'), false)
  })

  /** Whether a client of this address says anything to a server with that certificate. */
  async function saysHello(name: string): Promise<boolean> {
    let said = false
    const server = createServer(
      { cert: read(`${name}.pem`), key: read(`${name}.key`), ALPNProtocols: ['h2'] },
      socket => {
        socket.on('data', () => {
          said = true
          socket.destroy()
        })
        socket.on('error', () => {})
      }
    )
    await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
    const { port } = server.address() as AddressInfo
    const store = openStore({ nodes: [{ port }] } as unknown as EtcdTest, {
      tls: { ca: read('ca.pem') },
      requestTimeoutMs: 1000
    })
    await assert.rejects(store.get('a'), { kind: 'unavailable' })
    await store.close()
    server.close()
    return said
  }

  it('does not get to serve others', async () => {
    const tls = { ca: read('ca.pem') }
    for (const store of [
      openStore(etcd, { tls, requestTimeoutMs: 1000 }),
      openStore(etcd, { tls: {}, requestTimeoutMs: 1000 }),
      openStore(etcd, { requestTimeoutMs: 1000 })
    ]) {
      await assert.rejects(store.get('a'), { kind: 'unavailable' })
      await store.close()
    }
  })
})

function whyNoOpenssl(): string | undefined {
  try {
    execFileSync('openssl', ['version'])
    return undefined
  } catch {
    return 'openssl is not installed: there is nothing to make certificates with'
  }
}

/** A certificate authority, and certificates of a server at 127.0.0.1 and of a client. */
function makeCertificates(folder: string): void {
  const openssl = (...args: string[]) => execFileSync('openssl', args, { cwd: folder, stdio: 'ignore' })
  const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes']
  openssl('req', '-x509', ...newKey, '-keyout', 'ca.key', '-out', 'ca.pem', '-days', '30', '-subj', '/CN=naru test')
  for (const name of ['server', 'client', 'elsewhere']) {
    const ip = name === 'elsewhere' ? '127.0.0.9' : '127.0.0.1'
    writeFileSync(join(folder, 'san'), `subjectAltName=IP:${ip}\nextendedKeyUsage=serverAuth,clientAuth\n`)
    openssl('req', ...newKey, '-keyout', `${name}.key`, '-out', `${name}.csr`, '-subj', `/CN=${name}`)
    const signed = ['-CA', 'ca.pem', '-CAkey', 'ca.key', '-CAcreateserial', '-days', '30', '-extfile', 'san']
    openssl('x509', '-req', '-in', `${name}.csr`, '-out', `${name}.pem`, ...signed)
  }
}
