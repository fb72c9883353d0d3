import json
import os
import socket

from broker import equal, eventually


CODECS = ('none', 'gzip', 'snappy', 'lz4', 'zstd')


def with_codec(codec):
    def check(place):
        place.create(1)
        count = 0
        for acks, extra in (('all', {'enable_idempotence': True}), ('all', {}), ('1', {}), ('0', {})):
            records = [{'key': str(i), 'value': f'{i:0200d}', 'partition': 0} for i in range(500)]
            sent = place.send(records, compression_type=codec, acks=acks, linger_ms=20, batch_num_messages=100, **extra)
            equal('errors', [outcome for outcome in sent if isinstance(outcome, str)], [])
            if acks != '0':
                equal('offsets', sent, list(range(count, count + 500)))
            count += 500
        for i, message in enumerate(place.read(count)):
            equal('offset', message.offset(), i)
            equal('key and value', (message.key(), message.value()), (b'%d' % (i % 500), b'%0200d' % (i % 500)))

    return check


def content(place):
    place.create(1)
    when = 1_700_000_000_123
    headers = [('a', b'1'), ('a', None), ('', b'')]
    place.send(
        [
            {'key': 'k', 'value': 'v', 'headers': headers, 'timestamp': when},
            {'key': None, 'value': None, 'timestamp': when},
            {'key': b'', 'value': b'', 'timestamp': when},
            {'key': '나루', 'value': b'\x00\xff' * 1000, 'timestamp': when + 1000},
        ],
        linger_ms=50,
    )
    got = [(one.key(), one.value(), one.headers(), one.timestamp()) for one in place.read(4)]
    create_time = 1
    equal('first', got[0], (b'k', b'v', headers, (create_time, when)))
    equal('nulls', got[1], (None, None, None, (create_time, when)))
    equal('empty', got[2], (b'', b'', None, (create_time, when)))
    equal('bytes', got[3], ('나루'.encode(), b'\x00\xff' * 1000, None, (create_time, when + 1000)))


def big(place):
    place.create(1, max_message_bytes='3000000')
    value = os.urandom(2_900_000)
    limit = {'message_max_bytes': 10_000_000}
    equal('big', place.send([{'value': value}], **limit), [0])
    equal('too big', place.send([{'value': os.urandom(3_000_001)}], **limit), ['MSG_SIZE_TOO_LARGE'])
    equal('compressed', place.send([{'value': bytes(5_000_000)}], compression_type='gzip', **limit), [1])
    equal('back', place.read(1, fetch_message_max_bytes=1000)[0].value() == value, True)
    standard = place.create(1, place.topic + '-standard')
    sent = place.send([{'value': os.urandom(1_200_000)}], topic=standard, **limit)
    equal('default limit', sent, ['MSG_SIZE_TOO_LARGE'])


def errors(place):
    unknown = place.send([{'value': 'x', 'topic': 'not/a/topic'}], message_timeout_ms=5000)
    equal('bad name', unknown[0] in ('TOPIC_EXCEPTION', '_UNKNOWN_TOPIC'), True)
    place.create(1)
    nowhere = place.send([{'value': 'x', 'partition': 7}], message_timeout_ms=5000)
    equal('no such partition', nowhere, ['_UNKNOWN_PARTITION'])
    late = place.send([{'value': 'x', 'timestamp': 32_503_680_000_000}])
    equal('the year 3000', late, ['INVALID_TIMESTAMP'])
    equal('made by being asked for', place.send([{'value': 'x', 'topic': place.topic + '-auto'}]), [0])


def compacted(place):
    place.create(1, cleanup_policy='compact')
    equal('without a key', place.send([{'value': 'x', 'partition': 0}]), ['INVALID_RECORD'])
    equal('with one', place.send([{'key': 'k', 'value': 'x', 'partition': 0}]), [0])
    equal('a tombstone', place.send([{'key': 'k', 'value': None, 'partition': 0}]), [1])
    mixed = place.send([{'key': 'k'}, {'value': 'x'}], linger_ms=50)
    equal('one without in a batch', mixed[1], 'INVALID_RECORD')
    equal('what is there', [(one.key(), one.value()) for one in place.read(2)], [(b'k', b'x'), (b'k', None)])


def statistics(place):
    """librdkafka's own figures come from what the broker answers: its id, the offsets, the api versions."""
    place.create(1)
    seen = []
    producer = place.producer(statistics_interval_ms=100, stats_cb=lambda text: seen.append(json.loads(text)))
    producer.produce(place.topic, value='x', partition=0)
    producer.flush(10)

    def told():
        producer.poll(0.1)
        brokers = seen[-1]['brokers'].values() if seen else []
        return any(one['nodeid'] in place.nodes and one['state'] == 'UP' and one['txerrs'] == 0 for one in brokers)

    eventually(told)
    equal('sent', seen[-1]['topics'][place.topic]['partitions']['0']['txmsgs'], 1)
    consumer_seen = []
    consumer = place.consumer(statistics_interval_ms=100, stats_cb=lambda text: consumer_seen.append(json.loads(text)))
    consumer.subscribe([place.topic])
    place.take(consumer, 1)

    def lag():
        consumer.poll(0.1)
        topics = consumer_seen[-1]['topics'] if consumer_seen else {}
        part = topics.get(place.topic, {}).get('partitions', {}).get('0', {})
        return part.get('hi_offset') == 1 and part.get('ls_offset') == 1 and part.get('consumer_lag_stored') == 0

    eventually(lag)


def address_families(place):
    """Naru listens on localhost by both families, where the machine has them; librdkafka may take either first."""
    place.create(1)
    port = int(place.bootstrap.rsplit(':', 1)[1])
    tries = [('localhost', 'any'), ('localhost', 'v4'), ('127.0.0.1', 'any')]
    if place.target == 'naru':
        if connects('::1', port):
            tries.append(('[::1]', 'any'))
        if resolves('localhost', socket.AF_INET6):
            tries.append(('localhost', 'v6'))
    for host, family in tries:
        to = {'bootstrap_servers': f'{host}:{port}', 'broker_address_family': family, 'message_timeout_ms': 10_000}
        sent = place.send([{'value': 'x'}], **to)
        equal(f'{host} {family}', isinstance(sent[0], int), True)


def resolves(host, family):
    try:
        return bool(socket.getaddrinfo(host, None, family))
    except OSError:
        return False


def connects(host, port):
    """Whether the machine has the address at all; then the broker must be there too."""
    try:
        with socket.socket(socket.AF_INET6) as one:
            one.bind((host, 0))
    except OSError:
        return False
    socket.create_connection((host, port), 5).close()
    return True


def old_versions(place):
    """Without ApiVersions librdkafka goes by the version that it is told."""
    place.create(1)
    told = {'api_version_request': False, 'broker_version_fallback': '2.3.0'}
    for codec in ('none', 'lz4', 'zstd'):
        sent = place.send([{'value': codec}], compression_type=codec, message_timeout_ms=10_000, **told)
        equal(codec, isinstance(sent[0], int), True)
    equal('back', [one.value() for one in place.read(3, **told)], [b'none', b'lz4', b'zstd'])


produce_checks = [
    *((f'produce: {codec} with acks all, 1, 0 and idempotence', with_codec(codec)) for codec in CODECS),
    ('produce: keys, nulls, empty values, headers and timestamps come back as sent', content),
    ('produce: big messages up to the limit of the topic', big),
    ('produce: impossible names, partitions and timestamps', errors),
    ('produce: a compacted topic takes no record without a key', compacted),
    ('produce: statistics of producer and consumer', statistics),
    ('produce: localhost by either address family', address_families),
    ('produce: a client that does not ask for the versions', old_versions),
]
