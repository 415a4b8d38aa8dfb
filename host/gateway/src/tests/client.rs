//! Clients of the tests: bytes on a socket, and hyper's for both versions of HTTP.

use std::net::SocketAddr;

use bytes::Bytes;
use futures_util::stream;
use http::{Request, Response};
use http_body::Frame;
use http_body_util::{BodyExt, StreamBody};
use hyper::body::Incoming;
use hyper_util::rt::{TokioExecutor, TokioIo};
use patchbay_model::{Body, BodyError, empty_body};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

/// A body whose frames the test sends.
pub(super) fn channel() -> (mpsc::Sender<Result<Frame<Bytes>, BodyError>>, Body) {
    let (sender, receiver) = mpsc::channel(1);
    let frames = stream::unfold(receiver, async |mut receiver| Some((receiver.recv().await?, receiver)));
    (sender, Body::new(StreamBody::new(Box::pin(frames))))
}

pub(super) fn data(text: &'static str) -> Result<Frame<Bytes>, BodyError> {
    Ok(Frame::data(Bytes::from_static(text.as_bytes())))
}

pub(super) fn no_body() -> Body {
    empty_body()
}

/// The next piece of a reply's body, as text.
pub(super) async fn piece(reply: &mut Response<Incoming>) -> String {
    let frame = reply.body_mut().frame().await.unwrap().unwrap();
    String::from_utf8(frame.into_data().unwrap().to_vec()).unwrap()
}

pub(super) async fn text(reply: Response<Incoming>) -> String {
    String::from_utf8(reply.into_body().collect().await.unwrap().to_bytes().to_vec()).unwrap()
}

/// Writes `request` on a connection of its own and reads until the connection ends.
pub(super) async fn raw(address: SocketAddr, request: &str) -> String {
    let mut socket = TcpStream::connect(address).await.unwrap();
    socket.write_all(request.as_bytes()).await.unwrap();
    let mut reply = Vec::new();
    socket.read_to_end(&mut reply).await.unwrap();
    String::from_utf8(reply).unwrap()
}

/// Reads from a socket until `end` came.
pub(super) async fn read_until(socket: &mut TcpStream, end: &str) -> String {
    let mut reply = Vec::new();
    let mut buffer = [0; 4096];
    while !reply.windows(end.len()).any(|window| window == end.as_bytes()) {
        let read = socket.read(&mut buffer).await.unwrap();
        assert_ne!(read, 0, "the connection ended after {:?}", String::from_utf8_lossy(&reply));
        reply.extend_from_slice(&buffer[..read]);
    }
    String::from_utf8(reply).unwrap()
}

/// One connection, of either version.
pub(super) enum Client {
    Http1(hyper::client::conn::http1::SendRequest<Body>, JoinHandle<hyper::Result<()>>),
    Http2(hyper::client::conn::http2::SendRequest<Body>, JoinHandle<hyper::Result<()>>),
}

impl Client {
    pub(super) async fn connect(address: SocketAddr, http2: bool) -> Self {
        let socket = TokioIo::new(TcpStream::connect(address).await.unwrap());
        if http2 {
            let handshake = hyper::client::conn::http2::handshake(TokioExecutor::new(), socket);
            let (sender, connection) = handshake.await.unwrap();
            return Self::Http2(sender, tokio::spawn(connection));
        }
        let (sender, connection) = hyper::client::conn::http1::handshake(socket).await.unwrap();
        Self::Http1(sender, tokio::spawn(connection))
    }

    /// Sends a request to `http://orders.test/PATH`, in the form of the connection's version.
    pub(super) async fn send(&mut self, method: &str, path: &str, body: Body) -> hyper::Result<Response<Incoming>> {
        let request = Request::builder().method(method);
        match self {
            Self::Http1(sender, _) => {
                let request = request.uri(path).header("host", "orders.test").body(body).unwrap();
                sender.send_request(request).await
            }
            Self::Http2(sender, _) => {
                let request = request.uri(format!("http://orders.test{path}")).body(body).unwrap();
                sender.send_request(request).await
            }
        }
    }

    pub(super) async fn get(&mut self, path: &str) -> Response<Incoming> {
        self.send("GET", path, no_body()).await.unwrap()
    }

    /// Waits until the connection has ended, and tells whether it ended in peace.
    pub(super) async fn ended(self) -> hyper::Result<()> {
        match self {
            Self::Http1(sender, connection) => {
                let ended = connection.await.unwrap();
                drop(sender);
                ended
            }
            Self::Http2(sender, connection) => {
                let ended = connection.await.unwrap();
                drop(sender);
                ended
            }
        }
    }
}
