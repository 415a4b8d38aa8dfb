//! How fast the embedded bus is: `cargo run --release -p patchbay-backends --example bus_speed`.

#![allow(clippy::print_stdout, clippy::expect_used, reason = "a program that prints what it measured")]

use std::collections::BTreeMap;
use std::future::Future;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use patchbay_backends::SystemClock;
use patchbay_backends::bus::{EmbeddedBus, EmbeddedOptions};
use patchbay_model::bus::{Message, Start, TopicSettings, Topics};
use patchbay_model::ports::{Bus, Consumer, Feed, Interest, Settlement};
use tokio::time::Instant;

const ROUNDS: usize = 5;
const VOLATILE: u64 = 1_000_000;
const DURABLE: u64 = 200_000;
const PUBLISHERS: u64 = 64;

fn main() {
    for _ in 0..ROUNDS {
        println!("limit of the disk, 64 records a synchronisation: {:.0} messages/s", disk_limit());
    }
    for _ in 0..ROUNDS {
        run("volatile, publish to receive, one thread", VOLATILE, 1, volatile);
    }
    for _ in 0..ROUNDS {
        run("durable, 64 publishers", DURABLE, 2, durable);
    }
    for _ in 0..ROUNDS {
        run("durable, one consumer behind the publishers", DURABLE, 2, consumed);
    }
}

/// What a file takes that is only appended to and synchronised.
fn disk_limit() -> f64 {
    let mut file = tempfile::tempfile().expect("there is room for files");
    let batch = vec![7; 240 * 64];
    let (begin, mut n) = (Instant::now(), 0_u32);
    while begin.elapsed() < Duration::from_secs(2) {
        std::io::Write::write_all(&mut file, &batch).and_then(|()| file.sync_data()).expect("the disk works");
        n += 64;
    }
    f64::from(n) / begin.elapsed().as_secs_f64()
}

fn run<F: Future<Output = Duration>>(what: &str, n: u64, workers: usize, measured: impl Fn(Arc<EmbeddedBus>) -> F) {
    let mut builder = match workers {
        1 => tokio::runtime::Builder::new_current_thread(),
        _ => tokio::runtime::Builder::new_multi_thread(),
    };
    let runtime = builder.enable_all().build().expect("a runtime can be built");
    let directory = tempfile::tempdir().expect("there is room for files");
    let before = cpu_time();
    let took = runtime.block_on(async {
        let declared = BTreeMap::from([("shop.>".parse().expect("a filter"), TopicSettings::default())]);
        let topics = Topics::new(declared).expect("one declaration");
        let opened =
            EmbeddedBus::open(directory.path(), topics, EmbeddedOptions::default(), Arc::new(SystemClock)).await;
        let bus = Arc::new(opened.expect("the bus opens"));
        let took = measured(Arc::clone(&bus)).await;
        bus.close().await;
        took
    });
    let second = n as f64 / took.as_secs_f64();
    let used = cpu_time() - before;
    println!("{what}: {second:.0} messages/s, {:.2} us of CPU time each", used.as_secs_f64() * 1e6 / n as f64);
}

/// What all threads have used so far.
fn cpu_time() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    let nanos = u32::try_from(time.tv_nsec).unwrap_or_default();
    Duration::new(u64::try_from(time.tv_sec).unwrap_or_default(), nanos)
}

fn message(topic: &patchbay_model::bus::Topic, n: u64, data: &Bytes) -> Message {
    Message {
        topic: topic.clone(),
        id: n.to_string(),
        source: "/services/orders".to_owned(),
        kind: "OrderCreated".to_owned(),
        time: SystemTime::UNIX_EPOCH,
        subject: None,
        content_type: None,
        data_schema: None,
        extensions: Vec::new(),
        headers: Vec::new(),
        reply_to: None,
        data: data.clone(),
    }
}

async fn join(bus: &EmbeddedBus, declared: bool) -> Arc<dyn Feed> {
    let consumer = Consumer::Group { name: "group".into(), start: Start::New, ordered: false, broadcast: false };
    let filter: patchbay_model::bus::TopicFilter =
        if declared { "shop.>" } else { "free.>" }.parse().expect("a filter");
    let interest = Interest { topic: declared.then(|| filter.clone()), filter, consumer, window: 1024 };
    bus.subscribe(interest).await.expect("anyone can subscribe")
}

async fn consume(feed: Arc<dyn Feed>, n: u64) {
    let mut seen = 0;
    let batch = NonZeroUsize::new(256).expect("more than none");
    while seen < n {
        let incoming = feed.receive(batch).await;
        seen += incoming.len() as u64;
        incoming.iter().for_each(|incoming| feed.settle(incoming.token, Settlement::Acknowledge));
    }
}

async fn volatile(bus: Arc<EmbeddedBus>) -> Duration {
    let feed = join(&bus, false).await;
    let begin = Instant::now();
    let consumer = tokio::spawn(consume(feed, VOLATILE));
    let (topic, data) = ("free.orders".parse().expect("a topic"), Bytes::from(vec![7; 128]));
    for n in 0..VOLATILE {
        bus.publish(message(&topic, n, &data)).await.expect("it is taken");
        if n % 256 == 0 {
            tokio::task::yield_now().await;
        }
    }
    consumer.await.expect("all is consumed");
    begin.elapsed()
}

async fn durable(bus: Arc<EmbeddedBus>) -> Duration {
    let begin = Instant::now();
    let publishers: Vec<_> = (0..PUBLISHERS).map(|own| tokio::spawn(publish(Arc::clone(&bus), own))).collect();
    for publisher in publishers {
        publisher.await.expect("all is published");
    }
    begin.elapsed()
}

async fn consumed(bus: Arc<EmbeddedBus>) -> Duration {
    let feed = join(&bus, true).await;
    let begin = Instant::now();
    let consumer = tokio::spawn(consume(feed, DURABLE));
    durable(Arc::clone(&bus)).await;
    consumer.await.expect("all is consumed");
    begin.elapsed()
}

async fn publish(bus: Arc<EmbeddedBus>, own: u64) {
    let (topic, data) = ("shop.orders".parse().expect("a topic"), Bytes::from(vec![7; 128]));
    for n in 0..DURABLE / PUBLISHERS {
        bus.publish(message(&topic, n * PUBLISHERS + own, &data)).await.expect("it is taken");
    }
}
