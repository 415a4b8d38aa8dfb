//! Bodies that are on their way for long: both directions at once, and clients that leave.

use std::sync::{Arc, Mutex};

use http_body_util::BodyExt;
use patchbay_model::{Body, Fault, Reply};
use tokio::sync::oneshot;

use super::client::{Client, channel, data, no_body, piece};
use super::host::{Host, Script, script};

/// Sends every piece of the request back as soon as it comes.
fn echo() -> Script {
    script(|call| async move { Ok(Reply::new(call.request.into_body())) })
}

#[tokio::test]
async fn bodies_stream_both_ways_at_once() {
    let host = Host::serving(echo(), &["/*"]).await;
    let http = host.http().await;
    for http2 in [false, true] {
        let mut client = Client::connect(http.address, http2).await;
        let (sender, body) = channel();
        sender.send(data("first")).await.unwrap();
        let mut reply = client.send("POST", "/", body).await.unwrap();
        // The second piece is sent only after the first has come back.
        assert_eq!(piece(&mut reply).await, "first");
        sender.send(data("second")).await.unwrap();
        assert_eq!(piece(&mut reply).await, "second");
        drop(sender);
        assert!(reply.headers().get("connection").is_none(), "a reply may begin before the request was read");
        assert!(reply.into_body().collect().await.unwrap().to_bytes().is_empty());
        assert_eq!(client.send("GET", "/", no_body()).await.unwrap().status(), 200, "on the same connection");
    }
}

/// Tells when it is dropped.
struct Tell(Option<oneshot::Sender<()>>);

impl Drop for Tell {
    fn drop(&mut self) {
        let _ = self.0.take().unwrap().send(());
    }
}

/// A script that never ends a call, and two signals: a call began, and it was given up.
fn endless(with_head: bool) -> (Script, oneshot::Receiver<()>, oneshot::Receiver<()>) {
    let ((begun, has_begun), (gone, is_gone)) = (oneshot::channel(), oneshot::channel());
    let signals = Arc::new(Mutex::new(Some((begun, Tell(Some(gone))))));
    let script = script(move |_| {
        let (begun, gone) = signals.lock().unwrap().take().unwrap();
        async move {
            begun.send(()).unwrap();
            if !with_head {
                std::future::pending::<()>().await;
            }
            let (sender, body) = channel();
            sender.send(data("first")).await.unwrap();
            let body = body.map_frame(move |frame| {
                // Both live as long as the body.
                let _ = (&sender, &gone);
                frame
            });
            Ok::<_, Fault>(Reply::new(Body::new(body)))
        }
    });
    (script, has_begun, is_gone)
}

#[tokio::test]
async fn a_client_that_leaves_before_the_reply_cancels_the_call() {
    for http2 in [false, true] {
        let (script, begun, gone) = endless(false);
        let host = Host::serving(script, &["/*"]).await;
        let http = host.http().await;
        let mut client = Client::connect(http.address, http2).await;
        {
            let mut sent = Box::pin(client.send("GET", "/", no_body()));
            tokio::select! {
                _ = &mut sent => panic!("there is no reply"),
                begun = begun => begun.unwrap(),
            }
            // HTTP/2: the request is dropped here, its connection lives on, and the stream is reset.
        }
        if !http2 {
            drop(client);
        }
        gone.await.unwrap();
        assert_eq!(host.control.service(&"orders".parse().unwrap()).unwrap().calls, 0);
    }
}

#[tokio::test]
async fn a_client_that_leaves_during_the_reply_cancels_the_call() {
    for http2 in [false, true] {
        let (script, _begun, gone) = endless(true);
        let host = Host::serving(script, &["/*"]).await;
        let http = host.http().await;
        let mut client = Client::connect(http.address, http2).await;
        let mut reply = client.get("/").await;
        assert_eq!(piece(&mut reply).await, "first");
        drop(reply);
        if !http2 {
            drop(client);
        }
        gone.await.unwrap();
    }
}

#[tokio::test]
async fn a_client_that_breaks_off_its_body_is_noticed_by_the_service() {
    let (seen, has_seen) = oneshot::channel();
    let seen = Mutex::new(Some(seen));
    let reading = script(move |call| {
        let seen = seen.lock().unwrap().take().unwrap();
        async move {
            let error = call.request.into_body().collect().await.unwrap_err();
            seen.send(error.to_string()).unwrap();
            Err(Fault::new(patchbay_model::FaultKind::Cancelled, "the caller went away"))
        }
    });
    let host = Host::serving(reading, &["/*"]).await;
    let http = host.http().await;
    let mut socket = tokio::net::TcpStream::connect(http.address).await.unwrap();
    let head = b"POST / HTTP/1.1\r\nhost: orders.test\r\ncontent-length: 10\r\n\r\n123";
    tokio::io::AsyncWriteExt::write_all(&mut socket, head).await.unwrap();
    drop(socket);
    // The gateway may give the call up before the service has looked; then there is nobody left to see it.
    if let Ok(error) = has_seen.await {
        assert!(error.starts_with("the sender of the body broke off"), "{error}");
    }
}
