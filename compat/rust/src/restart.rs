use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::future::join_all;
use rdkafka::producer::FutureRecord;
use rdkafka::topic_partition_list::Offset;

use crate::checks;
use crate::place::{ask_harness, equal, take, text, Check};

pub fn checks() -> Vec<Check> {
    checks! {
        "restart: kill -9 twice under an idempotent producer: nothing acknowledged is lost or doubled, order holds" => |place| {
            place.create(&place.topic, 1, &[]).await?;
            let producer = place.producer(&[("enable.idempotence", "true"), ("linger.ms", "1"), ("message.timeout.ms", "150000")])?;
            let stop = Arc::new(AtomicBool::new(false));
            let outcome = Arc::new(Mutex::new(Ok(())));
            let (ends, told) = (stop.clone(), outcome.clone());
            let topic = place.topic.clone();
            let killing = std::thread::spawn(move || {
                for _ in 0..2 {
                    std::thread::sleep(Duration::from_millis(1500));
                    let done = ask_harness("kill9", &topic).and_then(|()| ask_harness("restart", &topic));
                    if done.is_err() {
                        *told.lock().unwrap() = done;
                        break;
                    }
                }
                std::thread::sleep(Duration::from_secs(1));
                ends.store(true, Ordering::SeqCst);
            });
            let mut sending = Vec::new();
            while !stop.load(Ordering::SeqCst) {
                let number = sending.len().to_string();
                let record = FutureRecord::<str, str>::to(&place.topic).payload(&number);
                sending.push(producer.send_result(record).map_err(|(error, _)| text(error))?);
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
            killing.join().map_err(|_| "the killer broke".to_string())?;
            outcome.lock().unwrap().clone()?;
            let count = sending.len();
            for delivered in join_all(sending).await {
                delivered.map_err(|_| "a delivery was never told".to_string())?.map_err(|(error, _)| text(error))?;
            }
            let log: Vec<_> = take(&place.from(Offset::Beginning, &[])?, count)?
                .into_iter()
                .map(|(_, _, value, _)| String::from_utf8(value.unwrap_or_default()).unwrap_or_default())
                .collect();
            let want: Vec<_> = (0..count).map(|number| number.to_string()).collect();
            equal("in order and once", log == want, true)?;
            equal("end", place.end().await?, count as i64)?;
        }
    }
}
