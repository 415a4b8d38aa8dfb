//! The HTTP gateway: requests of callers, each taken to the service it belongs to.

use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;

use patchbay_control::Control;
use tokio::net::TcpListener;

use crate::error::{GatewayError, bind};
use crate::server;

mod config;
mod headers;
mod reply_body;
mod service;
mod target;

pub use config::HttpConfig;
pub(crate) use headers::strip_request;
pub(crate) use service::{Asked, call_value};
pub use service::{CALL_HEADER, CALLER_HEADER, PARENT_HEADER};

/// HTTP/1.1, and HTTP/2 with prior knowledge, on one listener.
pub struct HttpGateway {
    listener: TcpListener,
    address: SocketAddr,
    config: HttpConfig,
}

impl HttpGateway {
    /// Listens. Connections wait until [`HttpGateway::serve`] takes them.
    ///
    /// # Errors
    /// [`GatewayError::Bind`] if the address cannot be had.
    pub async fn bind(config: HttpConfig) -> Result<Self, GatewayError> {
        let (listener, address) = bind("the HTTP gateway", config.listen).await?;
        Ok(Self { listener, address, config })
    }

    /// Where it listens; the port is the real one where port 0 was configured.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Serves until `shutdown` completes. Then takes no more connections, lets the requests that are under way end,
    /// ends those that outlive [`HttpConfig::drain`], and returns.
    pub async fn serve(self, control: Arc<Control>, shutdown: impl Future<Output = ()>) {
        let answers = service::Answers::new(control, self.address);
        let limits = self.config.connection_limits();
        server::serve(self.listener, limits, answers, shutdown).await;
    }
}
