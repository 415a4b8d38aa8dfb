//! Requests and replies, on their way and half-way.

use std::sync::atomic::Ordering;
use std::time::Duration;

use bytes::Bytes;
use futures_util::StreamExt;
use http_body::Frame;
use http_body_util::{BodyExt, StreamBody};
use patchbay_model::ports::{Executor, Usage};
use patchbay_model::{Body, BodyError, InstancePolicy, empty_body};

use crate::harness::{PATIENCE, Rig, Service, call, every_way, now, text, until};

/// A body that is fed from outside.
fn fed() -> (tokio::sync::mpsc::Sender<Result<Bytes, BodyError>>, Body) {
    let (feed, pieces) = tokio::sync::mpsc::channel(1);
    let pieces = futures_util::stream::unfold(pieces, |mut pieces: tokio::sync::mpsc::Receiver<_>| async move {
        pieces.recv().await.map(|piece| (piece, pieces))
    });
    (feed, Body::new(StreamBody::new(pieces.map(|piece| piece.map(Frame::data)))))
}

async fn next(body: &mut Body) -> Option<Result<Bytes, BodyError>> {
    let frame = tokio::time::timeout(PATIENCE, body.frame()).await.unwrap()?;
    Some(frame.map(|frame| frame.into_data().unwrap()))
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_guest_sees_of_a_request() {
    let rig = Rig::new();
    for (guest, policy) in every_way() {
        let service = rig.probe(guest, policy).await;
        let (_, seen) = service.get("/headers?x=1").await.unwrap();
        for expected in
            [r#""method":"GET""#, r#""scheme":"http""#, r#""authority":"shop.example""#, r#""path":"/headers?x=1""#]
        {
            assert!(seen.to_lowercase().contains(&expected.to_lowercase()), "{guest}: {expected} is not in {seen}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn bodies_stream_both_ways() {
    let rig = Rig::new();
    for (guest, policy) in every_way() {
        let service = rig.probe(guest, policy).await;
        let (feed, body) = fed();
        let (call, held) = call("/echo", body, PATIENCE);
        feed.send(Ok(Bytes::from_static(b"first"))).await.unwrap();
        let mut reply = service.serve(call).await.unwrap().into_body();
        assert_eq!(next(&mut reply).await.unwrap().unwrap(), "first", "{guest} {policy:?}");
        // The second piece is sent only now: nothing waits for the whole.
        feed.send(Ok(Bytes::from_static(b"second"))).await.unwrap();
        assert_eq!(next(&mut reply).await.unwrap().unwrap(), "second", "{guest} {policy:?}");
        assert!(held.load(Ordering::SeqCst));
        drop(feed);
        assert!(next(&mut reply).await.is_none());
        drop(reply);
        until(|| !held.load(Ordering::SeqCst)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn large_bodies_come_back_whole() {
    let rig = Rig::new();
    for (guest, policy) in every_way() {
        let service = rig.probe(guest, policy).await;
        let (feed, body) = fed();
        let sender = tokio::spawn(async move {
            for number in 0..64_u8 {
                feed.send(Ok(vec![number; 128 << 10].into())).await.unwrap();
            }
        });
        let reply = service.serve(call("/echo", body, PATIENCE).0).await.unwrap();
        let bytes = reply.into_body().collect().await.unwrap().to_bytes();
        sender.await.unwrap();
        assert_eq!(bytes.len(), 64 * (128 << 10), "{guest} {policy:?}");
        assert!(bytes.chunks(128 << 10).enumerate().all(|(number, piece)| piece.iter().all(|b| *b as usize == number)));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_head_does_not_wait_for_the_body() {
    let rig = Rig::new();
    for (guest, policy) in every_way() {
        let service = rig.probe(guest, policy).await;
        let begun = now();
        let mut body = service.get_within("/drip?chunks=2&interval=1000&size=4", PATIENCE).await.unwrap().into_body();
        assert_eq!(next(&mut body).await.unwrap().unwrap(), "aaa\n");
        assert!(begun.elapsed() < Duration::from_secs(1), "{guest} {policy:?}");
        assert_eq!(text(body).await.unwrap(), "bbb\n");
    }
}

/// Calls `path` and lets go of the call in the middle: before the head or in the body.
async fn abandon(service: &Service, path: &str) {
    let (call, held) = call(path, empty_body(), PATIENCE);
    let mut serving = service.prepared.serve(call);
    let reply = tokio::time::timeout(Duration::from_millis(50), &mut serving).await;
    assert_eq!(service.instances().live, 1, "{path}");
    assert!(held.load(Ordering::SeqCst));
    drop((serving, reply));
    until(|| !held.load(Ordering::SeqCst) && service.instances().live == 0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_caller_that_goes_away_frees_the_instance() {
    let rig = Rig::new();
    for (guest, policy) in every_way() {
        let service = rig.probe(guest, policy).await;
        for path in ["/sleep?ms=60000", "/spin", "/drip?chunks=1000&interval=100"] {
            abandon(&service, path).await;
        }
        // None of those instances is used again.
        assert_eq!(service.count().await, 1, "{guest} {policy:?}");
    }
    until(|| rig.engine.usage() == Usage::default()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_instance_serves_the_others_when_one_caller_goes_away() {
    let rig = Rig::new();
    let service = rig.probe("probe3.wasm", InstancePolicy::Concurrent).await;
    let (staying, _) = call("/sleep?ms=400", empty_body(), PATIENCE);
    let (leaving, _) = call("/sleep?ms=60000", empty_body(), PATIENCE);
    let staying = service.prepared.serve(staying);
    let leaving = async {
        // When the first is asleep, there is room beside it.
        tokio::time::sleep(Duration::from_millis(100)).await;
        tokio::time::timeout(Duration::from_millis(100), service.prepared.serve(leaving)).await
    };
    let (staying, leaving) = tokio::join!(staying, leaving);
    assert!(leaving.is_err());
    assert_eq!(text(staying.unwrap().into_body()).await.unwrap(), "slept 400 ms");
    until(|| service.instances().live == 0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_guest_may_go_on_after_its_reply() {
    for (guest, policy) in every_way() {
        let rig = Rig::new();
        let service = rig.probe(guest, policy).await;
        let begun = now();
        let (call, held) = call("/after?ms=1000", empty_body(), PATIENCE);
        let reply = service.serve(call).await.unwrap();
        assert_eq!(text(reply.into_body()).await.unwrap(), "answered");
        assert!(begun.elapsed() < Duration::from_secs(1), "{guest} {policy:?}");
        if policy != InstancePolicy::Concurrent {
            assert!(held.load(Ordering::SeqCst), "{guest} {policy:?}");
        }
        until(|| rig.log.records().iter().any(|record| record.line == "after: done")).await;
        until(|| !held.load(Ordering::SeqCst)).await;
    }
}

/// Callers that come and go at every moment there is, while others stay.
#[tokio::test(flavor = "multi_thread")]
async fn whatever_callers_do_nothing_is_left() {
    let rig = Rig::new();
    for (guest, policy) in every_way() {
        let service = std::sync::Arc::new(rig.probe(guest, policy).await);
        let callers: Vec<_> = (0..16_u64)
            .map(|caller| {
                let service = service.clone();
                tokio::spawn(async move {
                    for turn in 0..30 {
                        let path = ["/count", "/drip?chunks=3&interval=2", "/sleep?ms=3", "/spin"]
                            [usize::try_from((caller + turn) % 4).unwrap()];
                        let (call, held) = call(path, empty_body(), PATIENCE);
                        let patience = Duration::from_micros((caller * 397 + turn * 1009) % 6000);
                        let served = tokio::time::timeout(patience, async {
                            match service.prepared.serve(call).await {
                                Ok(reply) => text(reply.into_body()).await.map(drop).is_ok(),
                                Err(_) => false,
                            }
                        });
                        if let Ok(true) = served.await {
                            assert_ne!(path, "/spin");
                        }
                        until(|| !held.load(Ordering::SeqCst)).await;
                    }
                })
            })
            .collect();
        for caller in callers {
            caller.await.unwrap();
        }
        assert_eq!(service.get("/count").await.unwrap().0, 200, "{guest} {policy:?}");
        service.prepared.cool();
        until(|| service.instances().live == 0).await;
        drop(service);
        until(|| rig.engine.usage() == Usage::default()).await;
    }
}
