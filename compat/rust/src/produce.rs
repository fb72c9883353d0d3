use rdkafka::error::RDKafkaErrorCode;
use rdkafka::message::{Header, Headers, Message, OwnedHeaders};
use rdkafka::producer::FutureRecord;
use rdkafka::topic_partition_list::Offset;

use crate::checks;
use crate::place::{equal, take, text, Check, Outcome, Place, Sent, PATIENCE};

async fn with_codec(place: Place, codec: &str) -> Outcome {
    place.create(&place.topic, 1, &[]).await?;
    let values: Vec<String> = (0..500).map(|i| format!("{i:0200}")).collect();
    let records: Vec<Sent> =
        values.iter().map(|value| (Some(&value.as_bytes()[190..]), Some(value.as_bytes()), None)).collect();
    let mut count = 0;
    for (acks, idempotence) in [("all", "true"), ("all", "false"), ("1", "false"), ("0", "false")] {
        let extra = [
            ("compression.type", codec),
            ("acks", acks),
            ("enable.idempotence", idempotence),
            ("linger.ms", "20"),
            ("batch.num.messages", "100"),
        ];
        let sent = place.send(&place.topic, &records, &extra).await?;
        if acks != "0" {
            equal("offsets", sent, (count..count + 500).map(Ok).collect())?;
        } else {
            equal("errors", sent.iter().filter(|one| one.is_err()).count(), 0)?;
        }
        count += 500;
    }
    let consumer = place.from(Offset::Beginning, &[])?;
    for (i, (offset, key, value, _)) in take(&consumer, count as usize)?.into_iter().enumerate() {
        let want = values[i % 500].as_bytes();
        equal("record", (offset, key.as_deref(), value.as_deref()), (i as i64, Some(&want[190..]), Some(want)))?;
    }
    Ok(())
}

pub fn checks() -> Vec<Check> {
    checks! {
        "produce: none with acks all, 1, 0 and idempotence" => |place| { with_codec(place, "none").await?; }
        "produce: gzip with acks all, 1, 0 and idempotence" => |place| { with_codec(place, "gzip").await?; }
        "produce: snappy with acks all, 1, 0 and idempotence" => |place| { with_codec(place, "snappy").await?; }
        "produce: lz4 with acks all, 1, 0 and idempotence" => |place| { with_codec(place, "lz4").await?; }
        "produce: zstd with acks all, 1, 0 and idempotence" => |place| { with_codec(place, "zstd").await?; }
        "produce: keys, nulls, empty values and timestamps come back as sent" => |place| {
            place.create(&place.topic, 1, &[]).await?;
            let when = 1_700_000_000_123;
            let sent: [Sent; 4] = [
                (Some(b"k"), Some(b"v"), Some(when)),
                (None, None, Some(when)),
                (Some(b""), Some(b""), Some(when)),
                (Some("나루".as_bytes()), Some(&[0, 255]), Some(when + 1000)),
            ];
            let outcomes = place.send(&place.topic, &sent, &[("linger.ms", "50")]).await?;
            equal("offsets", outcomes, vec![Ok(0), Ok(1), Ok(2), Ok(3)])?;
            let came = take(&place.from(Offset::Beginning, &[])?, 4)?;
            for ((key, value, timestamp), (_, got_key, got_value, got_timestamp)) in sent.iter().zip(came) {
                equal("record", (got_key.as_deref(), got_value.as_deref(), got_timestamp), (*key, *value, *timestamp))?;
            }
        }
        "produce: headers come back in their order, nulls and repeated names too" => |place| {
            place.create(&place.topic, 1, &[]).await?;
            let headers = OwnedHeaders::new()
                .insert(Header { key: "a", value: Some("1") })
                .insert(Header { key: "a", value: None::<&str> })
                .insert(Header { key: "b", value: Some("") });
            let record = FutureRecord::<str, str>::to(&place.topic).payload("x").headers(headers);
            place.producer(&[])?.send(record, PATIENCE).await.map_err(|(error, _)| text(error))?;
            let consumer = place.from(Offset::Beginning, &[])?;
            let message = consumer.poll(PATIENCE).ok_or("nothing came")?.map_err(text)?;
            let headers = message.headers().ok_or("no headers")?;
            let came: Vec<_> = headers.iter().map(|header| (header.key, header.value)).collect();
            equal("headers", came, vec![("a", Some(&b"1"[..])), ("a", None), ("b", Some(&b""[..]))])?;
        }
        "produce: big messages up to the limit of the topic" => |place| {
            place.create(&place.topic, 1, &[("max.message.bytes", "3000000")]).await?;
            let limit = [("message.max.bytes", "10000000")];
            // Bytes that no codec makes smaller are not needed: nothing is compressed here.
            let (fits, not) = (vec![7u8; 2_900_000], vec![7u8; 3_000_001]);
            equal("fits", place.send(&place.topic, &[(None, Some(&fits), None)], &limit).await?, vec![Ok(0)])?;
            let refused = place.send(&place.topic, &[(None, Some(&not), None)], &limit).await?;
            equal("too big", refused, vec![Err(RDKafkaErrorCode::MessageSizeTooLarge)])?;
            let small = [("compression.type", "zstd"), ("message.max.bytes", "10000000")];
            equal("compressed", place.send(&place.topic, &[(None, Some(&not), None)], &small).await?, vec![Ok(1)])?;
            let came = take(&place.from(Offset::Beginning, &[("fetch.message.max.bytes", "1000")])?, 2)?;
            equal("back", came.iter().map(|one| one.2.as_ref().map(Vec::len)).collect::<Vec<_>>(), vec![Some(2_900_000), Some(3_000_001)])?;
        }
        "produce: impossible names and timestamps" => |place| {
            let brief = [("message.timeout.ms", "5000")];
            let bad = place.send("not/a/topic", &[(None, None, None)], &brief).await?;
            equal("bad name", matches!(bad[0], Err(RDKafkaErrorCode::InvalidTopic | RDKafkaErrorCode::UnknownTopic)), true)?;
            place.create(&place.topic, 1, &[]).await?;
            let late = place.send(&place.topic, &[(None, None, Some(32_503_680_000_000))], &brief).await?;
            equal("the year 3000", late, vec![Err(RDKafkaErrorCode::InvalidTimestamp)])?;
            equal("nothing was written", place.end().await?, 0)?;
        }
    }
}
