//! The HTTP gateway: requests of callers, each taken to the service it belongs to.

use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;

use patchbay_control::Control;
use patchbay_model::metrics::MetricSource;
use tokio::net::TcpListener;
use tokio::sync::watch;

use crate::error::{GatewayError, bind};
use crate::server::{self, ConnectionCounts, ConnectionLimits};
use crate::tls::{self, Tls};

mod access;
mod config;
mod edges;
mod entry;
mod headers;
mod host_span;
mod identify;
mod measured;
mod rate_limit;
mod reply_body;
mod service;
mod target;

use access::AccessLog;
pub use config::HttpConfig;
pub(crate) use headers::{strip_reply, strip_request};
pub use identify::KEY_SET_PATH;
use measured::{HttpMeasured, HttpMetrics};
pub(crate) use service::{Asked, call_value};
pub use service::{CALL_HEADER, CALLER_HEADER, PARENT_HEADER};

/// HTTP/1.1 and HTTP/2 on one listener; under TLS, or as they are and HTTP/2 with prior knowledge.
pub struct HttpGateway {
    listener: TcpListener,
    address: SocketAddr,
    limits: watch::Sender<ConnectionLimits>,
    tls: Option<Tls>,
    measured: Arc<HttpMeasured>,
    connections: Arc<ConnectionCounts>,
    access: Arc<AccessLog>,
}

/// Changes what the gateway allows its connections, while it serves.
#[derive(Debug, Clone)]
pub struct HttpTuner {
    limits: watch::Sender<ConnectionLimits>,
    access: Arc<AccessLog>,
}

impl HttpTuner {
    /// Has all of `config` hold for connections that are made from now on, but for the address and the certificate, which
    /// stay. What is logged is another at once.
    pub fn apply(&self, config: &HttpConfig) {
        self.limits.send_replace(config.connection_limits());
        self.access.set(config.access_log, config.access_query);
    }
}

impl HttpGateway {
    /// Listens. Connections wait until [`HttpGateway::serve`] takes them.
    ///
    /// # Errors
    /// [`GatewayError`] if the address cannot be had, or the files of the certificate are not right.
    pub async fn bind(config: HttpConfig) -> Result<Self, GatewayError> {
        const WHAT: &str = "the HTTP gateway";
        let tls = config.tls.clone().map(|tls| Tls::load(WHAT, tls)).transpose()?;
        let (listener, address) = bind(WHAT, config.listen).await?;
        let limits = watch::Sender::new(config.connection_limits());
        let measured = Arc::new(HttpMeasured::new(if tls.is_some() { "https" } else { "http" }));
        let access = Arc::<AccessLog>::default();
        access.set(config.access_log, config.access_query);
        Ok(Self { listener, address, limits, tls, measured, connections: Arc::default(), access })
    }

    /// Where it listens; the port is the real one where port 0 was configured.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where callers reach it, such as `https://127.0.0.1:8443`.
    pub fn url(&self) -> String {
        let scheme = if self.tls.is_some() { "https" } else { "http" };
        format!("{scheme}://{}", self.address)
    }

    /// What changes its limits.
    pub fn tuner(&self) -> HttpTuner {
        HttpTuner { limits: self.limits.clone(), access: Arc::clone(&self.access) }
    }

    /// Tells what is measured here, and at the routes of `control`.
    pub fn metrics(&self, control: &Arc<Control>) -> Arc<dyn MetricSource> {
        let (measured, connections) = (Arc::clone(&self.measured), Arc::clone(&self.connections));
        Arc::new(HttpMetrics { measured, connections, control: Arc::downgrade(control) })
    }

    /// Serves until `shutdown` completes. Then takes no more connections, lets the requests that are under way end,
    /// ends those that outlive [`HttpConfig::drain`], and returns.
    pub async fn serve(self, control: Arc<Control>, shutdown: impl Future<Output = ()>) {
        let (tls, limits) = (self.tls.as_ref(), self.limits.subscribe());
        let answers = service::Answers::new(control, self.address, tls.is_some(), self.measured, self.access);
        tokio::select! {
            () = server::serve(self.listener, tls, limits, self.connections, answers, shutdown) => {}
            () = tls::watch(tls) => {}
        }
    }
}
