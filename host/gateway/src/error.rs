//! What can keep a listener from coming up.

use std::io;
use std::net::SocketAddr;

use tokio::net::TcpListener;

/// Why a listener cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum GatewayError {
    /// The address cannot be listened on.
    #[error("{what} cannot listen on {address}: {problem}; {advice}")]
    Bind {
        /// The listener, as people call it.
        what: &'static str,
        /// The address that was asked for.
        address: SocketAddr,
        /// What the operating system said.
        problem: String,
        /// What to do about it.
        advice: &'static str,
    },
    /// There is no certificate to show.
    #[error("{what} cannot speak TLS: {problem}")]
    Tls {
        /// The listener, as people call it.
        what: &'static str,
        /// What is wrong, and with which file.
        problem: String,
    },
}

/// Listens on `address`. `what` names the listener in errors.
pub(crate) async fn bind(what: &'static str, address: SocketAddr) -> Result<(TcpListener, SocketAddr), GatewayError> {
    let failed = |error: io::Error| GatewayError::Bind {
        what,
        address,
        problem: error.to_string(),
        advice: match error.kind() {
            io::ErrorKind::AddrInUse => {
                "another program listens there, perhaps another Patchbay: stop it, or configure another port"
            }
            io::ErrorKind::PermissionDenied => {
                "this user may not use the port: choose one above 1023, or give the program the right to"
            }
            io::ErrorKind::AddrNotAvailable => "this machine has no such address: configure one that it has",
            _ => "configure another address",
        },
    };
    let listener = TcpListener::bind(address).await.map_err(failed)?;
    // With port 0 the operating system has chosen one.
    let address = listener.local_addr().map_err(failed)?;
    Ok((listener, address))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_address_in_use_is_named_with_what_to_do() {
        let (_taken, address) = bind("the HTTP gateway", ([127, 0, 0, 1], 0).into()).await.unwrap();
        let error = bind("the HTTP gateway", address).await.unwrap_err().to_string();
        assert!(error.starts_with(&format!("the HTTP gateway cannot listen on {address}: ")), "{error}");
        assert!(error.ends_with("configure another port"), "{error}");
    }
}
