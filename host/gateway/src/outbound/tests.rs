//! Connections to a server that does what the test says.

use std::net::SocketAddr;
use std::time::Duration;

use http_body_util::BodyExt;
use patchbay_model::{Course, Limits, OutboundError, OutboundRequest, empty_body};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{Instant, timeout};

use super::*;

const PATIENCE: Duration = Duration::from_secs(20);

async fn listener() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    (listener, address)
}

/// The way out of a revision that may call `addresses` over `limit` connections.
fn outlet(outbound: &HttpOutbound, number: u32, addresses: &[SocketAddr], limit: u32) -> Arc<dyn Outlet> {
    let settings = Settings {
        outbound: addresses.iter().map(|address| address.to_string().parse().unwrap()).collect(),
        limits: Limits { outbound_connections: limit, ..Limits::default() },
        ..Settings::default()
    };
    outbound.open(&format!("orders@{number}").parse().unwrap(), &settings)
}

async fn get(outlet: &dyn Outlet, address: SocketAddr) -> Result<String, OutboundError> {
    let request = OutboundRequest {
        course: Course {
            call: None,
            deadline: (Instant::now() + PATIENCE).into_std(),
            hops: 0,
            cause: None,
            trace: None,
            user: None,
        },
        connect_timeout: None,
        first_byte_timeout: None,
        request: http::Request::get(format!("http://{address}/a?b")).header("host", "a").body(empty_body()).unwrap(),
    };
    let body = timeout(PATIENCE, outlet.send(request)).await.unwrap()?.into_body().collect().await.unwrap();
    Ok(String::from_utf8(body.to_bytes().to_vec()).unwrap())
}

/// Answers one request.
async fn answer(stream: &mut TcpStream, text: &str) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        assert!(stream.read_buf(&mut head).await.unwrap() > 0, "the client went away");
    }
    assert!(head.starts_with(b"GET /a?b HTTP/1.1\r\n"), "{}", String::from_utf8_lossy(&head));
    let reply = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{text}", text.len());
    stream.write_all(reply.as_bytes()).await.unwrap();
}

async fn ended(stream: &mut TcpStream) {
    let end = timeout(PATIENCE * 10, stream.read(&mut [0])).await.expect("the connection ends");
    assert!(matches!(end, Ok(0) | Err(_)), "{end:?}");
}

#[tokio::test]
async fn a_connection_that_the_server_ended_is_replaced() {
    let (listener, address) = listener().await;
    let outbound = HttpOutbound::default();
    let outlet = outlet(&outbound, 1, &[address], 4);
    for text in ["first", "second", "third"] {
        let server = async {
            let (mut stream, _) = listener.accept().await.unwrap();
            answer(&mut stream, text).await;
            // The client keeps the connection, and the server does not.
            stream.shutdown().await.unwrap();
            ended(&mut stream).await;
        };
        let (got, ()) = tokio::join!(get(&*outlet, address), server);
        assert_eq!(got, Ok(text.to_owned()));
    }
}

#[tokio::test]
async fn a_request_that_met_the_end_of_its_connection_is_sent_again_if_that_does_no_harm() {
    let (listener, address) = listener().await;
    let outbound = HttpOutbound::default();
    let outlet = outlet(&outbound, 1, &[address], 4);
    let server = async {
        let (mut stream, _) = listener.accept().await.unwrap();
        answer(&mut stream, "first").await;
        // The next request arrives and is not answered.
        assert!(stream.read(&mut [0]).await.unwrap() > 0);
        drop(stream);
        let (mut stream, _) = listener.accept().await.unwrap();
        answer(&mut stream, "second").await;
    };
    let client = async {
        assert_eq!(get(&*outlet, address).await, Ok("first".to_owned()));
        // The connection is given back in the background.
        let used = async {
            while outbound.places.lock().unwrap().values().all(|places| places.upgrade().unwrap().waiting() == 0) {
                tokio::task::yield_now().await;
            }
        };
        timeout(PATIENCE, used).await.unwrap();
        assert_eq!(get(&*outlet, address).await, Ok("second".to_owned()));
    };
    tokio::join!(server, client);
}

#[tokio::test]
async fn connections_go_with_their_revision_and_give_way_to_others() {
    let (first, second) = (listener().await, listener().await);
    let outbound = HttpOutbound::default();
    let old = outlet(&outbound, 1, &[first.1], 1);
    let new = outlet(&outbound, 2, &[first.1, second.1], 1);
    let (got, mut kept) = tokio::join!(get(&*old, first.1), async {
        let (mut stream, _) = first.0.accept().await.unwrap();
        answer(&mut stream, "old").await;
        stream
    });
    assert_eq!(got, Ok("old".to_owned()));
    // The one place of the service is taken by a connection of the older revision, which waits.
    let (got, mut last) = tokio::join!(get(&*new, second.1), async {
        ended(&mut kept).await;
        let (mut stream, _) = second.0.accept().await.unwrap();
        answer(&mut stream, "new").await;
        stream
    });
    assert_eq!(got, Ok("new".to_owned()));
    assert_eq!(get(&*old, second.1).await, Err(OutboundError::Denied));
    drop(new);
    ended(&mut last).await;
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_nobody_uses_ends() {
    let (listener, address) = listener().await;
    let outbound = HttpOutbound::default();
    let outlet = outlet(&outbound, 1, &[address], 1);
    let (got, mut stream) = tokio::join!(get(&*outlet, address), async {
        let (mut stream, _) = listener.accept().await.unwrap();
        answer(&mut stream, "once").await;
        stream
    });
    assert_eq!(got, Ok("once".to_owned()));
    let begun = Instant::now();
    ended(&mut stream).await;
    let waited = begun.elapsed();
    assert!(waited >= Duration::from_secs(29) && waited <= Duration::from_secs(40), "{waited:?}");
}

#[tokio::test]
async fn places_of_a_service_are_forgotten_with_its_last_revision() {
    let outbound = HttpOutbound::default();
    let (first, second) = (outlet(&outbound, 1, &[], 1), outlet(&outbound, 2, &[], 1));
    assert_eq!(outbound.places.lock().unwrap().len(), 1);
    drop((first, second));
    drop(outbound.open(&"payments@1".parse().unwrap(), &Settings::default()));
    let places = outbound.places.lock().unwrap();
    assert!(places.keys().all(|name| name.as_str() == "payments"));
}
