//! The beginning of a connection under TLS. It counts as a connection from its first byte, and has its time.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use http::StatusCode;
use patchbay_model::User;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsAcceptor;

use super::connection::GRACE;
use super::wire::Wire;
use super::{ConnectionLimits, Stop};
use crate::problem::Problem;
use crate::tls;

/// The type of the record that a TLS connection begins with (RFC 8446, 5.1).
const HANDSHAKE: u8 = 22;

/// How long a client that speaks no TLS has to read that it should.
const FAREWELL: Duration = Duration::from_secs(2);

/// What a handshake comes to: the connection, and the user whom the certificate of the client names, if it showed one.
type Begun = (Wire, Option<Arc<User>>);

/// Does the handshake; `None` if there is nothing to serve after it.
pub(super) async fn begin(
    stream: TcpStream,
    tls: &TlsAcceptor,
    limits: &ConnectionLimits,
    stop: &Stop,
) -> Option<Begun> {
    let stopped = async {
        stop.gracefully.cancelled().await;
        sleep(GRACE).await;
    };
    let accepted = tokio::select! {
        biased;
        () = stop.now.cancelled() => return None,
        () = stopped => return None,
        accepted = timeout(limits.header_timeout, accept(stream, tls)) => accepted,
    };
    match accepted {
        Ok(Ok(begun)) => begun,
        Ok(Err(error)) => {
            tracing::debug!("a connection broke off in the TLS handshake: {error}");
            None
        }
        Err(_) => {
            tracing::debug!("a connection was ended: its TLS handshake took too long");
            None
        }
    }
}

async fn accept(stream: TcpStream, tls: &TlsAcceptor) -> io::Result<Option<Begun>> {
    let mut first = [0];
    if stream.peek(&mut first).await? == 0 {
        return Ok(None);
    }
    if first != [HANDSHAKE] {
        // Closing without a word is right for noise; a client that speaks HTTP can be told.
        if first[0].is_ascii_uppercase() {
            let _ = timeout(FAREWELL, tell(stream)).await;
        }
        return Ok(None);
    }
    let stream = tls.accept(stream).await?;
    let certificate = stream.get_ref().1.peer_certificates().and_then(<[_]>::first);
    let user = certificate.map(|certificate| tls::user(certificate)).transpose().map_err(io::Error::other)?;
    Ok(Some((Wire::Tls(Box::new(stream)), user.map(Arc::new))))
}

/// Tells a client of plain HTTP where it is.
async fn tell(mut stream: TcpStream) -> io::Result<()> {
    let problem = Problem::new(
        StatusCode::BAD_REQUEST,
        "urn:patchbay:fault:invalid",
        "Invalid request",
        "this port speaks TLS: ask again with `https`",
    );
    let body = problem.to_json();
    let head = format!(
        "HTTP/1.1 400 Bad Request\r\ncontent-type: application/problem+json\r\ncontent-length: {}\r\nconnection: \
         close\r\n\r\n",
        body.len()
    );
    stream.write_all(&[head.as_bytes(), &body].concat()).await?;
    stream.shutdown().await?;
    // A socket that is closed with unread bytes resets the connection, and the reply with it.
    let mut scratch = [0; 4096];
    while stream.read(&mut scratch).await? > 0 {}
    Ok(())
}
