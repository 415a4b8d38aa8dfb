//! Makes connections: resolves a name, checks every address it leads to, and connects to one that was checked.

use std::io;
use std::net::SocketAddr;

use patchbay_model::OutboundError;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, lookup_host};
use tokio::time::{Instant, timeout_at};

use super::policy::{Host, Origin, Policy};
use super::tls::Tls;

/// A connection, encrypted or not.
pub(super) type Stream = Box<dyn Connected>;

/// What can be read and written.
pub(super) trait Connected: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Connected for T {}

/// Connects to `origin` before `until`.
///
/// # Errors
/// Why there is no connection.
pub(super) async fn connect(
    origin: &Origin,
    policy: &Policy,
    tls: &Tls,
    until: Instant,
) -> Result<Stream, OutboundError> {
    let addresses = resolve(origin, until).await?;
    let permitted: Vec<_> = addresses.iter().copied().filter(|address| policy.reaches(*address)).collect();
    if permitted.is_empty() {
        return Err(OutboundError::ProhibitedAddress);
    }
    let stream = reach(&permitted, until).await?;
    if !origin.secure {
        return Ok(Box::new(stream));
    }
    let encrypted = timeout_at(until, tls.connect(&origin.host, stream)).await;
    encrypted.unwrap_or(Err(OutboundError::ConnectTimeout)).map(|stream| Box::new(stream) as Stream)
}

async fn resolve(origin: &Origin, until: Instant) -> Result<Vec<SocketAddr>, OutboundError> {
    let name = match &origin.host {
        Host::Address(address) => return Ok(vec![SocketAddr::new(*address, origin.port)]),
        Host::Name(name) => name.as_str(),
    };
    let found = timeout_at(until, lookup_host((name, origin.port))).await.map_err(|_| OutboundError::NameTimeout)?;
    let addresses: Vec<_> = found.map_err(|error| OutboundError::Name(error.to_string()))?.collect();
    if addresses.is_empty() { Err(OutboundError::Name("no address".to_owned())) } else { Ok(addresses) }
}

/// Connects to the first address that answers. Each gets its share of the time that is left.
async fn reach(addresses: &[SocketAddr], until: Instant) -> Result<TcpStream, OutboundError> {
    let mut failure = OutboundError::ConnectTimeout;
    for (index, address) in addresses.iter().enumerate() {
        let now = Instant::now();
        let left = u32::try_from(addresses.len() - index).unwrap_or(u32::MAX);
        let share = now + until.saturating_duration_since(now) / left;
        failure = match timeout_at(share, TcpStream::connect(address)).await {
            Ok(Ok(stream)) => {
                // Small requests are not held back for more. Where that cannot be had, they are only slower.
                let _ = stream.set_nodelay(true);
                return Ok(stream);
            }
            Ok(Err(error)) => failed(&error),
            Err(_) => OutboundError::ConnectTimeout,
        };
    }
    Err(failure)
}

fn failed(error: &io::Error) -> OutboundError {
    match error.kind() {
        io::ErrorKind::ConnectionRefused => OutboundError::Refused,
        io::ErrorKind::TimedOut => OutboundError::ConnectTimeout,
        _ => OutboundError::Unreachable(error.to_string()),
    }
}
