//! Everything that speaks a protocol to the outside.
//!
//! Two listeners, which share nothing but the way they treat connections (`server.rs`):
//!
//! - [`HttpGateway`] takes the requests of callers to the services they belong to. It is the path that has to be
//!   fast, so it sits right on hyper.
//! - [`AdminApi`] is the one door for operators: CLI, scripts and dashboards all go through it. It is an axum router
//!   with an OpenAPI document. The dashboard of the host itself (`dashboard.rs`) is served there, too.
//!
//! And one way out: [`HttpOutbound`] sends the requests of services, to others and to each other.
//!
//! What a caller reads when a call fails is decided in one table, `problem.rs`; `docs/faults.md` is its printed form.

mod admin;
mod dashboard;
mod edge;
mod error;
mod http;
mod outbound;
mod problem;
mod readiness;
mod reload;
mod server;
mod tls;

#[cfg(feature = "direct")]
pub use admin::DirectAdmin;
pub use admin::{
    AdminApi, AdminConfig, AdminToken, Administered, HostFacts, MetricsConfig, MetricsFormat, encode_metrics,
};
pub use error::GatewayError;
pub use http::{CALL_HEADER, CALLER_HEADER, HttpConfig, HttpGateway, HttpTuner, KEY_SET_PATH, PARENT_HEADER};
pub use outbound::HttpOutbound;
pub use problem::Problem;
pub use readiness::{Readiness, ReadinessState};
pub use reload::{KeyChange, KeyChangeKind, NoReload, NotReloaded, NotReloadedKind, Reload, Reloaded, ServiceNews};
pub use tls::{ClientTrust, TlsConfig, TlsProblem};

#[cfg(test)]
mod tests;
