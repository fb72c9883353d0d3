use std::time::Duration;

use rdkafka::admin::{AdminOptions, AlterConfig, NewPartitions, NewTopic, ResourceSpecifier, TopicReplication};
use rdkafka::consumer::Consumer;
use rdkafka::error::RDKafkaErrorCode;
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};

use crate::checks;
use crate::place::{equal, eventually, sorted, text, Check, PATIENCE};

pub fn checks() -> Vec<Check> {
    checks! {
        "admin: topics are created, seen in the metadata, grown and deleted" => |place| {
            let (admin, options) = (place.admin(), AdminOptions::new());
            place.create(&place.topic, 2, &[("retention.ms", "86400000")]).await?;
            let probe = place.consumer(&[])?;
            let metadata = probe.fetch_metadata(Some(&place.topic), PATIENCE).map_err(text)?;
            let nodes = place.nodes();
            equal("brokers", sorted(metadata.brokers().iter().map(|broker| broker.id())), nodes.clone())?;
            let parts = metadata.topics()[0].partitions();
            let replicas: Vec<_> = parts.iter().map(|part| sorted(part.isr().iter().copied())).collect();
            equal("replicas", replicas, vec![nodes.clone(), nodes])?;
            let grown = admin.create_partitions([&NewPartitions::new(&place.topic, 5)], &options).await.map_err(text)?;
            equal("grown", grown, vec![Ok(place.topic.clone())])?;
            eventually(|| {
                let metadata = probe.fetch_metadata(Some(&place.topic), PATIENCE).map_err(text)?;
                equal("partitions", metadata.topics()[0].partitions().len(), 5)
            }).await?;
            let again = NewTopic::new(&place.topic, 1, TopicReplication::Fixed(-1));
            let refused = admin.create_topics([&again], &options).await.map_err(text)?;
            equal("again", refused, vec![Err((place.topic.clone(), RDKafkaErrorCode::TopicAlreadyExists))])?;
            let gone = admin.delete_topics(&[&place.topic], &options).await.map_err(text)?;
            equal("deleted", gone, vec![Ok(place.topic.clone())])?;
            eventually(|| {
                let all = probe.fetch_metadata(None, PATIENCE).map_err(text)?;
                equal("still there", all.topics().iter().any(|topic| topic.name() == place.topic), false)
            }).await?;
            let unknown = admin.delete_topics(&[&place.topic], &options).await.map_err(text)?;
            equal("unknown", unknown, vec![Err((place.topic.clone(), RDKafkaErrorCode::UnknownTopicOrPartition))])?;
        }
        "admin: what no topic can be is refused, together with one that can" => |place| {
            let admin = place.admin();
            let wanted = [
                NewTopic::new("not/a/topic", 1, TopicReplication::Fixed(-1)),
                NewTopic::new("rs-nine-replicas", 1, TopicReplication::Fixed(9)),
                NewTopic::new("rs-bad-config", 1, TopicReplication::Fixed(-1)).set("no.such", "1"),
                NewTopic::new(&place.topic, 1, TopicReplication::Fixed(-1)),
            ];
            let outcomes = admin.create_topics(&wanted, &AdminOptions::new()).await.map_err(text)?;
            let codes: Vec<_> = outcomes.into_iter().map(|outcome| outcome.err().map(|(_, code)| code)).collect();
            equal("errors", codes, vec![
                Some(RDKafkaErrorCode::InvalidTopic),
                Some(RDKafkaErrorCode::InvalidReplicationFactor),
                Some(RDKafkaErrorCode::InvalidConfig),
                None,
            ])?;
        }
        "admin: configs are described and replaced" => |place| {
            place.create(&place.topic, 1, &[("retention.bytes", "1000000")]).await?;
            let (admin, options) = (place.admin(), AdminOptions::new());
            let change = AlterConfig::new(ResourceSpecifier::Topic(&place.topic)).set("retention.ms", "700000");
            let changed = admin.alter_configs([&change], &options).await.map_err(text)?;
            equal("changed", changed.len(), 1)?;
            changed[0].as_ref().map_err(|(_, code)| format!("{code:?}"))?;
            let deadline = std::time::Instant::now() + PATIENCE;
            loop {
                let described = admin.describe_configs([&ResourceSpecifier::Topic(&place.topic)], &options).await.map_err(text)?;
                let resource = described[0].as_ref().map_err(|code| format!("{code:?}"))?;
                let seen: Vec<_> = ["retention.ms", "retention.bytes"]
                    .iter()
                    .map(|name| resource.get(name).map(|entry| (entry.value.clone(), format!("{:?}", entry.source))))
                    .collect();
                let want = vec![
                    Some((Some("700000".to_string()), "DynamicTopic".to_string())),
                    Some((Some("-1".to_string()), "Default".to_string())),
                ];
                if seen == want {
                    break;
                }
                if std::time::Instant::now() > deadline {
                    return Err(format!("described {seen:?}"));
                }
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
        "admin: deleted records move the start of the log" => |place| {
            place.create(&place.topic, 1, &[]).await?;
            place.fill(10, &[]).await?;
            let admin = place.admin();
            let mut before = TopicPartitionList::new();
            before.add_partition_offset(&place.topic, 0, Offset::Offset(4)).map_err(text)?;
            let deleted = admin.delete_records(&before, &AdminOptions::new()).await.map_err(text)?;
            equal("low watermark", deleted.elements()[0].offset(), Offset::Offset(4))?;
            let ends = place.consumer(&[])?.fetch_watermarks(&place.topic, 0, PATIENCE).map_err(text)?;
            equal("watermarks", ends, (4, 10))?;
        }
        "admin: groups are listed with their members and deleted when they are empty" => |place| {
            place.create(&place.topic, 1, &[]).await?;
            place.fill(1, &[]).await?;
            let consumer = place.consumer(&[])?;
            consumer.subscribe(&[&place.topic]).map_err(text)?;
            crate::place::take(&consumer, 1)?;
            let groups = consumer.fetch_group_list(Some(&place.topic), PATIENCE).map_err(text)?;
            let group = groups.groups().first().ok_or("the group is not listed")?;
            equal("state", group.state(), "Stable")?;
            equal("protocol", (group.protocol_type(), group.protocol()), ("consumer", "range"))?;
            equal("client", group.members()[0].client_id(), "rdkafka")?;
            let admin = place.admin();
            let active = admin.delete_groups(&[&place.topic], &AdminOptions::new()).await.map_err(text)?;
            equal("active", active, vec![Err((place.topic.clone(), RDKafkaErrorCode::NonEmptyGroup))])?;
            drop(consumer);
            let gone = admin.delete_groups(&[&place.topic], &AdminOptions::new()).await.map_err(text)?;
            equal("deleted", gone, vec![Ok(place.topic.clone())])?;
            let again = admin.delete_groups(&[&place.topic], &AdminOptions::new()).await.map_err(text)?;
            equal("again", again, vec![Err((place.topic.clone(), RDKafkaErrorCode::GroupIdNotFound))])?;
        }
    }
}
