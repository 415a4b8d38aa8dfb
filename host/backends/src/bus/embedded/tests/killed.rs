//! A host that is killed at any moment loses nothing that it acknowledged.
//!
//! The test starts its own program once more, as a host that publishes and consumes and says what was acknowledged, and
//! kills it.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader};
use std::num::NonZeroUsize;
use std::process::{Command, Stdio};
use std::sync::Arc;

use patchbay_model::bus::{Message, Topics};
use patchbay_model::ports::{Bus, Consumer, Feed, Interest, Settlement};

use super::medium::shop;
use crate::SystemClock;
use crate::bus::{EmbeddedBus, EmbeddedOptions};

/// Tells the program where it has to be a host.
const DIRECTORY: &str = "PATCHBAY_TEST_BUS";
const ROUNDS: usize = 5;
const PUBLISHERS: usize = 8;

async fn open(directory: &str) -> EmbeddedBus {
    let topics: Topics = shop();
    EmbeddedBus::open(directory, topics, EmbeddedOptions::default(), Arc::new(SystemClock)).await.unwrap()
}

async fn join(bus: &EmbeddedBus) -> Arc<dyn Feed> {
    let consumer = Consumer::Group {
        name: "group".into(),
        start: patchbay_model::bus::Start::Beginning,
        ordered: false,
        broadcast: false,
    };
    let filter: patchbay_model::bus::TopicFilter = "shop.>".parse().unwrap();
    bus.subscribe(Interest { topic: Some(filter.clone()), filter, consumer, window: 64 }).await.unwrap()
}

/// Publishes and consumes until it is killed.
async fn be_a_host(directory: &str) {
    let bus = Arc::new(open(directory).await);
    let feed = join(&bus).await;
    for publisher in 0..PUBLISHERS {
        let bus = Arc::clone(&bus);
        tokio::spawn(async move {
            for number in 0_u64.. {
                let id = format!("{}-{publisher}-{number}", std::process::id());
                let message = Message { id: id.clone(), ..super::medium::message() };
                bus.publish(message).await.unwrap();
                println!("published {id}");
            }
        });
    }
    loop {
        for incoming in feed.receive(NonZeroUsize::new(16).unwrap()).await {
            println!("got {}", incoming.message.id);
            feed.settle(incoming.token, Settlement::Acknowledge);
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hosts_that_are_killed_lose_nothing_that_was_acknowledged() {
    if let Ok(directory) = std::env::var(DIRECTORY) {
        be_a_host(&directory).await;
    }
    let directory = tempfile::tempdir().unwrap();
    let directory = directory.path().to_str().unwrap();
    let (mut published, mut got) = (BTreeSet::new(), BTreeSet::new());
    for round in 1..=ROUNDS {
        let mut host = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "--nocapture"])
            .arg("bus::embedded::tests::killed::hosts_that_are_killed_lose_nothing_that_was_acknowledged")
            .env(DIRECTORY, directory)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(host.stdout.take().unwrap()).lines();
        let enough = published.len() + round * 101;
        while published.len() < enough {
            note(&lines.next().unwrap().unwrap(), &mut published, &mut got);
        }
        host.kill().unwrap();
        // What it said before the end counts too.
        lines.map_while(Result::ok).for_each(|line| note(&line, &mut published, &mut got));
        host.wait().unwrap();
    }
    let bus = open(directory).await;
    let all = "shop.>".parse().unwrap();
    let stored = bus.read(&all, &all, 0, usize::MAX).await.unwrap();
    let ids: BTreeSet<String> = stored.iter().map(|stored| stored.message.id.clone()).collect();
    assert_eq!(ids.len(), stored.len(), "each is stored once");
    assert!(ids.is_superset(&published), "{:?} are lost", published.difference(&ids).collect::<Vec<_>>());
    let feed = join(&bus).await;
    while !got.is_superset(&ids) {
        for incoming in feed.receive(NonZeroUsize::MAX).await {
            got.insert(incoming.message.id.clone());
            feed.settle(incoming.token, Settlement::Acknowledge);
        }
    }
    assert_eq!(got, ids, "what was delivered was stored");
}

fn note(line: &str, published: &mut BTreeSet<String>, got: &mut BTreeSet<String>) {
    // The last line of a host that was killed may be cut off.
    match line.split_once(' ') {
        Some(("published", id)) if id.split('-').count() == 3 => drop(published.insert(id.to_owned())),
        Some(("got", id)) => drop(got.insert(id.to_owned())),
        _ => {}
    }
}
