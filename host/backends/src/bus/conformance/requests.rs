//! Requests and their answers.

use std::num::NonZeroUsize;
use std::time::Duration;

use bytes::Bytes;
use patchbay_model::bus::{BusError, Message, Start};
use patchbay_model::ports::{Bus, Feed, Settlement};

use super::Medium;
use super::kit::{group, message, shop, take, undeclared, watcher};

const PATIENCE: Duration = Duration::from_millis(400);

fn wanted(n: usize) -> NonZeroUsize {
    NonZeroUsize::new(n).expect("somebody wants answers")
}

/// Answers the next message with its data and a name.
async fn answer(bus: &dyn Bus, feed: &dyn Feed, name: &str) {
    let asked = take(feed, 1).await.pop().expect("one was taken");
    let reply_to = asked.message.reply_to.clone().expect("a request says where its answer goes");
    let data = [&asked.message.data[..], name.as_bytes()].concat().into();
    bus.publish(Message { topic: reply_to, data, ..message("a", name) }).await.expect("an answer is taken");
    feed.settle(asked.token, Settlement::Acknowledge);
}

/// A request gets the answers of all who answer, up to as many as it wants, and does not wait for more.
pub async fn several_answer_a_request(medium: &dyn Medium) {
    let bus = medium.open(shop()).await;
    let joined = |topic: &'static str, name| match topic {
        "free.ask" => undeclared("free.>", name),
        "bell.ask" => group("bell.>", name),
        _ => group("shop.>", name),
    };
    for topic in ["free.ask", "bell.ask", "shop.ask"] {
        let (one, other) = (joined(topic, "one").on(&*bus).await, joined(topic, "other").on(&*bus).await);
        for (n, patience) in [(1, Duration::from_secs(20)), (2, Duration::from_secs(20)), (3, PATIENCE)] {
            let asked = Message { data: Bytes::from_static(b"hello "), ..message(topic, format!("{topic} {n}")) };
            let (answers, (), ()) = tokio::join!(
                bus.request(asked, wanted(n), patience),
                answer(&*bus, &*one, "one"),
                answer(&*bus, &*other, "other"),
            );
            let answers = answers.expect("somebody answers");
            assert_eq!(answers.len(), n.min(2), "{topic}");
            let mut said: Vec<_> = answers.iter().map(|answer| answer.data.clone()).collect();
            said.sort();
            assert!(said.iter().all(|said| said == "hello one" || said == "hello other"), "{said:?}");
            said.dedup();
            assert_eq!(said.len(), answers.len(), "each answer comes once");
        }
    }
}

/// A request that nobody is subscribed to fails at once; somebody who watches does not count.
pub async fn a_request_that_nobody_can_answer(medium: &dyn Medium) {
    let bus = medium.open(shop()).await;
    let _watcher = match medium.tells_watchers_apart() {
        true => Some(watcher("bell.>", Start::New).on(&*bus).await),
        false => None,
    };
    let _elsewhere = undeclared("free.elsewhere", "group").on(&*bus).await;
    for topic in ["free.ask", "bell.ask"] {
        let answers = bus.request(message(topic, "1"), wanted(1), Duration::from_secs(3600));
        let answers = tokio::time::timeout(Duration::from_secs(20), answers).await.expect("it fails at once");
        assert!(matches!(&answers, Err(BusError::NoResponders(asked)) if asked == topic), "{answers:?}");
    }
}

/// A request that nobody answers ends after its time.
pub async fn a_request_that_nobody_answers(medium: &dyn Medium) {
    let bus = medium.open(shop()).await;
    let _silent = group("bell.>", "group").on(&*bus).await;
    let answers = bus.request(message("bell.ask", "1"), wanted(1), PATIENCE).await;
    assert_eq!(answers, Err(BusError::Timeout(PATIENCE)));
}
