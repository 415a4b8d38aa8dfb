//! Limits per client address, with clients at two addresses of the loopback network.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::timeout;

use super::host::{Host, says};
use crate::HttpConfig;

const REQUEST: &[u8] = b"GET / HTTP/1.1\r\nhost: orders.test\r\n\r\n";

/// A connection from `client` that was answered, or `None` if it was refused.
async fn answered(http: SocketAddr, client: [u8; 4]) -> Option<TcpStream> {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind(SocketAddr::new(IpAddr::from(client), 0)).unwrap();
    let mut socket = socket.connect(http).await.unwrap();
    let mut reply = [0; 12];
    let exchange = async {
        socket.write_all(REQUEST).await?;
        socket.read_exact(&mut reply).await
    };
    timeout(Duration::from_secs(20), exchange).await.unwrap().ok()?;
    assert_eq!(&reply, b"HTTP/1.1 200");
    Some(socket)
}

const FIRST: [u8; 4] = [127, 0, 0, 1];
const SECOND: [u8; 4] = [127, 0, 0, 2];

#[tokio::test]
async fn one_client_cannot_take_all_places() {
    let host = Host::serving(says("here"), &["/*"]).await;
    let config = HttpConfig { max_connections: 4, max_connections_per_address: 2, ..HttpConfig::default() };
    let http = host.http_with(config).await;
    let held = [answered(http.address, FIRST).await.unwrap(), answered(http.address, FIRST).await.unwrap()];
    for _ in 0..100 {
        assert!(answered(http.address, FIRST).await.is_none(), "a third connection");
    }
    let other = answered(http.address, SECOND).await;
    assert!(other.is_some(), "another client");
    drop(held);
    // The place is free again as soon as the host sees that the connections have ended.
    while answered(http.address, FIRST).await.is_none() {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn one_client_cannot_make_connections_as_fast_as_it_can() {
    let host = Host::serving(says("here"), &["/*"]).await;
    let http = host.http_with(HttpConfig { connection_rate_per_address: 5, ..HttpConfig::default() }).await;
    let mut n_answered = 0;
    for _ in 0..200 {
        n_answered += usize::from(answered(http.address, FIRST).await.is_some());
    }
    assert!((5..100).contains(&n_answered), "{n_answered} of 200");
    assert!(answered(http.address, SECOND).await.is_some(), "another client");
}
