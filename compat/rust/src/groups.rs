use std::collections::{BTreeSet, HashMap};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use rdkafka::client::ClientContext;
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer, ConsumerContext, Rebalance};
use rdkafka::message::Message;
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};

use crate::checks;
use crate::place::{equal, eventually, offsets, take, text, Check, Outcome, Place, PATIENCE};

/// Counts rebalances.
struct Watched(Arc<AtomicUsize>);
impl ClientContext for Watched {}
impl ConsumerContext for Watched {
    fn post_rebalance(&self, _: &BaseConsumer<Self>, rebalance: &Rebalance<'_>) {
        if let Rebalance::Assign(_) = rebalance {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }
}

/// What all members of a group have seen, and what went wrong for them.
#[derive(Clone, Default)]
struct Seen {
    /// How often each (partition, offset) came.
    times: Arc<Mutex<HashMap<(i32, i64), usize>>>,
    errors: Arc<Mutex<Vec<String>>>,
}

impl Seen {
    /// Ok when each of the partitions has been seen up to `end`, without errors.
    fn up_to(&self, partitions: i32, end: i64) -> Outcome {
        let times = self.times.lock().unwrap();
        let all = (0..partitions).flat_map(|partition| (0..end).map(move |offset| (partition, offset)));
        let missing: Vec<_> = all.filter(|place| !times.contains_key(place)).take(10).collect();
        equal("missing, errors", (missing, self.errors.lock().unwrap().clone()), (vec![], vec![]))
    }
}

/// A member on a thread of its own, which commits what it has seen.
struct Member {
    rebalances: Arc<AtomicUsize>,
    assigned: Arc<Mutex<BTreeSet<i32>>>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<Outcome>>,
}

impl Member {
    fn start(place: &Place, seen: &Seen, extra: &[(&str, &str)]) -> Result<Member, String> {
        let rebalances = Arc::new(AtomicUsize::new(0));
        let consumer: BaseConsumer<Watched> =
            place.consumer_config(extra).create_with_context(Watched(rebalances.clone())).map_err(text)?;
        consumer.subscribe(&[&place.topic]).map_err(text)?;
        let assigned = Arc::new(Mutex::new(BTreeSet::new()));
        let stop = Arc::new(AtomicBool::new(false));
        let (seen, theirs, ends) = (seen.clone(), assigned.clone(), stop.clone());
        let run = move |seen: &Seen| -> Outcome {
            while !ends.load(Ordering::SeqCst) {
                if let Some(message) = consumer.poll(Duration::from_millis(100)) {
                    let message = message.map_err(text)?;
                    *seen.times.lock().unwrap().entry((message.partition(), message.offset())).or_insert(0) += 1;
                    consumer.commit_message(&message, CommitMode::Sync).map_err(text)?;
                }
                let parts = consumer.assignment().map_err(text)?;
                *theirs.lock().unwrap() = parts.elements().iter().map(|part| part.partition()).collect();
            }
            Ok(()) // and the consumer, dropped here, leaves
        };
        let thread = thread::spawn(move || {
            let outcome = run(&seen);
            seen.errors.lock().unwrap().extend(outcome.clone().err());
            outcome
        });
        Ok(Member { rebalances, assigned, stop, thread: Some(thread) })
    }

    fn parts(&self) -> BTreeSet<i32> {
        self.assigned.lock().unwrap().clone()
    }

    fn leave(mut self) -> Outcome {
        self.stop.store(true, Ordering::SeqCst);
        self.thread.take().unwrap().join().map_err(|_| "a member broke".to_string())?
    }
}

/// Ok when the members share all partitions and each has some.
fn shared(members: &[&Member], partitions: usize) -> Outcome {
    let each: Vec<BTreeSet<i32>> = members.iter().map(|member| member.parts()).collect();
    let all: BTreeSet<i32> = each.iter().flatten().copied().collect();
    let total: usize = each.iter().map(BTreeSet::len).sum();
    if all.len() == partitions && total == partitions && each.iter().all(|parts| !parts.is_empty()) {
        return Ok(());
    }
    Err(format!("shared as {each:?}"))
}

/// One record to each of the place's partitions, `times` over.
async fn send_to_all(place: &Place, partitions: i32, times: usize) -> Outcome {
    let producer = place.producer(&[("linger.ms", "20")])?;
    let sending = (0..times).flat_map(|_| 0..partitions).map(|partition| {
        let record = rdkafka::producer::FutureRecord::<str, str>::to(&place.topic).partition(partition).payload("x");
        producer.send(record, PATIENCE)
    });
    let failed = futures::future::join_all(sending).await.into_iter().filter(Result::is_err).count();
    equal("failed", failed, 0)
}

async fn rebalances(place: Place, strategy: &str) -> Outcome {
    place.create(&place.topic, 6, &[]).await?;
    let seen = Seen::default();
    let options = [("partition.assignment.strategy", strategy)];
    let first = Member::start(&place, &seen, &options)?;
    eventually(|| shared(&[&first], 6)).await?;
    let second = Member::start(&place, &seen, &options)?;
    let third = Member::start(&place, &seen, &options)?;
    eventually(|| shared(&[&first, &second, &third], 6)).await?;
    send_to_all(&place, 6, 100).await?;
    eventually(|| seen.up_to(6, 100)).await?;
    second.leave()?;
    eventually(|| shared(&[&first, &third], 6)).await?;
    send_to_all(&place, 6, 10).await?;
    eventually(|| seen.up_to(6, 110)).await?;
    first.leave()?;
    third.leave()?;
    let twice = seen.times.lock().unwrap().values().filter(|times| **times > 1).count();
    equal("seen twice", twice, 0)
}

pub fn checks() -> Vec<Check> {
    checks! {
        "group: a static member comes back without a rebalance" => |place| {
            place.create(&place.topic, 4, &[]).await?;
            let seen = Seen::default();
            let options = |name| [("group.instance.id", name), ("session.timeout.ms", "20000")];
            let one = Member::start(&place, &seen, &options("one"))?;
            let two = Member::start(&place, &seen, &options("two"))?;
            eventually(|| shared(&[&one, &two], 4)).await?;
            let (had, before) = (two.parts(), one.rebalances.load(Ordering::SeqCst));
            two.leave()?;
            let again = Member::start(&place, &seen, &options("two"))?;
            eventually(|| equal("partitions", again.parts(), had.clone())).await?;
            tokio::time::sleep(Duration::from_millis(1500)).await;
            equal("rebalances of the other", one.rebalances.load(Ordering::SeqCst), before)?;
            one.leave()?;
            again.leave()?;
        }
        "group: range: members join and leave, every message once" => |place| { rebalances(place, "range").await?; }
        "group: roundrobin: members join and leave, every message once" => |place| { rebalances(place, "roundrobin").await?; }
        "group: cooperative-sticky: members join and leave, every message once" => |place| { rebalances(place, "cooperative-sticky").await?; }
        "group: commits with metadata, and where the next member begins" => |place| {
            place.create(&place.topic, 1, &[]).await?;
            place.fill(10, &[]).await?;
            let consumer = place.consumer(&[])?;
            consumer.subscribe(&[&place.topic]).map_err(text)?;
            take(&consumer, 10)?;
            let mut parts = TopicPartitionList::new();
            let mut part = parts.add_partition(&place.topic, 0);
            part.set_offset(Offset::Offset(7)).map_err(text)?;
            part.set_metadata("a note");
            consumer.commit(&parts, CommitMode::Sync).map_err(text)?;
            let committed = consumer.committed(PATIENCE).map_err(text)?;
            let part = &committed.elements()[0];
            equal("read back", (part.offset(), part.metadata()), (Offset::Offset(7), "a note"))?;
            // A consumer ends when no list holds its partitions any more.
            drop((parts, committed));
            drop(consumer);
            let next = place.consumer(&[])?;
            next.subscribe(&[&place.topic]).map_err(text)?;
            equal("next member begins", offsets(&take(&next, 1)?), vec![7])?;
        }
    }
}
