//! What the bus adds to NATS.

use std::time::Instant as Wall;

use futures_util::StreamExt as _;

use super::*;

/// Requests that are compared, and how often.
const REQUESTS: usize = 300;
const ROUNDS: usize = 5;

/// A request over the bus takes about as long as one of the client itself: most of it is the way there and back. The
/// bound is far from what is measured, because tests run side by side.
#[allow(clippy::disallowed_methods, reason = "the time of the machine is what is measured")]
#[tokio::test(flavor = "multi_thread")]
async fn requests_are_about_as_fast_as_those_of_the_client() {
    let server = NatsServer::start("");
    let bus = open(settings(&server), shop()).await;
    let client = plain(&server).await;
    let mut asked = client.subscribe("ask").await.unwrap();
    caught_up(&client).await;
    let answering = client.clone();
    tokio::spawn(async move {
        while let Some(question) = asked.next().await {
            answering.publish(question.reply.unwrap(), question.payload).await.unwrap();
        }
    });
    let own = plain(&server).await;
    let (mut raw, mut ours) = (Duration::MAX, Duration::MAX);
    for _ in 0..ROUNDS {
        let begun = Wall::now();
        for _ in 0..REQUESTS {
            own.request("ask", "1".into()).await.unwrap();
        }
        raw = raw.min(begun.elapsed());
        let begun = Wall::now();
        for _ in 0..REQUESTS {
            bus.request(message("ask", "1"), NonZeroUsize::MIN, SOON).await.unwrap();
        }
        ours = ours.min(begun.elapsed());
    }
    let each = |all: Duration| all / u32::try_from(REQUESTS).unwrap();
    println!("a request takes {:?} over the bus, and {:?} with the client", each(ours), each(raw));
    assert!(ours < raw * 3, "{ours:?} {raw:?}");
}
