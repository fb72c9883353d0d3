import subprocess
import sys
import threading
import time

from confluent_kafka import ConsumerGroupState, KafkaException, TopicPartition

from broker import code_of, equal, eventually


class Member:
    """A consumer of a group on a thread of its own, which commits what it has seen."""

    def __init__(self, place, partition_strategy, **extra):
        self.place = place
        self.consumer = place.consumer(partition_assignment_strategy=partition_strategy, **extra)
        self.cooperative = partition_strategy == 'cooperative-sticky'
        self.assigned = set()
        self.rebalances = 0
        self.lost = 0
        self.seen = []
        self.errors = []
        self.stopping = threading.Event()
        self.consumer.subscribe([place.topic], on_assign=self._assign, on_revoke=self._revoke, on_lost=self._lose)
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _assign(self, _consumer, parts):
        self.rebalances += 1
        more = {one.partition for one in parts}
        self.assigned = self.assigned | more if self.cooperative else more

    def _revoke(self, _consumer, parts):
        self.assigned -= {one.partition for one in parts}

    def _lose(self, consumer, parts):
        self.lost += 1
        self._revoke(consumer, parts)

    def _run(self):
        while not self.stopping.is_set():
            try:
                message = self.consumer.poll(0.1)
            except KafkaException as error:
                self.errors.append(error.args[0].name())
                return
            if message is None:
                continue
            if message.error():
                self.errors.append(message.error().name())
                if message.error().fatal():
                    return
                continue
            self.seen.append((message.partition(), message.offset()))
            try:
                self.consumer.commit(message, asynchronous=False)
            except KafkaException as error:
                self.errors.append(error.args[0].name())

    def leave(self):
        self.stopping.set()
        self.thread.join()
        self.consumer.close()


def shared(members, partitions):
    """Whether members share all partitions and each has some."""
    parts = [part for member in members for part in member.assigned]
    return sorted(parts) == list(range(partitions)) and all(member.assigned for member in members)


def rebalances(strategy):
    def check(place):
        place.create(6)
        first = Member(place, strategy)
        members = [first]
        eventually(lambda: shared([first], 6))
        second = Member(place, strategy)
        third = Member(place, strategy)
        members += [second, third]

        def missing(end):
            seen = {one for member in members for one in member.seen}
            return [(part, offset) for part in range(6) for offset in range(end) if (part, offset) not in seen]

        def all_seen(end):
            errors = lambda: [(sorted(member.assigned), member.errors) for member in members]
            left = lambda: len(missing(end))
            eventually(lambda: not left(), left=left, told=lambda: f'missing {missing(end)[:10]} {errors()}')

        eventually(lambda: shared(members, 6))
        place.send([{'value': 'x', 'partition': i % 6} for i in range(600)])
        all_seen(100)
        second.leave()
        eventually(lambda: shared([first, third], 6))
        place.send([{'value': 'x', 'partition': i % 6} for i in range(60)])
        all_seen(110)
        every = sorted(one for member in members for one in member.seen)
        equal('each once', every, [(part, offset) for part in range(6) for offset in range(110)])
        equal('errors', [error for member in members for error in member.errors], [])
        for member in (first, third):
            member.leave()
        eventually(lambda: described(place).state == ConsumerGroupState.EMPTY)

    return check


def described(place):
    return place.admin.describe_consumer_groups([place.group])[place.group].result()


CRASHING = """
import sys, time
from confluent_kafka import Consumer
c = Consumer({'bootstrap.servers': sys.argv[1], 'group.id': sys.argv[2], 'session.timeout.ms': 3000,
              'heartbeat.interval.ms': 500, 'partition.assignment.strategy': 'range', 'log_level': 2})
c.subscribe([sys.argv[3]], on_assign=lambda c, parts: print(len(parts), flush=True))
while True:
    c.poll(0.5)
"""


def crash(place):
    place.create(4)
    args = [sys.executable, '-c', CRASHING, place.bootstrap, place.group, place.topic]
    other = subprocess.Popen(args, stdout=subprocess.PIPE, text=True)
    try:
        equal('all partitions', other.stdout.readline(), '4\n')
        member = Member(place, 'range', session_timeout_ms=3000)
        eventually(lambda: len(member.assigned) == 2)
        other.kill()
        eventually(lambda: len(member.assigned) == 4)
        equal('members', len(described(place).members), 1)
        member.leave()
    finally:
        other.kill()
        other.wait()


def static(place):
    place.create(4)
    extra = {'session_timeout_ms': 20_000}
    one = Member(place, 'range', group_instance_id='one', **extra)
    two = Member(place, 'range', group_instance_id='two', **extra)
    eventually(lambda: shared([one, two], 4))
    had, rebalances_before = two.assigned.copy(), one.rebalances
    two.leave()
    again = Member(place, 'range', group_instance_id='two', **extra)
    eventually(lambda: again.assigned == had)
    time.sleep(1.5)
    equal('the other is left alone', one.rebalances, rebalances_before)
    equal('instances', sorted(one.group_instance_id for one in described(place).members), ['one', 'two'])
    # Another with the same instance id takes its place; the former one is told.
    fence = place.consumer(group_instance_id='one', partition_assignment_strategy='range', **extra)
    fence.subscribe([place.topic])
    eventually(lambda: fence.poll(0.1) is None and {'_FATAL', 'FENCED_INSTANCE_ID'} & set(one.errors))
    for member in (one, again):
        member.leave()


def max_poll(place):
    """A member that does not poll in time leaves once, the other gets all, and it joins again when it polls."""
    place.create(4)
    slow = place.consumer(max_poll_interval_ms=6000, session_timeout_ms=6000, partition_assignment_strategy='range')
    sizes = []
    slow.subscribe([place.topic], on_assign=lambda _consumer, parts: sizes.append(len(parts)))
    eventually(lambda: slow.poll(0.1) is None and sizes == [4])
    quick = Member(place, 'range')
    eventually(lambda: slow.poll(0.1) is None and sizes[-1] == 2 and len(quick.assigned) == 2)
    before = quick.rebalances
    eventually(lambda: len(quick.assigned) == 4)
    equal('rebalances of the other', quick.rebalances, before + 1)
    message = slow.poll(5)
    equal('told', message.error().name(), '_MAX_POLL_EXCEEDED')
    eventually(lambda: slow.poll(0.1) is None and sizes[-1] == 2)
    quick.leave()


def commits(place):
    place.create(2)
    place.send([{'value': 'x', 'partition': 0}] * 10)
    consumer = place.consumer()
    consumer.subscribe([place.topic])
    place.take(consumer, 10)
    part = TopicPartition(place.topic, 0, 7, metadata='a note')
    equal('committed', consumer.commit(offsets=[part], asynchronous=False)[0].offset, 7)
    got = consumer.committed([TopicPartition(place.topic, 0), TopicPartition(place.topic, 1)], timeout=10)
    equal('read back', [(one.offset, one.metadata) for one in got], [(7, 'a note'), (-1001, None)])
    too_long = TopicPartition(place.topic, 0, 8, metadata='x' * 5000)
    equal('too much metadata', code_of(lambda: one_commit(consumer, too_long)), 'OFFSET_METADATA_TOO_LARGE')
    unknown = TopicPartition(place.topic + '-unknown', 0, 8)
    equal('unknown topic', code_of(lambda: one_commit(consumer, unknown)), 'UNKNOWN_TOPIC_OR_PART')
    consumer.close()
    again = place.consumer()
    again.subscribe([place.topic])
    equal('next member begins', place.take(again, 1)[0].offset(), 7)


def one_commit(consumer, part):
    error = consumer.commit(offsets=[part], asynchronous=False)[0].error
    if error:
        raise KafkaException(error)


group_checks = [
    ('group: a member whose process dies loses its partitions when its session ends', crash),
    ('group: max.poll.interval exceeded: one rebalance, and back again', max_poll),
    ('group: a static member comes back without a rebalance, and is fenced by its like', static),
    ('group: range: members join and leave, every message once', rebalances('range')),
    ('group: roundrobin: members join and leave, every message once', rebalances('roundrobin')),
    ('group: cooperative-sticky: members join and leave, every message once', rebalances('cooperative-sticky')),
    ('group: commits with metadata, their errors, and where the next member begins', commits),
]
