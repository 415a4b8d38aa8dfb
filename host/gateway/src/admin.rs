//! The admin API: the one door through which operators see and change what runs.
//!
//! One file per resource; `router.rs` is the list of them. The document at `/openapi.json` is made from the same
//! handlers, and `docs/openapi.json` is its printed form.

use std::future::Future;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use http::{Request, Response};
use patchbay_control::Control;
use patchbay_model::Digest;
use patchbay_model::metrics::{MetricSource, Metrics};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tower_service::Service;

use crate::dashboard::Dashboard;
use crate::error::{GatewayError, bind};
use crate::readiness::Readiness;
use crate::reload::Reload;
use crate::server::{self, AddressLimits, Answer, ConnectionCounts, ConnectionLimits, HeadTooLarge, Peer, Received};
use crate::tls::{self, Tls};

mod activity;
mod authenticate;
mod authz;
mod bus_error;
mod call;
mod canary;
mod change;
mod components;
mod config;
mod contract;
mod dead_letters;
#[cfg(feature = "direct")]
mod direct;
mod discovery;
mod health;
mod host;
mod journals;
mod json;
mod message;
mod metrics;
mod mirror;
mod path;
mod policy;
mod publish;
mod rejection;
mod reload;
mod revisions;
mod router;
mod services;
mod settings;
mod subscriptions;
mod summary;
mod tail;
mod token;
mod topics;
mod traces;

pub use config::AdminConfig;
#[cfg(feature = "direct")]
pub use direct::DirectAdmin;
pub use host::HostFacts;
pub(crate) use json::{is_type, read};
pub use metrics::{Format as MetricsFormat, MetricsConfig, encode as encode_metrics};
pub(crate) use rejection::Rejection;
pub use token::AdminToken;

/// The admin API on its own listener.
pub struct AdminApi {
    listener: TcpListener,
    address: SocketAddr,
    config: AdminConfig,
    tls: Option<Tls>,
    connections: Arc<ConnectionCounts>,
}

/// What every handler works with.
#[derive(Clone)]
pub(crate) struct AdminState {
    control: Arc<Control>,
    config: Arc<AdminConfig>,
    token: Arc<AdminToken>,
    readiness: Readiness,
    facts: Arc<HostFacts>,
    reload: Arc<dyn Reload>,
    metrics: Arc<Metrics>,
    dashboard: Arc<Dashboard>,
    /// When the API came up, to tell the uptime.
    since: Instant,
    /// Cancelled when the API stops: streams without an end end then.
    stop: CancellationToken,
}

/// The host that the admin API is about.
pub struct Administered {
    /// What runs there.
    pub control: Arc<Control>,
    /// What opens the API.
    pub token: AdminToken,
    /// Whether it is up.
    pub readiness: Readiness,
    /// What is said of it.
    pub facts: HostFacts,
    /// Takes up `runtime.toml` as it is now.
    pub reload: Arc<dyn Reload>,
    /// What is counted there.
    pub metrics: Arc<Metrics>,
}

impl AdminState {
    pub(crate) fn new(config: AdminConfig, host: Administered) -> Self {
        let Administered { control, token, readiness, facts, reload, metrics } = host;
        let dashboard = Arc::new(Dashboard::new(facts.admin.port(), config.tls.is_some()));
        Self {
            control,
            config: Arc::new(config),
            token: Arc::new(token),
            readiness,
            facts: Arc::new(facts),
            reload,
            metrics,
            dashboard,
            since: Instant::now(),
            stop: CancellationToken::new(),
        }
    }

    pub(crate) fn dashboard(&self) -> &Dashboard {
        &self.dashboard
    }

    pub(crate) fn token(&self) -> &AdminToken {
        &self.token
    }
}

impl AdminApi {
    /// Listens. Connections wait until [`AdminApi::serve`] takes them.
    ///
    /// # Errors
    /// [`GatewayError`] if the address cannot be had, or the files of the certificate are not right.
    pub async fn bind(config: AdminConfig) -> Result<Self, GatewayError> {
        const WHAT: &str = "the admin API";
        let tls = config.tls.clone().map(|tls| Tls::load(WHAT, tls)).transpose()?;
        let (listener, address) = bind(WHAT, config.listen).await?;
        if tls.is_none() && !server::is_local(address) {
            tracing::warn!(
                "the admin API listens on {address}, which other machines may reach: whoever has the token commands this \
                 host, and nothing encrypts the token on its way; configure `admin.tls`, or listen on 127.0.0.1"
            );
        }
        Ok(Self { listener, address, config, tls, connections: Arc::default() })
    }

    /// Tells what is counted of its connections.
    pub fn metrics(&self) -> Arc<dyn MetricSource> {
        Arc::new(metrics::AdminMetrics(Arc::clone(&self.connections)))
    }

    /// Where it listens; the port is the real one where port 0 was configured.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where operators reach it, such as `http://127.0.0.1:9090`.
    pub fn url(&self) -> String {
        let scheme = if self.tls.is_some() { "https" } else { "http" };
        format!("{scheme}://{}", self.address)
    }

    /// The SHA-256 of the certificate that it shows, in DER, now and whenever it changes; `None` without TLS.
    pub fn certificate(&self) -> Option<watch::Receiver<Digest>> {
        self.tls.as_ref().map(Tls::fingerprint)
    }

    /// Serves until `shutdown` completes. Then ends the streams that follow events and logs, lets requests that are
    /// under way end, and returns within [`AdminConfig::drain`].
    pub async fn serve(self, host: Administered, shutdown: impl Future<Output = ()>) {
        let (_, limits) = watch::channel(limits(&self.config));
        let state = AdminState::new(self.config, host);
        let stop = state.stop.clone();
        let router = router::router(state);
        let stopping = async {
            shutdown.await;
            stop.cancel();
        };
        let tls = self.tls.as_ref();
        tokio::select! {
            () = server::serve(self.listener, tls, limits, self.connections, Routed(router), stopping) => {}
            () = tls::watch(tls) => {}
        }
    }
}

/// The address of the client, beside its request.
#[derive(Debug, Clone, Copy)]
pub(crate) struct PeerAddress(pub(crate) IpAddr);

/// The router as the server wants it.
#[derive(Clone)]
struct Routed(Router);

impl Answer for Routed {
    type Reply = Response<Body>;
    type Body = Body;

    async fn answer(self: Arc<Self>, peer: Peer, mut request: Request<Received>) -> Response<Body> {
        if let Some(too_large) = request.extensions().get::<HeadTooLarge>() {
            return Response::from(too_large.problem().into_reply()).map(Body::new);
        }
        request.extensions_mut().insert(PeerAddress(peer.address));
        self.0.clone().call(request.map(Body::new)).await.unwrap_or_else(|never| match never {})
    }
}

/// Operators are few, and their requests small. What is not configurable here has no reason to be.
fn limits(config: &AdminConfig) -> ConnectionLimits {
    ConnectionLimits {
        max_connections: config.max_connections,
        // Most operators sit on this machine, or behind one proxy.
        per_address: AddressLimits { connections: config.max_connections, rate: 0 },
        header_timeout: Duration::from_secs(10),
        idle_timeout: Duration::from_secs(75),
        // Whoever reads a body has a shorter patience of its own, which it can put into words.
        body_timeout: config.upload_pause.max(Duration::from_secs(60)) + Duration::from_secs(1),
        stall_timeout: Duration::from_secs(30),
        max_headers: 100,
        max_head: 64 << 10,
        max_streams: 100,
        drain: config.drain,
    }
}
