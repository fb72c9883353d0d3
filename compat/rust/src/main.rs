//! Naru's checks with rdkafka: each says on standard output, as one line of JSON, whether the broker behaved as Apache
//! Kafka does. See compat/clients/program.ts for who reads it.

mod admin;
mod consume;
mod groups;
mod place;
mod produce;
mod restart;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use place::{say, Check, Place};
use serde_json::json;

const CHECK_TIMEOUT: Duration = Duration::from_secs(180);

fn run(check: &Check, bootstrap: &str) {
    let start = Instant::now();
    let place = Place::new(bootstrap, check.0);
    let work = check.1;
    let (done, wait) = mpsc::channel();
    thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        let _ = done.send(runtime.block_on(async { work(place).await }));
    });
    let outcome = wait.recv_timeout(CHECK_TIMEOUT).unwrap_or_else(|error| Err(format!("it did not end: {error}")));
    let mut line = json!({"check": check.0, "ok": outcome.is_ok(), "ms": start.elapsed().as_millis() as u64});
    if let Err(error) = outcome {
        line["error"] = json!(error);
    }
    say(line);
}

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let bootstrap = &arguments[1];
    let only = arguments.get(3).cloned().unwrap_or_default();
    let wanted = |checks: Vec<Check>| checks.into_iter().filter(|check| check.0.contains(&only)).collect::<Vec<_>>();
    let together = [groups::checks(), admin::checks(), produce::checks(), consume::checks()];
    let checks = wanted(together.into_iter().flatten().collect());
    let next = AtomicUsize::new(0);
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                while let Some(check) = checks.get(next.fetch_add(1, Ordering::Relaxed)) {
                    run(check, bootstrap);
                }
            });
        }
    });
    // These take the broker away from everybody.
    for check in wanted(restart::checks()) {
        run(&check, bootstrap);
    }
    say(json!({"done": true}));
    // Clients of checks that did not end would hold the process up.
    std::process::exit(0);
}
