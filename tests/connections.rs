//! Clients that mean no good, against the real program: it goes on to serve another.

use rustix::process::{Resource, getrlimit, setrlimit};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::timeout;

use crate::support::{Host, PATIENCE, service};

/// Connections that one client leaves idle.
const IDLE: usize = 3_000;

/// Lets this process, and the host that it starts, have as many files open as it may.
fn raise_files() {
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    setrlimit(Resource::Nofile, limit).unwrap();
}

/// A connection from an address of the loopback network.
async fn connect(host: &Host, from: [u8; 4]) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind((std::net::IpAddr::from(from), 0).into()).unwrap();
    timeout(PATIENCE, socket.connect(host.address().parse().unwrap())).await.unwrap().unwrap()
}

/// Whether a request on this connection is answered.
async fn is_answered(socket: &mut TcpStream) -> bool {
    let mut reply = [0; 12];
    let exchange = async {
        socket.write_all(b"GET /version HTTP/1.1\r\nhost: x.test\r\n\r\n").await?;
        socket.read_exact(&mut reply).await
    };
    matches!(timeout(PATIENCE, exchange).await, Ok(Ok(_))) && &reply == b"HTTP/1.1 200"
}

#[tokio::test(flavor = "multi_thread")]
async fn thousands_of_idle_connections_leave_room_for_others() {
    raise_files();
    let limits =
        format!("[http]\nmax_connections_per_address = {IDLE}\nheader_timeout = \"2m\"\nlisten = \"127.0.0.1:0\"\n");
    let mut host = Host::stopped("");
    let text = format!("{limits}[admin]\nlisten = \"127.0.0.1:0\"\n{}", service("probe", "probe", "routes = [\"/*\"]"));
    std::fs::write(host.folder.path().join("runtime.toml"), text).unwrap();
    host.run().await;
    let mut idle = Vec::with_capacity(IDLE);
    for _ in 0..IDLE {
        idle.push(connect(&host, [127, 0, 0, 1]).await);
    }
    let mut one_more = connect(&host, [127, 0, 0, 1]).await;
    assert!(!is_answered(&mut one_more).await, "the client has what one client may have");
    assert!(is_answered(&mut connect(&host, [127, 0, 0, 2]).await).await, "another client");
    assert!(is_answered(&mut idle[IDLE / 2]).await, "a connection that was idle");
}
