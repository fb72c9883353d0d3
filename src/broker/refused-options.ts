/** Broker options of Kafka's that this broker hasn't, and why: whoever sets one is told. */
interface RefusedOptions {
  readonly why: string
  readonly names: readonly string[]
}

const words = (text: string): readonly string[] => text.trim().split(/\s+/)
/** Names that begin alike. */
const under = (prefix: string, text: string): readonly string[] => words(text).map(rest => `${prefix}${rest}`)

/** Every broker option of Kafka 4.3 that is not declared here. docs/kafka-options.md is made from it. */
export const refusedOptions: readonly RefusedOptions[] = [
  {
    why: 'It has another name here: data.dir is the folder that holds everything',
    names: words('log.dir log.dirs metadata.log.dir')
  },
  {
    why: 'There is one listener: host, port, advertised.host and advertised.port say where',
    names: words(`listeners advertised.listeners early.start.listeners inter.broker.listener.name
      listener.security.protocol.map security.inter.broker.protocol`)
  },
  { why: 'It has another name here: node.id', names: ['broker.id'] },
  {
    why: 'Failing disks are not replaced by others: there is one folder, and its partitions go offline',
    names: words('log.dir.failure.timeout.ms num.replica.alter.log.dirs.threads')
  },
  {
    why: 'One thread serves all connections, and files are read and written by the pool of Node (UV_THREADPOOL_SIZE)',
    names: words(`num.network.threads num.io.threads background.threads num.recovery.threads.per.data.dir
      queued.max.requests group.coordinator.threads group.coordinator.background.threads`)
  },
  {
    why: "Sockets have the system's buffers, and a backlog of 4096",
    names: words(`socket.send.buffer.bytes socket.receive.buffer.bytes socket.listen.backlog.size
      replica.socket.receive.buffer.bytes`)
  },
  {
    why: 'Requests that wait are forgotten when they are answered: there is nothing to purge',
    names: under(
      '',
      `fetch.purgatory.purge.interval.requests producer.purgatory.purge.interval.requests
      delete.records.purgatory.purge.interval.requests share.fetch.purgatory.purge.interval.requests`
    )
  },
  {
    why: 'What is acknowledged is in the commit journal, and checkpoints follow its files (naru.journal.*)',
    names: words(`log.flush.offset.checkpoint.interval.ms log.flush.start.offset.checkpoint.interval.ms
      replica.high.watermark.checkpoint.interval.ms`)
  },
  {
    why: 'One log is compacted at a time, between requests',
    names: ['log.cleaner.threads']
  },
  {
    why: 'A broker has two connections to each leader that it follows: one for replicas in sync, one for those that catch up',
    names: ['num.replica.fetchers']
  },
  {
    why: 'A follower is sent whatever there is: producers wait for it',
    names: ['replica.fetch.min.bytes']
  },
  { why: 'A broker that is stopped always hands over first what it leads', names: ['controlled.shutdown.enable'] },
  {
    why: 'Brokers wait ten seconds for a connection, and for answers as replica.socket.timeout.ms says',
    names: words('request.timeout.ms socket.connection.setup.timeout.ms socket.connection.setup.timeout.max.ms')
  },
  {
    why: 'Replication has no such setting here',
    names: words(`replication.quota.window.num replication.quota.window.size.seconds
      alter.log.dirs.replication.quota.window.num alter.log.dirs.replication.quota.window.size.seconds`)
  },
  {
    why: "The cluster's metadata is kept in Naru's own store, not by a quorum of controllers",
    names: [
      ...words(`process.roles broker.heartbeat.interval.ms controller.listener.names
        initial.broker.registration.timeout.ms controller.socket.timeout.ms`),
      ...under(
        'controller.quorum.',
        `append.linger.ms auto.join.enable bootstrap.servers election.backoff.max.ms election.timeout.ms
        fetch.max.bytes fetch.snapshot.max.bytes fetch.timeout.ms request.timeout.ms retry.backoff.ms voters`
      ),
      ...under(
        'metadata.',
        `log.max.record.bytes.between.snapshots log.max.snapshot.interval.ms log.segment.bytes log.segment.ms
        max.idle.interval.ms max.retention.bytes max.retention.ms`
      )
    ]
  },
  {
    why: 'There are no quotas',
    names: under(
      '',
      `quota.window.num quota.window.size.seconds controller.quota.window.num controller.quota.window.size.seconds
      client.quota.callback.class`
    )
  },
  {
    why: 'There is no TLS',
    names: [
      ...under(
        'ssl.',
        `allow.dn.changes allow.san.changes cipher.suites client.auth enabled.protocols
        endpoint.identification.algorithm engine.factory.class key.password keymanager.algorithm
        keystore.certificate.chain keystore.key keystore.location keystore.password keystore.type
        principal.mapping.rules protocol provider secure.random.implementation trustmanager.algorithm
        truststore.certificates truststore.location truststore.password truststore.type`
      ),
      'security.providers'
    ]
  },
  {
    why: 'There is no authentication: clients are nobody in particular, and may do everything',
    names: [
      ...words(`authorizer.class.name principal.builder.class connections.max.reauth.ms
        connection.failed.authentication.delay.ms`),
      ...under('delegation.token.', 'expiry.check.interval.ms expiry.time.ms max.lifetime.ms secret.key'),
      ...under(
        'sasl.',
        `client.callback.handler.class enabled.mechanisms jaas.config kerberos.kinit.cmd
        kerberos.min.time.before.relogin kerberos.principal.to.local.rules kerberos.service.name
        kerberos.ticket.renew.jitter kerberos.ticket.renew.window.factor login.callback.handler.class login.class
        login.connect.timeout.ms login.read.timeout.ms login.refresh.buffer.seconds
        login.refresh.min.period.seconds login.refresh.window.factor login.refresh.window.jitter
        login.retry.backoff.max.ms login.retry.backoff.ms mechanism.controller.protocol
        mechanism.inter.broker.protocol oauthbearer.assertion.algorithm oauthbearer.assertion.claim.aud
        oauthbearer.assertion.claim.exp.seconds oauthbearer.assertion.claim.iss oauthbearer.assertion.claim.jti.include
        oauthbearer.assertion.claim.nbf.seconds oauthbearer.assertion.claim.sub oauthbearer.assertion.file
        oauthbearer.assertion.private.key.file oauthbearer.assertion.private.key.passphrase
        oauthbearer.assertion.template.file oauthbearer.client.credentials.client.id
        oauthbearer.client.credentials.client.secret oauthbearer.clock.skew.seconds oauthbearer.expected.audience
        oauthbearer.expected.issuer oauthbearer.header.urlencode oauthbearer.jwks.endpoint.refresh.ms
        oauthbearer.jwks.endpoint.retry.backoff.max.ms oauthbearer.jwks.endpoint.retry.backoff.ms
        oauthbearer.jwks.endpoint.url oauthbearer.jwt.retriever.class oauthbearer.jwt.validator.class
        oauthbearer.scope oauthbearer.scope.claim.name oauthbearer.sub.claim.name oauthbearer.token.endpoint.url
        server.callback.handler.class server.max.receive.size`
      )
    ]
  },
  {
    why: 'There are no transactions',
    names: [
      ...words('transactional.id.expiration.ms add.partitions.to.txn.retry.backoff.ms'),
      'add.partitions.to.txn.retry.backoff.max.ms',
      ...under(
        'transaction.',
        `abort.timed.out.transaction.cleanup.interval.ms max.timeout.ms partition.verification.enable
        remove.expired.transaction.cleanup.interval.ms two.phase.commit.enable state.log.load.buffer.size
        state.log.min.isr state.log.num.partitions state.log.replication.factor state.log.segment.bytes`
      )
    ]
  },
  {
    why: 'Only classic groups are served',
    names: [
      'group.coordinator.rebalance.protocols',
      ...under(
        'group.consumer.',
        `assignment.interval.ms assignors heartbeat.interval.ms max.assignment.interval.ms
        max.heartbeat.interval.ms max.session.timeout.ms max.size migration.policy min.assignment.interval.ms
        min.heartbeat.interval.ms min.session.timeout.ms session.timeout.ms`
      ),
      ...under(
        'group.share.',
        `assignment.interval.ms assignors delivery.count.limit heartbeat.interval.ms max.assignment.interval.ms
        max.delivery.count.limit max.heartbeat.interval.ms max.partition.max.record.locks
        max.record.lock.duration.ms max.session.timeout.ms max.share.sessions max.size min.assignment.interval.ms
        min.delivery.count.limit min.heartbeat.interval.ms min.partition.max.record.locks
        min.record.lock.duration.ms min.session.timeout.ms partition.max.record.locks record.lock.duration.ms
        session.timeout.ms`
      ),
      ...under(
        'group.streams.',
        `assignment.interval.ms heartbeat.interval.ms initial.rebalance.delay.ms max.assignment.interval.ms
        max.heartbeat.interval.ms max.session.timeout.ms max.size max.standby.replicas min.assignment.interval.ms
        min.heartbeat.interval.ms min.session.timeout.ms num.standby.replicas session.timeout.ms`
      ),
      ...under(
        'share.coordinator.',
        `append.linger.ms cached.buffer.max.bytes load.buffer.size snapshot.update.records.per.snapshot threads
        write.timeout.ms state.topic.compression.codec state.topic.min.isr state.topic.num.partitions
        state.topic.replication.factor state.topic.segment.bytes`
      )
    ]
  },
  {
    why: 'What groups write in one turn of the event loop is one batch, and answers wait until it is safe',
    names: words(`group.coordinator.append.linger.ms group.coordinator.cached.buffer.max.bytes
      offsets.load.buffer.size offsets.topic.compression.codec`)
  },
  {
    why: 'There is no tiered storage',
    names: [
      ...words(
        'follower.fetch.last.tiered.offset.enable remote.fetch.max.wait.ms remote.list.offsets.request.timeout.ms'
      ),
      ...under(
        'remote.log.',
        `index.file.cache.total.size.bytes manager.copier.thread.pool.size manager.copy.max.bytes.per.second
        manager.copy.quota.window.num manager.copy.quota.window.size.seconds manager.expiration.thread.pool.size
        manager.fetch.max.bytes.per.second manager.fetch.quota.window.num manager.fetch.quota.window.size.seconds
        manager.follower.thread.pool.size manager.task.interval.ms manager.thread.pool.size
        metadata.custom.metadata.max.bytes metadata.manager.class.name metadata.manager.class.path
        metadata.manager.impl.prefix metadata.manager.listener.name reader.max.pending.tasks reader.threads
        storage.manager.class.name storage.manager.class.path storage.manager.impl.prefix storage.system.enable`
      )
    ]
  },
  {
    why: 'Metrics are read off the broker, not sent by reporters, and clients send none',
    names: words(`metric.reporters metrics.num.samples metrics.recording.level metrics.sample.window.ms
      kafka.metrics.reporters kafka.metrics.polling.interval.secs telemetry.max.bytes`)
  },
  {
    why: 'It names a class of Java',
    names: words('create.topic.policy.class.name alter.config.policy.class.name config.providers')
  }
]

const reasons = new Map(refusedOptions.flatMap(({ why, names }) => names.map(name => [name, why] as const)))

/** Why a broker option of Kafka's can't be set here; undefined for one that Kafka hasn't either, and for those that work. */
export function whyRefused(name: string): string | undefined {
  return reasons.get(name)
}
