import threading
import time

from confluent_kafka import KafkaException, TopicPartition

from broker import ask_harness, equal, eventually


def kills(place):
    place.create(1)
    producer = place.producer(enable_idempotence=True, linger_ms=1, message_timeout_ms=150_000)
    consumer = place.consumer(enable_auto_commit=True, auto_commit_interval_ms=200)
    consumer.subscribe([place.topic])
    acknowledged, failed, seen = [], [], []
    stop, flushed = threading.Event(), threading.Event()

    def produce():
        number = 0
        while not stop.is_set():
            try:
                producer.produce(place.topic, str(number), on_delivery=report(number))
                number += 1
            except BufferError:
                pass
            producer.poll(0)
            time.sleep(0.001)

    def report(number):
        return lambda error, _message: failed.append(error.name()) if error else acknowledged.append(number)

    def consume():
        while not flushed.is_set() or len(set(seen)) < len(acknowledged):
            message = consumer.poll(0.2)
            if message is not None and not message.error():
                seen.append(int(message.value()))

    threads = [threading.Thread(target=work, daemon=True) for work in (produce, consume)]
    for thread in threads:
        thread.start()
    for _ in range(2):
        time.sleep(1.5)
        ask_harness('kill9', place.topic)
        ask_harness('restart', place.topic)
    time.sleep(1)
    stop.set()
    threads[0].join()
    equal('left in the queue', producer.flush(150), 0)
    flushed.set()
    equal('failed', failed, [])
    threads[1].join(60)
    equal('acknowledged but not consumed', sorted(set(acknowledged) - set(seen)), [])
    log = [int(one.value()) for one in place.read(len(acknowledged))]
    equal('the log, in order and once', log == sorted(acknowledged), True)
    equal('end', place.end(), len(acknowledged))


def clean(place):
    place.create(2, retention_bytes='123456789')
    place.send([{'value': 'x', 'partition': 0}] * 5)
    consumer = place.consumer()
    consumer.subscribe([place.topic])
    place.take(consumer, 5)
    consumer.commit(asynchronous=False)
    ask_harness('stop', place.topic)
    ask_harness('restart', place.topic)

    def committed():
        try:
            return consumer.committed([TopicPartition(place.topic, 0)], timeout=5)[0].offset == 5
        except KafkaException:
            return False

    eventually(committed, 30)
    place.send([{'value': 'later', 'partition': 0}])
    equal('goes on', place.take(consumer, 1)[0].value(), b'later')


restart_checks = [
    ('restart: kill -9 twice under a producer and a group: nothing acknowledged is lost or doubled', kills),
    ('restart: a clean stop and start under a consumer keeps its place', clean),
]
