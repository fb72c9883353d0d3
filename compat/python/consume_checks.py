import time

from confluent_kafka import OFFSET_BEGINNING, OFFSET_END, OFFSET_STORED, KafkaError, KafkaException, TopicPartition

from broker import code_of, equal, eventually


def fill(place, count=100, topic=None, **extra):
    records = [{'value': f'{i:0100d}', 'partition': 0} for i in range(count)]
    return place.send(records, topic=topic, linger_ms=100, **extra)


def assigned(place):
    place.create(1)
    fill(place)

    def first(offset):
        consumer = place.consumer(group_id=f'{place.group}-{offset}')
        consumer.assign([TopicPartition(place.topic, 0, offset)])
        return place.take(consumer, 1)[0].offset()

    equal('middle of a batch', first(57), 57)
    equal('last of a batch', first(99), 99)
    equal('beginning', first(OFFSET_BEGINNING), 0)
    equal('nothing stored', first(OFFSET_STORED), 0)
    consumer = place.consumer()
    consumer.assign([TopicPartition(place.topic, 0, OFFSET_END)])
    eventually(lambda: consumer.poll(0.2) is None and consumer.position([TopicPartition(place.topic, 0)]) is not None)
    time.sleep(0.5)
    fill(place, 1)
    equal('end', place.take(consumer, 1)[0].offset(), 100)


def seeks(place):
    place.create(1)
    start = (int(time.time()) - 1000) * 1000
    records = [{'value': str(i), 'timestamp': start + i * 1000, 'partition': 0} for i in range(50)]
    place.send(records, batch_num_messages=1)
    consumer = place.consumer()
    consumer.assign([TopicPartition(place.topic, 0, 0)])
    place.take(consumer, 5)
    consumer.seek(TopicPartition(place.topic, 0, 40))
    equal('by offset', place.take(consumer, 1)[0].offset(), 40)
    found = consumer.offsets_for_times([TopicPartition(place.topic, 0, start + 17_500)], timeout=10)[0]
    consumer.seek(found)
    equal('by time', place.take(consumer, 1)[0].offset(), 18)
    consumer.seek(TopicPartition(place.topic, 0, 0))
    equal('back', place.take(consumer, 1)[0].offset(), 0)


def small_fetches(place):
    place.create(1)
    fill(place, 500, compression_type='zstd')
    fill(place, 500)
    got = place.read(1000, fetch_message_max_bytes=1000, fetch_max_bytes=2000, message_max_bytes=1000)
    equal('offsets', [one.offset() for one in got], list(range(1000)))


def out_of_range(place):
    place.create(1)
    fill(place, 10)

    def first(policy):
        consumer = place.consumer(group_id=f'{place.group}-{policy}', auto_offset_reset=policy)
        consumer.assign([TopicPartition(place.topic, 0, 500)])
        return place.take(consumer, 1)[0].offset()

    equal('earliest', first('earliest'), 0)
    consumer = place.consumer(auto_offset_reset='error')
    consumer.assign([TopicPartition(place.topic, 0, 500)])
    equal('error', code_of(lambda: place.take(consumer, 1)), '_AUTO_OFFSET_RESET')
    latest = place.consumer(group_id=place.group + '-latest', auto_offset_reset='latest')
    latest.assign([TopicPartition(place.topic, 0, 500)])
    equal('latest', latest.poll(1.5), None)
    fill(place, 1)
    equal('and what comes', place.take(latest, 1)[0].offset(), 10)


def pauses(place):
    place.create(2)
    consumer = place.consumer()
    parts = [TopicPartition(place.topic, i, 0) for i in (0, 1)]
    consumer.assign(parts)
    consumer.pause(parts[1:])
    place.send([{'value': 'x', 'partition': i % 2} for i in range(20)])
    equal('only the other', {one.partition() for one in place.take(consumer, 10)}, {0})
    equal('nothing more', consumer.poll(1), None)
    consumer.resume(parts[1:])
    equal('the rest', {one.partition() for one in place.take(consumer, 10)}, {1})


def expressions(place):
    one = place.create(1, place.topic + '-a1')
    other = place.create(1, place.topic + '-b1')
    consumer = place.consumer(topic_metadata_refresh_interval_ms=300)
    consumer.subscribe([f'^{place.topic}-a.$'])
    fill(place, 1, other)
    fill(place, 1, one)
    equal('first', place.take(consumer, 1)[0].topic(), one)
    consumer.commit(asynchronous=False)
    later = place.create(1, place.topic + '-a2')
    fill(place, 1, later)
    equal('later', place.take(consumer, 1)[0].topic(), later)


def end_of_partition(place):
    place.create(1)
    fill(place, 5)
    consumer = place.consumer(enable_partition_eof=True)
    consumer.assign([TopicPartition(place.topic, 0, 0)])
    place.take(consumer, 5)
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        message = consumer.poll(0.5)
        if message is not None and message.error() and message.error().code() == KafkaError._PARTITION_EOF:
            return
    raise AssertionError('the end of the partition was not told')


def recreated(place):
    """The offsets of a topic that is there again start over, whatever its former namesake had."""
    place.create(1)
    fill(place, 20)
    consumer = place.consumer(topic_metadata_refresh_interval_ms=300, enable_auto_commit=True)
    consumer.subscribe([place.topic])
    place.take(consumer, 20)
    place.admin.delete_topics([place.topic])[place.topic].result()
    eventually(lambda: place.topic not in place.admin.list_topics(timeout=10).topics)
    errors = set()
    for _ in range(6):
        message = consumer.poll(0.5)
        if message is not None and message.error():
            errors.add(message.error().name())
    equal('told', errors <= {'UNKNOWN_TOPIC_OR_PART', 'UNKNOWN_TOPIC_ID', '_UNKNOWN_PARTITION', '_UNKNOWN_TOPIC'}, True)
    place.create(1)
    fill(place, 3)
    equal('from the start', [one.offset() for one in place.read(3)], [0, 1, 2])
    # The consumer stands past the new end: librdkafka starts over as its policy says.
    again = place.consumer(group_id=place.group + '-again')
    again.subscribe([place.topic])
    equal('anew', [one.offset() for one in place.take(again, 3)], [0, 1, 2])


def unknown_topic(place):
    consumer = place.consumer(allow_auto_create_topics=False)
    consumer.subscribe([place.topic])
    deadline = time.monotonic() + 15
    while time.monotonic() < deadline:
        message = consumer.poll(0.5)
        if message is not None and message.error():
            equal('error', message.error().name(), 'UNKNOWN_TOPIC_OR_PART')
            return
    raise KafkaException(KafkaError(KafkaError._TIMED_OUT))


consume_checks = [
    ('consume: from offsets in the middle of a batch, the beginning, the end', assigned),
    ('consume: seeking by offset and by time, forth and back', seeks),
    ('consume: fetches smaller than a batch still get on', small_fetches),
    ('consume: out of range ends as the reset policy says', out_of_range),
    ('consume: paused partitions give nothing, resumed ones the rest', pauses),
    ('consume: a regular expression finds topics made before and after', expressions),
    ('consume: the end of a partition is told', end_of_partition),
    ('consume: a topic deleted and made again', recreated),
    ('consume: subscribing to a topic that is not there', unknown_topic),
]
