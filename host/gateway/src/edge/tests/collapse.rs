//! Many that ask for the same at the same time: one asks the service.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::{join, join_all};
use patchbay_model::Reply;
use tokio::sync::Semaphore;
use tokio::time::Instant;

use super::harness::{Got, Origin, edge, reply, request, stranger};
use crate::edge::Edge;

const PLAIN: &str = r#"{"cache": {}}"#;
const KEPT: &str = "200\ncache-control: max-age=10, stale-while-revalidate=30\netag: \"1\"\n\nbody #";

/// Asks a service that takes a second.
async fn slow(origin: &Origin, edge: &Edge, text: &str, answer: &str) -> Got {
    let serve = |number: usize, _| async move {
        tokio::time::sleep(Duration::from_secs(1)).await;
        reply(&answer.replace('#', &number.to_string()))
    };
    Got::of(origin.send(edge, request(text), &stranger(), serve).await).await
}

#[tokio::test(start_paused = true)]
async fn of_many_one_asks() {
    let (origin, edge, begun) = (Origin::new(), edge("/*", PLAIN), Instant::now());
    let all = join_all((0..100).map(|_| slow(&origin, &edge, "GET /", KEPT))).await;
    assert_eq!((origin.calls(), begun.elapsed().as_secs()), (1, 1));
    let waited = all.iter().filter(|got| got.field("cache-status").contains("collapsed")).count();
    assert_eq!(waited, 99);
    assert!(all.iter().all(|got| got.text() == "body 1"));
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_kept_is_waited_for_once() {
    let (origin, edge) = (Origin::new(), edge("/*", PLAIN));
    let answer = "200\ncache-control: no-store\n\nbody #";
    let begun = Instant::now();
    join_all((0..10).map(|_| slow(&origin, &edge, "GET /", answer))).await;
    assert_eq!((origin.calls(), begun.elapsed().as_secs()), (10, 2));
    let begun = Instant::now();
    join_all((0..10).map(|_| slow(&origin, &edge, "GET /", answer))).await;
    assert_eq!((origin.calls(), begun.elapsed().as_secs()), (20, 1));
}

#[tokio::test(start_paused = true)]
async fn nobody_waits_where_that_is_said_or_for_too_long() {
    for (settings, seconds) in [(r#"{"cache": {"collapse": "0s"}}"#, 1), (r#"{"cache": {"collapse": "200ms"}}"#, 1)] {
        let (origin, edge, begun) = (Origin::new(), edge("/*", settings), Instant::now());
        join_all((0..5).map(|_| slow(&origin, &edge, "GET /", KEPT))).await;
        assert_eq!((origin.calls(), begun.elapsed().as_secs()), (5, seconds), "{settings}");
    }
}

/// Others are not held up by a caller that goes away.
#[tokio::test(start_paused = true)]
async fn when_the_one_goes_away_another_takes_its_place() {
    let (origin, edge, begun) = (Origin::new(), edge("/*", PLAIN), Instant::now());
    let first = tokio::time::timeout(Duration::from_millis(500), slow(&origin, &edge, "GET /", KEPT));
    let (first, others) = join(first, join_all((0..5).map(|_| slow(&origin, &edge, "GET /", KEPT)))).await;
    assert!(first.is_err());
    assert!(others.iter().all(|got| got.text() == "body 2"), "{others:?}");
    assert_eq!((origin.calls(), begun.elapsed().as_millis()), (2, 1500));
}

#[tokio::test(start_paused = true)]
async fn what_is_stale_is_given_meanwhile() {
    let (origin, edge) = (Origin::new(), edge("/*", PLAIN));
    slow(&origin, &edge, "GET /", KEPT).await;
    tokio::time::advance(Duration::from_secs(20)).await;
    let begun = Instant::now();
    let meanwhile = async {
        tokio::task::yield_now().await;
        let got = slow(&origin, &edge, "GET /", KEPT).await;
        (got, begun.elapsed().as_millis())
    };
    let (asked, (got, waited)) = join(slow(&origin, &edge, "GET /", KEPT), meanwhile).await;
    assert_eq!((asked.text(), got.text(), waited), ("body 2", "body 1", 0));
    assert!(got.field("cache-status").starts_with("patchbay; hit; ttl=-1"), "{got:?}");
    assert_eq!(origin.calls(), 2);
}

/// What was asked for before a change may be from before it.
#[tokio::test(start_paused = true)]
async fn a_change_meanwhile_is_not_covered_up() {
    let (origin, edge) = (Origin::new(), edge("/*", PLAIN));
    let change = async {
        tokio::time::sleep(Duration::from_millis(500)).await;
        origin.ask(&edge, "PUT /", &stranger(), "204").await;
    };
    let (got, ()) = join(slow(&origin, &edge, "GET /", KEPT), change).await;
    assert_eq!(got.text(), "body 1");
    assert_eq!(slow(&origin, &edge, "GET /", KEPT).await.text(), "body 3");
}

/// The body reaches its caller piece by piece, and others when it is complete.
#[tokio::test(start_paused = true)]
async fn streams_stay_streams() {
    let (origin, edge) = (Origin::new(), edge("/*", PLAIN));
    let gate = Arc::new(Semaphore::new(1));
    let opened = Arc::clone(&gate);
    let first = origin.send(&edge, request("GET /"), &stranger(), |_, _| async move {
        let pieces = futures_util::stream::unfold(0, move |count| {
            let gate = Arc::clone(&gate);
            async move {
                gate.acquire().await.unwrap().forget();
                (count < 2).then(|| (Ok(http_body::Frame::data("piece ".into())), count + 1))
            }
        });
        let mut reply: Reply = reply("200\ncache-control: max-age=60");
        *reply.body_mut() = patchbay_model::Body::new(http_body_util::StreamBody::new(Box::pin(pieces)));
        reply
    });
    let mut body = first.await.into_body();
    let piece = http_body_util::BodyExt::frame(&mut body).await.unwrap().unwrap();
    assert_eq!(piece.into_data().unwrap(), "piece ");
    opened.add_permits(2);
    let rest = async {
        tokio::time::sleep(Duration::from_millis(100)).await;
        http_body_util::BodyExt::collect(body).await.unwrap().to_bytes()
    };
    let (rest, second) = join(rest, slow(&origin, &edge, "GET /", "500")).await;
    assert_eq!((rest, second.text()), ("piece ".into(), "piece piece "));
    assert_eq!(origin.calls(), 1);
}

/// A caller that reads slowly holds up nobody but itself, and keeps others from nothing.
#[tokio::test(start_paused = true)]
async fn nobody_waits_for_a_slow_reader_for_long() {
    let (origin, edge) = (Origin::new(), edge("/*", PLAIN));
    let from = stranger();
    let unread = origin
        .send(&edge, request("GET /"), &from, |_, _| async { reply("200\ncache-control: max-age=60\n\nfirst") })
        .await;
    let (begun, quick) = (Instant::now(), "200\ncache-control: max-age=60\n\nnumber #");
    let got = origin.ask(&edge, "GET /", &stranger(), quick).await;
    assert_eq!((got.text(), begun.elapsed().as_secs()), ("number 2", 2));
    let got = origin.ask(&edge, "GET /", &stranger(), quick).await;
    assert_eq!((got.text(), begun.elapsed().as_secs(), origin.calls()), ("number 2", 2, 2));
    // It comes too late to replace what is newer.
    assert_eq!(Got::of(unread).await.text(), "first");
    assert_eq!(origin.ask(&edge, "GET /", &stranger(), quick).await.text(), "number 2");
}

/// What is on its way into the cache counts, too.
#[tokio::test(start_paused = true)]
async fn bodies_that_are_not_complete_have_a_bound_together() {
    let (origin, edge) = (Origin::new(), edge("/*", r#"{"cache": {"memory": "64KiB", "max_reply": "40KiB"}}"#));
    let large = format!("200\ncache-control: max-age=60\n\n{}", "x".repeat(40 << 10));
    let from = stranger();
    let mut bodies = Vec::new();
    for target in ["/1", "/2"] {
        // One frame of two, so that the body is not complete.
        let frames = [Ok(http_body::Frame::data("x".repeat(39 << 10).into())), Ok(http_body::Frame::data("x".into()))];
        let mut answer = reply("200\ncache-control: max-age=60");
        *answer.body_mut() =
            patchbay_model::Body::new(http_body_util::StreamBody::new(futures_util::stream::iter(frames)));
        let text = format!("GET {target}");
        let mut body = origin.send(&edge, request(&text), &from, |_, _| async { answer }).await.into_body();
        http_body_util::BodyExt::frame(&mut body).await.unwrap().unwrap();
        bodies.push(body);
    }
    for body in bodies {
        http_body_util::BodyExt::collect(body).await.unwrap();
    }
    for (target, kept) in [("/1", true), ("/2", false)] {
        let got = origin.ask(&edge, &format!("GET {target}"), &stranger(), &large).await;
        assert_eq!(got.field("cache-status").contains("hit"), kept, "{target}");
    }
}
