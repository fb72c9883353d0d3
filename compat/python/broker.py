"""What checks stand on: a place with a topic name of its own, and clients that are closed afterwards."""

import json
import re
import sys
import threading
import time

from confluent_kafka import Consumer, KafkaError, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic, OffsetSpec

# What a consumer is told while its broker comes back or a topic is new to it, and goes on after.
PASSING = {
    KafkaError._PARTITION_EOF,
    KafkaError._TRANSPORT,
    KafkaError._ALL_BROKERS_DOWN,
    KafkaError.FENCED_LEADER_EPOCH,
    KafkaError.UNKNOWN_LEADER_EPOCH,
    KafkaError.UNKNOWN_TOPIC_OR_PART,
}

_printing = threading.Lock()


def say(line):
    with _printing:
        print(json.dumps(line), flush=True)


def ask_harness(what, topic):
    """Has something done with the broker ("kill9", "stop", "restart") and waits until it is done. In a cluster it is the
    one that leads the topic's first partition."""
    say({'do': what, 'topic': topic})
    if not sys.stdin.readline():
        raise RuntimeError('the harness is gone')


def equal(what, got, want):
    if got != want:
        raise AssertionError(f'{what}: got {got!r}, want {want!r}')


def code_of(work):
    """The name of the error that `work` ends with; None when it does not."""
    try:
        work()
    except KafkaException as error:
        return error.args[0].name()
    return None


def eventually(reached, seconds=40, told=lambda: '', left=lambda: 0):
    """Waits until `reached()` is true; `told()` says how far it got when that takes too long: so many seconds since
    there was less `left()`, as a machine may be slow."""
    deadline = time.monotonic() + seconds
    least = left()
    while not reached():
        if left() < least:
            least = left()
            deadline = time.monotonic() + seconds
        if time.monotonic() > deadline:
            raise AssertionError(f'not reached within {seconds} s: {reached} {told()}')
        time.sleep(0.05)


def dotted(options):
    return {name if name.endswith('_cb') else name.replace('_', '.'): value for name, value in options.items()}


class Place:
    def __init__(self, bootstrap, target, name):
        self.bootstrap = bootstrap
        self.target = target
        # Topics have a replica on each.
        self.nodes = list(range(1, len(bootstrap.split(',')) + 1))
        self.topic = 'py-' + re.sub(r'[^a-zA-Z0-9]', '-', name)
        self.group = self.topic
        self._consumers = []
        self.admin = AdminClient(self.config())

    def config(self, **extra):
        """A client's configuration; keyword arguments are options with underscores for dots, callbacks as they are."""
        config = {'bootstrap.servers': self.bootstrap, 'topic.metadata.propagation.max.ms': 5000, 'log_level': 2}
        return config | dotted(extra)

    def create(self, partitions=1, topic=None, **configs):
        topic = topic or self.topic
        texts = dotted(configs)
        self.admin.create_topics([NewTopic(topic, partitions, config=texts)])[topic].result()
        # Apache Kafka answers before its broker knows that it leads.
        parts = [TopicPartition(topic, i) for i in range(partitions)]

        complaints = []

        def leads():
            # Each time a client that has no metadata yet: one that saw the topic without its leader may stay with that.
            admin = AdminClient(self.config())
            listed = admin.list_offsets({part: OffsetSpec.latest() for part in parts}, request_timeout=10)
            complaints[:] = [str(error) for future in listed.values() if (error := future.exception())]
            return not complaints

        eventually(leads, 100, lambda: '; '.join(complaints))
        return topic

    def producer(self, **extra):
        return Producer(self.config(**extra))

    def send(self, records, topic=None, **extra):
        """Sends records, given as keyword arguments of produce, and gives (offset or error name) of each."""
        producer = self.producer(**extra)
        outcomes = [None] * len(records)

        def report(i):
            def delivered(error, message):
                outcomes[i] = error.name() if error else message.offset()

            return delivered

        for i, record in enumerate(records):
            producer.produce(**({'topic': topic or self.topic, 'on_delivery': report(i)} | record))
            producer.poll(0)
        equal('left in the queue', producer.flush(30), 0)
        return outcomes

    def consumer(self, **extra):
        config = self.config(group_id=self.group, auto_offset_reset='earliest', enable_auto_commit=False)
        config |= {'session.timeout.ms': 6000, 'heartbeat.interval.ms': 500, 'fetch.wait.max.ms': 100}
        config |= dotted(extra)
        consumer = Consumer(config)
        self._consumers.append(consumer)
        return consumer

    def take(self, consumer, count, seconds=30):
        """Polls until there are `count` messages."""
        messages = []
        deadline = time.monotonic() + seconds
        while len(messages) < count:
            if time.monotonic() > deadline:
                raise AssertionError(f'{len(messages)} of {count} messages after {seconds} s')
            message = consumer.poll(0.5)
            if message is None:
                continue
            if message.error():
                if message.error().code() not in PASSING:
                    raise KafkaException(message.error())
                continue
            messages.append(message)
        return messages

    def read(self, count, topic=None, **extra):
        """The first `count` messages of partition 0."""
        consumer = self.consumer(group_id=f'{self.group}-{time.monotonic()}', **extra)
        consumer.assign([TopicPartition(topic or self.topic, 0, 0)])
        return self.take(consumer, count)

    def end(self):
        """The end of partition 0, asked by a client that knows no epoch from before a restart."""
        return self.consumer().get_watermark_offsets(TopicPartition(self.topic, 0), timeout=20)[1]

    def close(self):
        for consumer in self._consumers:
            try:
                consumer.close()
            except RuntimeError:
                pass  # it was closed by its check
