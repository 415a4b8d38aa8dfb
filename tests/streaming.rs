//! Bodies stream in both directions, in both WASI versions: what was sent arrives before the rest is even written.

use std::convert::Infallible;
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream;
use tokio::sync::mpsc;
use tokio::time::timeout;

use crate::support::{Host, PATIENCE, eventually, service};

async fn host() -> Host {
    let both = [
        service("two", "probe", "routes = [\"two.example/*\"]"),
        service("three", "probe3", "routes = [\"three.example/*\"]"),
    ];
    Host::start(&both.concat()).await
}

const BOTH: [&str; 2] = ["two.example", "three.example"];

#[tokio::test(flavor = "multi_thread")]
async fn each_piece_comes_back_before_the_next_is_sent() {
    let host = host().await;
    for name in BOTH {
        let (sender, receiver) = mpsc::channel::<Result<Bytes, Infallible>>(1);
        let pieces =
            stream::unfold(receiver, async |mut receiver| receiver.recv().await.map(|piece| (piece, receiver)));
        sender.send(Ok("first".into())).await.unwrap();
        let request =
            host.client().post(host.url("/echo")).header("host", name).body(reqwest::Body::wrap_stream(pieces));
        let mut reply = timeout(PATIENCE, request.send()).await.unwrap().unwrap();
        assert_eq!(timeout(PATIENCE, reply.chunk()).await.unwrap().unwrap().unwrap(), "first", "{name}");
        sender.send(Ok("second".into())).await.unwrap();
        assert_eq!(timeout(PATIENCE, reply.chunk()).await.unwrap().unwrap().unwrap(), "second", "{name}");
        drop(sender);
        assert!(timeout(PATIENCE, reply.chunk()).await.unwrap().unwrap().is_none(), "{name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn large_bodies_arrive_whole() {
    let host = host().await;
    let body: Vec<u8> = (0..6 << 20).map(|i: u32| (i.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    for name in BOTH {
        let request = host.client().post(host.url("/echo")).header("host", name).body(body.clone());
        let echoed = request.send().await.unwrap().bytes().await.unwrap();
        assert!(echoed == body, "{name}: {} bytes came back of {}", echoed.len(), body.len());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_goes_away_ends_the_call() {
    let host = host().await;
    for (name, service) in [("two.example", "two"), ("three.example", "three")] {
        for path in ["/sleep?ms=14000", "/drip?chunks=140&interval=100"] {
            let request = host.client().get(host.url(path)).header("host", name);
            let call = tokio::spawn(request.send());
            eventually("the call is on", async || (calls(&host, service).await == 1).then_some(())).await;
            if path.starts_with("/drip") {
                let mut reply = call.await.unwrap().unwrap();
                assert!(reply.chunk().await.unwrap().is_some());
            } else {
                call.abort();
            }
            let over = eventually("the call is over", async || (calls(&host, service).await == 0).then_some(()));
            timeout(Duration::from_secs(10), over).await.expect("well before the call would have ended by itself");
        }
    }
}

async fn calls(host: &Host, service: &str) -> u64 {
    host.admin_get(&format!("/v1/services/{service}")).await["calls"].as_u64().unwrap()
}
