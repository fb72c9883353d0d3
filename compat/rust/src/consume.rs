use std::collections::HashSet;
use std::time::Duration;

use rdkafka::consumer::Consumer;
use rdkafka::error::RDKafkaErrorCode;
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};

use crate::checks;
use crate::place::{equal, offsets, take, text, Check, Sent, PATIENCE};

pub fn checks() -> Vec<Check> {
    checks! {
        "consume: from offsets in the middle of a batch, the beginning and before the end" => |place| {
            place.create(&place.topic, 1, &[]).await?;
            place.fill(100, &[("compression.type", "lz4")]).await?;
            for (from, first) in [
                (Offset::Offset(57), 57),
                (Offset::Offset(99), 99),
                (Offset::Beginning, 0),
                (Offset::OffsetTail(3), 97),
                (Offset::Stored, 0),
            ] {
                equal(&format!("{from:?}"), offsets(&take(&place.from(from, &[])?, 1)?), vec![first])?;
            }
        }
        "consume: seeking by offset and by time, forth and back" => |place| {
            place.create(&place.topic, 1, &[]).await?;
            let start = 1_700_000_000_000;
            let records: Vec<Sent> = (0..50).map(|i| (None, None, Some(start + i * 1000))).collect();
            place.send(&place.topic, &records, &[("batch.num.messages", "10")]).await?;
            let consumer = place.from(Offset::Beginning, &[])?;
            take(&consumer, 5)?;
            consumer.seek(&place.topic, 0, Offset::Offset(40), PATIENCE).map_err(text)?;
            equal("by offset", offsets(&take(&consumer, 1)?), vec![40])?;
            let mut times = TopicPartitionList::new();
            times.add_partition_offset(&place.topic, 0, Offset::Offset(start + 17_500)).map_err(text)?;
            let found = consumer.offsets_for_times(times, PATIENCE).map_err(text)?;
            equal("found", found.elements()[0].offset(), Offset::Offset(18))?;
            consumer.seek(&place.topic, 0, found.elements()[0].offset(), PATIENCE).map_err(text)?;
            equal("by time", offsets(&take(&consumer, 1)?), vec![18])?;
            consumer.seek(&place.topic, 0, Offset::Beginning, PATIENCE).map_err(text)?;
            equal("back", offsets(&take(&consumer, 1)?), vec![0])?;
        }
        "consume: fetches smaller than a batch still get on" => |place| {
            place.create(&place.topic, 1, &[]).await?;
            place.fill(2000, &[("compression.type", "zstd")]).await?;
            let small = [("fetch.message.max.bytes", "100"), ("fetch.max.bytes", "1000"), ("message.max.bytes", "1000")];
            let came = take(&place.from(Offset::Beginning, &small)?, 2000)?;
            equal("offsets", offsets(&came), (0..2000).collect())?;
        }
        "consume: out of range ends as the reset policy says" => |place| {
            place.create(&place.topic, 1, &[]).await?;
            place.fill(10, &[]).await?;
            equal("earliest", offsets(&take(&place.from(Offset::Offset(500), &[])?, 1)?), vec![0])?;
            let strict = place.from(Offset::Offset(500), &[("auto.offset.reset", "error")])?;
            let told = strict.poll(PATIENCE).ok_or("nothing came")?.err().ok_or("a record came")?;
            equal("error", told.rdkafka_error_code(), Some(RDKafkaErrorCode::AutoOffsetReset))?;
        }
        "consume: paused partitions give nothing, resumed ones the rest" => |place| {
            place.create(&place.topic, 1, &[]).await?;
            let consumer = place.from(Offset::Beginning, &[])?;
            let parts = consumer.assignment().map_err(text)?;
            consumer.pause(&parts).map_err(text)?;
            place.fill(10, &[]).await?;
            equal("paused", consumer.poll(Duration::from_millis(1500)).is_none(), true)?;
            consumer.resume(&parts).map_err(text)?;
            equal("resumed", offsets(&take(&consumer, 10)?), (0..10).collect())?;
        }
        "consume: a regular expression finds topics made before and after" => |place| {
            let names: Vec<String> = ["a1", "b1", "a2"].iter().map(|end| format!("{}-{end}", place.topic)).collect();
            let consumer = place.consumer(&[("topic.metadata.refresh.interval.ms", "300")])?;
            consumer.subscribe(&[&format!("^{}-a.$", place.topic)]).map_err(text)?;
            let mut seen = HashSet::new();
            for (name, expected) in [(&names[0], 1), (&names[1], 1), (&names[2], 2)] {
                place.create(name, 1, &[]).await?;
                place.send(name, &[(None, Some(name.as_bytes()), None)], &[]).await?;
                let deadline = std::time::Instant::now() + if name.contains("-a") { PATIENCE } else { Duration::from_secs(1) };
                while std::time::Instant::now() < deadline && (seen.len() < expected || !name.contains("-a")) {
                    // A topic is found a little before its broker knows that it leads.
                    match consumer.poll(Duration::from_millis(200)) {
                        Some(Ok(message)) => drop(seen.insert(crate::place::got(&message).2)),
                        Some(Err(error))
                            if error.rdkafka_error_code() != Some(RDKafkaErrorCode::UnknownTopicOrPartition) =>
                        {
                            return Err(text(error));
                        }
                        _ => {}
                    }
                }
                equal(name, seen.len(), expected)?;
            }
        }
    }
}
