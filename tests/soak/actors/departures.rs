//! Clients that go away in the middle: of a request's head, of its body, of the wait for a reply, and of the reply.

use std::time::Duration;

use bytes::Bytes;
use futures_util::{StreamExt, stream};
use reqwest::{Body, Client};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};

use super::{Outcome, Stage, pick, told};

/// How long a client waits before it goes.
const WHILE: Duration = Duration::from_millis(50);

/// A reply that takes longer than anyone here waits.
const LONG: &str = "/drip?chunks=2000&interval=10&size=4096";

/// Leaves, in the way that is this turn's.
pub(super) async fn leave(stage: &Stage, turn: u64) -> Outcome {
    let service = pick(&["calm2", "calm3"], turn);
    let host = format!("host: {service}.example\r\n");
    match turn / 2 % 8 {
        0 => raw(stage, format!("GET /version HTTP/1.1\r\n{host}x-half: "), false).await,
        1 => raw(stage, format!("POST /echo HTTP/1.1\r\n{host}content-length: 100000\r\n\r\nhalf"), false).await,
        2 => raw(stage, format!("GET /sleep?ms=30000 HTTP/1.1\r\n{host}\r\n"), false).await,
        3 => raw(stage, format!("GET {LONG} HTTP/1.1\r\n{host}\r\n"), true).await,
        4 => before_reply(stage, &stage.two, service).await,
        5 => mid_reply(stage, &stage.two, service).await,
        6 => mid_request(stage, &stage.two, service).await,
        _ => mid_reply(stage, &stage.one, service).await,
    }
}

/// Sends some bytes on a connection of its own, waits for the first of a reply if there is to be one, and is gone.
async fn raw(stage: &Stage, bytes: String, answered: bool) -> Outcome {
    let mut connection = TcpStream::connect(stage.scene.address()).await.map_err(told)?;
    connection.write_all(bytes.as_bytes()).await.map_err(told)?;
    let mut some = [0; 64];
    let read = timeout(if answered { crate::host::PATIENCE } else { WHILE }, connection.read(&mut some)).await;
    match read {
        // An echo begins before its request ends.
        Ok(Ok(1..)) if some.starts_with(b"HTTP/1.1 200 ") => Ok(()),
        Err(_) if !answered => Ok(()),
        other => Err(format!("{bytes:?}: {other:?}, {:?}", String::from_utf8_lossy(&some))),
    }
}

async fn before_reply(stage: &Stage, client: &Client, service: &str) -> Outcome {
    let call = client.get(stage.scene.url(service, "/sleep?ms=30000")).send();
    // The time is up before the service is; then the call is dropped.
    match timeout(WHILE, call).await {
        Err(_) => Ok(()),
        Ok(answer) => Err(format!("{service} has slept already: {answer:?}")),
    }
}

async fn mid_reply(stage: &Stage, client: &Client, service: &str) -> Outcome {
    let mut reply = client.get(stage.scene.url(service, LONG)).send().await.map_err(told)?;
    match reply.chunk().await {
        Ok(Some(_)) if reply.status() == 200 => Ok(()),
        other => Err(format!("{service}: {} {other:?}", reply.status())),
    }
}

async fn mid_request(stage: &Stage, client: &Client, service: &str) -> Outcome {
    // A client that only lets go of its call would go on to send: what ends the stream is a body that fails.
    let gone = stream::once(async {
        sleep(WHILE).await;
        Err(std::io::Error::other("the client has gone"))
    });
    let some = stream::iter([Ok(Bytes::from_static(&[1; 4096]))]).chain(gone);
    let call = client.post(stage.scene.url(service, "/echo")).body(Body::wrap_stream(some)).send();
    match call.await {
        // The echo begins before the body fails, or it is yet to begin. A body that fails is no call that succeeds.
        Ok(reply) if reply.status() == 200 => match reply.bytes().await {
            Err(_) => Ok(()),
            Ok(bytes) => Err(format!("{service}: the echo of half a body ends after {} bytes", bytes.len())),
        },
        Err(_) => Ok(()),
        Ok(other) => Err(format!("{service}: {other:?}")),
    }
}

/// Begins to upload a component, and goes.
pub(super) async fn upload(stage: &Stage, _turn: u64) -> Outcome {
    let host = &stage.scene.host;
    let address = host.admin_url("").replace("http://", "");
    let mut connection = TcpStream::connect(&address).await.map_err(told)?;
    let head = format!(
        "POST /v1/components HTTP/1.1\r\nhost: {address}\r\nauthorization: Bearer {}\r\ncontent-type: application/wasm\r\n\
         content-length: 10000000\r\n\r\n",
        host.token()
    );
    connection.write_all(head.as_bytes()).await.map_err(told)?;
    connection.write_all(&[0; 100_000]).await.map_err(told)
}
