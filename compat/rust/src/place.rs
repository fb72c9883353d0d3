//! What checks stand on: a topic name of their own, clients, and words for what went wrong.

use std::fmt::Debug;
use std::future::Future;
use std::io::{stdin, stdout, Write};
use std::pin::Pin;
use std::time::{Duration, Instant};

use futures::future::join_all;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::config::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{BorrowedMessage, Message};
use rdkafka::producer::{FutureProducer, FutureRecord};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};
use serde_json::Value;

pub type Outcome = Result<(), String>;
pub type Check = (&'static str, fn(Place) -> Pin<Box<dyn Future<Output = Outcome>>>);

pub const PATIENCE: Duration = Duration::from_secs(40);

/// Prints one line for the harness.
pub fn say(line: Value) {
    let mut out = stdout().lock();
    writeln!(out, "{line}").and_then(|()| out.flush()).expect("the harness reads");
}

/// Has something done with the broker ("kill9", "stop", "restart") and waits until it is done. In a cluster it is the one
/// that leads the topic's first partition.
pub fn ask_harness(what: &str, topic: &str) -> Outcome {
    say(serde_json::json!({ "do": what, "topic": topic }));
    let mut line = String::new();
    match stdin().read_line(&mut line) {
        Ok(bytes) if bytes > 0 => Ok(()),
        other => Err(format!("the harness is gone: {other:?}")),
    }
}

pub fn text(error: KafkaError) -> String {
    format!("{error:?}")
}

pub fn equal<T: PartialEq + Debug>(what: &str, got: T, want: T) -> Outcome {
    if got == want {
        Ok(())
    } else {
        Err(format!("{what}: got {got:?}, want {want:?}"))
    }
}

/// Waits until `reached` gives Ok.
pub async fn eventually(mut reached: impl FnMut() -> Outcome) -> Outcome {
    let deadline = Instant::now() + PATIENCE;
    loop {
        match reached() {
            Ok(()) => return Ok(()),
            Err(error) if Instant::now() > deadline => return Err(format!("still after {PATIENCE:?}: {error}")),
            Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
        }
    }
}

/// A record to send: key, value and timestamp.
pub type Sent<'a> = (Option<&'a [u8]>, Option<&'a [u8]>, Option<i64>);

/// A record that came: offset, key, value and timestamp.
pub type Got = (i64, Option<Vec<u8>>, Option<Vec<u8>>, Option<i64>);

pub fn got(message: &BorrowedMessage) -> Got {
    let owned = |bytes: Option<&[u8]>| bytes.map(<[u8]>::to_vec);
    (message.offset(), owned(message.key()), owned(message.payload()), message.timestamp().to_millis())
}

pub fn sorted(ids: impl Iterator<Item = i32>) -> Vec<i32> {
    let mut ids: Vec<_> = ids.collect();
    ids.sort_unstable();
    ids
}

pub struct Place {
    pub bootstrap: String,
    pub topic: String,
}

impl Place {
    pub fn new(bootstrap: &str, check: &str) -> Place {
        let name: String = check.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect();
        Place { bootstrap: bootstrap.to_string(), topic: format!("rs-{name}") }
    }

    /// The ids of the brokers: topics have a replica on each.
    pub fn nodes(&self) -> Vec<i32> {
        (1..).zip(self.bootstrap.split(',')).map(|(id, _)| id).collect()
    }

    pub fn config(&self, extra: &[(&str, &str)]) -> ClientConfig {
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", &self.bootstrap).set("log_level", "2");
        for (name, value) in extra {
            config.set(*name, *value);
        }
        config
    }

    pub fn admin(&self) -> AdminClient<DefaultClientContext> {
        self.config(&[]).create().expect("an admin client")
    }

    pub async fn create(&self, topic: &str, partitions: i32, configs: &[(&str, &str)]) -> Outcome {
        let mut wanted = NewTopic::new(topic, partitions, TopicReplication::Fixed(-1));
        for (name, value) in configs {
            wanted = wanted.set(name, value);
        }
        let made = self.admin().create_topics([&wanted], &AdminOptions::new()).await.map_err(text)?;
        equal("create topic", made, vec![Ok(topic.to_string())])?;
        // Apache Kafka answers before its broker knows that it leads.
        let probe = self.consumer(&[])?;
        eventually(|| {
            for partition in 0..partitions {
                probe.fetch_watermarks(topic, partition, Duration::from_secs(5)).map_err(text)?;
            }
            Ok(())
        })
        .await
    }

    pub fn producer(&self, extra: &[(&str, &str)]) -> Result<FutureProducer, String> {
        self.config(extra).create().map_err(text)
    }

    /// Sends records to partition 0 together and gives the offset or the error of each.
    pub async fn send(
        &self,
        topic: &str,
        records: &[Sent<'_>],
        extra: &[(&str, &str)],
    ) -> Result<Vec<Result<i64, RDKafkaErrorCode>>, String> {
        let producer = self.producer(extra)?;
        let sending = records.iter().map(|(key, value, timestamp)| {
            let mut record = FutureRecord::<[u8], [u8]>::to(topic).partition(0);
            record.key = *key;
            record.payload = *value;
            record.timestamp = *timestamp;
            producer.send(record, PATIENCE)
        });
        let outcomes = join_all(sending).await;
        Ok(outcomes
            .into_iter()
            .map(|outcome| match outcome {
                Ok(delivered) => Ok(delivered.offset),
                Err((error, _)) => Err(error.rdkafka_error_code().unwrap_or(RDKafkaErrorCode::Unknown)),
            })
            .collect())
    }

    /// Sends `count` records with their numbers as values, in as few batches as may be.
    pub async fn fill(&self, count: usize, extra: &[(&str, &str)]) -> Outcome {
        let values: Vec<String> = (0..count).map(|i| i.to_string()).collect();
        let records: Vec<Sent> = values.iter().map(|value| (None, Some(value.as_bytes()), None)).collect();
        let options = [&[("linger.ms", "100")], extra].concat();
        let sent = self.send(&self.topic, &records, &options).await?;
        equal("errors", sent.into_iter().filter_map(Result::err).collect::<Vec<_>>(), vec![])
    }

    pub fn consumer(&self, extra: &[(&str, &str)]) -> Result<BaseConsumer, String> {
        self.consumer_config(extra).create().map_err(text)
    }

    pub fn consumer_config(&self, extra: &[(&str, &str)]) -> ClientConfig {
        let standard = [
            ("group.id", self.topic.as_str()),
            ("auto.offset.reset", "earliest"),
            ("enable.auto.commit", "false"),
            ("session.timeout.ms", "6000"),
            ("heartbeat.interval.ms", "500"),
            ("fetch.wait.max.ms", "100"),
        ];
        self.config(&[&standard, extra].concat())
    }

    /// A consumer of partition 0 from an offset.
    pub fn from(&self, offset: Offset, extra: &[(&str, &str)]) -> Result<BaseConsumer, String> {
        let consumer = self.consumer(extra)?;
        let mut parts = TopicPartitionList::new();
        parts.add_partition_offset(&self.topic, 0, offset).map_err(text)?;
        consumer.assign(&parts).map_err(text)?;
        Ok(consumer)
    }

    pub async fn end(&self) -> Result<i64, String> {
        let ends = self.consumer(&[])?.fetch_watermarks(&self.topic, 0, PATIENCE).map_err(text)?;
        Ok(ends.1)
    }
}

/// Polls until there are `count` records.
pub fn take(consumer: &BaseConsumer, count: usize) -> Result<Vec<Got>, String> {
    let mut records = Vec::new();
    let deadline = Instant::now() + PATIENCE;
    while records.len() < count {
        if Instant::now() > deadline {
            return Err(format!("{} of {count} records after {PATIENCE:?}", records.len()));
        }
        match consumer.poll(Duration::from_millis(500)) {
            Some(message) => records.push(got(&message.map_err(text)?)),
            None => continue,
        }
    }
    Ok(records)
}

pub fn offsets(records: &[Got]) -> Vec<i64> {
    records.iter().map(|record| record.0).collect()
}

/// Declares checks: a name and an async block that has the place as `$place`.
#[macro_export]
macro_rules! checks {
    ($($name:expr => |$place:ident| $work:block)*) => {
        vec![$(($name, |$place: $crate::place::Place| Box::pin(async move {
            $work;
            Ok(())
        }))),*]
    };
}
