import time

from confluent_kafka import ConsumerGroupState, ConsumerGroupTopicPartitions, TopicCollection, TopicPartition
from confluent_kafka.admin import (
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    ConfigSource,
    NewPartitions,
    NewTopic,
    OffsetSpec,
    ResourceType,
)

from broker import code_of, dotted, equal, eventually


def topics(place):
    place.create(3, retention_ms='86400000')
    names = place.admin.list_topics(timeout=10).topics
    equal('partitions', sorted(names[place.topic].partitions), [0, 1, 2])
    described = place.admin.describe_topics(TopicCollection([place.topic]))[place.topic].result()
    equal('name', described.name, place.topic)
    equal('internal', described.is_internal, False)
    equal('a node leads', described.partitions[1].leader.id in place.nodes, True)
    equal('in-sync', sorted(node.id for node in described.partitions[1].isr), place.nodes)
    again = place.admin.create_topics([NewTopic(place.topic, 1)])[place.topic]
    equal('again', code_of(again.result), 'TOPIC_ALREADY_EXISTS')
    unknown = place.admin.describe_topics(TopicCollection([place.topic + '-unknown']))[place.topic + '-unknown']
    equal('unknown', code_of(unknown.result), 'UNKNOWN_TOPIC_OR_PART')
    place.admin.delete_topics([place.topic])[place.topic].result()
    eventually(lambda: place.topic not in place.admin.list_topics(timeout=10).topics)
    gone = place.admin.delete_topics([place.topic])[place.topic]
    equal('deleted again', code_of(gone.result), 'UNKNOWN_TOPIC_OR_PART')


def refused(place):
    def outcome(topic, partitions=1, replicas=1, **configs):
        made = place.admin.create_topics([NewTopic(topic, partitions, replicas, config=dotted(configs))])
        return code_of(made[topic].result)

    equal('name', outcome('not/a/topic'), 'TOPIC_EXCEPTION')
    equal('replicas', outcome(place.topic, 1, 9), 'INVALID_REPLICATION_FACTOR')
    equal('config', outcome(place.topic, no_such='1'), 'INVALID_CONFIG')
    equal('value', outcome(place.topic, retention_ms='long'), 'INVALID_CONFIG')
    only = place.admin.create_topics([NewTopic(place.topic, 2)], validate_only=True)
    equal('validated', code_of(only[place.topic].result), None)
    equal('not made', place.topic in place.admin.list_topics(timeout=10).topics, False)


def partitions(place):
    place.create(2)
    place.admin.create_partitions([NewPartitions(place.topic, 4)])[place.topic].result()
    eventually(lambda: len(place.admin.list_topics(place.topic, 10).topics[place.topic].partitions) == 4)
    fewer = place.admin.create_partitions([NewPartitions(place.topic, 3)])[place.topic]
    equal('fewer', code_of(fewer.result), 'INVALID_PARTITIONS')


def configs(place):
    place.create(1)
    resource = ConfigResource(ResourceType.TOPIC, place.topic)

    def alter(name, value, operation=AlterConfigOpType.SET):
        entry = ConfigEntry(name, value, incremental_operation=operation)
        change = ConfigResource(ResourceType.TOPIC, place.topic, incremental_configs=[entry])
        return code_of(list(place.admin.incremental_alter_configs([change]).values())[0].result)

    def described(name):
        entry = place.admin.describe_configs([resource])[resource].result()[name]
        return entry.value, ConfigSource(entry.source)

    equal('set', alter('retention.ms', '700000'), None)
    eventually(lambda: described('retention.ms') == ('700000', ConfigSource.DYNAMIC_TOPIC_CONFIG))
    equal('append', alter('leader.replication.throttled.replicas', '', AlterConfigOpType.APPEND), None)
    equal('delete', alter('retention.ms', None, AlterConfigOpType.DELETE), None)
    eventually(lambda: described('retention.ms') == ('604800000', ConfigSource.DEFAULT_CONFIG))
    equal('value', alter('retention.ms', 'long'), 'INVALID_CONFIG')
    equal('name', alter('no.such', '1'), 'INVALID_CONFIG')
    broker = ConfigResource(ResourceType.BROKER, '1')
    of_broker = place.admin.describe_configs([broker])[broker].result()
    equal('broker', of_broker['message.max.bytes'].value, '1048588')


def offsets(place):
    place.create(1)
    start = (int(time.time()) - 100) * 1000
    # One batch for each record: the newest timestamp is the first of those that are equal.
    for i in range(10):
        place.send([{'value': str(i), 'timestamp': start + i * 1000, 'partition': 0}])
    place.send([{'value': 'late', 'timestamp': start, 'partition': 0}])
    part = TopicPartition(place.topic, 0)

    def at(spec):
        listed = place.admin.list_offsets({part: spec})[part].result()
        return listed.offset, listed.timestamp

    equal('earliest', at(OffsetSpec.earliest()), (0, -1))
    equal('latest', at(OffsetSpec.latest()), (11, -1))
    equal('newest', at(OffsetSpec.max_timestamp()), (9, start + 9000))
    equal('at a time', at(OffsetSpec.for_timestamp(start + 4000)), (4, start + 4000))
    equal('between', at(OffsetSpec.for_timestamp(start + 4001)), (5, start + 5000))
    equal('too late', at(OffsetSpec.for_timestamp(start + 9001)), (-1, -1))
    consumer = place.consumer()
    found = consumer.offsets_for_times([TopicPartition(place.topic, 0, start + 3000)], timeout=10)
    equal('consumer', found[0].offset, 3)
    equal('watermarks', consumer.get_watermark_offsets(part, timeout=10), (0, 11))


def delete_records(place):
    place.create(2)
    place.send([{'value': str(i), 'partition': 0} for i in range(10)])
    part = TopicPartition(place.topic, 0, 4)
    # Both are under way together: the second must see what the first did.
    deleting = place.admin.delete_records([part])[part]
    asked = TopicPartition(place.topic, 0)
    listing = place.admin.list_offsets({asked: OffsetSpec.earliest()})[asked]
    equal('low watermark', deleting.result().low_watermark, 4)
    equal('earliest', listing.result().offset, 4)
    beyond = TopicPartition(place.topic, 0, 99)
    equal('beyond', code_of(place.admin.delete_records([beyond])[beyond].result), 'OFFSET_OUT_OF_RANGE')
    everything = TopicPartition(place.topic, 0, -1)
    equal('all', place.admin.delete_records([everything])[everything].result().low_watermark, 10)


def groups(place):
    place.create(2)
    part = TopicPartition(place.topic, 0, 5)
    change = ConsumerGroupTopicPartitions(place.group, [part])
    place.admin.alter_consumer_group_offsets([change])[place.group].result()

    def committed():
        asked = ConsumerGroupTopicPartitions(place.group)
        listed = place.admin.list_consumer_group_offsets([asked])[place.group].result()
        return [(one.partition, one.offset) for one in listed.topic_partitions]

    equal('committed', committed(), [(0, 5)])
    listed = {group.group_id: group for group in place.admin.list_consumer_groups().result().valid}
    equal('state', listed[place.group].state, ConsumerGroupState.EMPTY)
    filtered = place.admin.list_consumer_groups(states={ConsumerGroupState.STABLE}).result().valid
    equal('filtered', place.group in [group.group_id for group in filtered], False)
    described = place.admin.describe_consumer_groups([place.group])[place.group].result()
    equal('described', (described.state, described.members), (ConsumerGroupState.EMPTY, []))
    place.admin.delete_consumer_groups([place.group])[place.group].result()
    gone = place.admin.delete_consumer_groups([place.group])[place.group]
    equal('deleted again', code_of(gone.result), 'GROUP_ID_NOT_FOUND')


def cluster(place):
    described = place.admin.describe_cluster().result()
    equal('brokers', sorted(node.id for node in described.nodes), place.nodes)
    equal('a node controls', described.controller.id in place.nodes, True)
    equal('cluster id', len(described.cluster_id), 22)
    # Without access rules every operation is allowed.
    with_operations = place.admin.describe_cluster(include_authorized_operations=True).result()
    equal('operations', len(with_operations.authorized_operations) > 0, True)


admin_checks = [
    ('admin: topics are created, described and deleted', topics),
    ('admin: what no topic can be is refused', refused),
    ('admin: partitions are added, never taken away', partitions),
    ('admin: configs are changed one by one and described with their sources', configs),
    ('admin: offsets by start, end, time and the newest timestamp', offsets),
    ('admin: offsets listed behind deleted records show the deletion', delete_records),
    ('admin: group offsets are altered and listed, groups listed, described, deleted', groups),
    ('admin: the cluster names its broker, controller, id and what is allowed', cluster),
]
