//! The metrics of the host, for Prometheus and what reads its formats.

mod accept;
mod config;
mod encode;
mod exemplars;

use std::sync::Arc;

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::header::{ACCEPT, CONTENT_TYPE, VARY};
use http::{HeaderMap, StatusCode};
use patchbay_model::metrics::{Collected, MetricSource};
use patchbay_model::ports::BoxFuture;

use super::AdminState;
use crate::problem::Problem;
use crate::server::{self, ConnectionCounts};

pub use config::MetricsConfig;
pub use encode::{Format, encode};

/// Tells what is counted of the admin listener.
pub(super) struct AdminMetrics(pub(super) Arc<ConnectionCounts>);

impl MetricSource for AdminMetrics {
    fn collect<'a>(&'a self, into: &'a mut Collected) -> BoxFuture<'a, ()> {
        server::collect("admin", &self.0, into);
        Box::pin(std::future::ready(()))
    }
}

/// Shows the metrics of the host.
///
/// In the text format of OpenMetrics 1.0 where that is asked for, which has exemplars, and else in the text format of
/// Prometheus. With `[metrics] public = true` it needs no token.
#[utoipa::path(
    get, operation_id = "readMetrics", path = "/metrics", tag = "host",
    responses(
        (status = 200, description = "The metrics", content(
            (String = "text/plain; version=0.0.4"), (String = "application/openmetrics-text; version=1.0.0"),
        )),
        (status = 500, description = "The host failed", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn metrics(State(state): State<AdminState>, headers: HeaderMap) -> Response {
    let format = accept::choose(headers.get_all(ACCEPT));
    match encode(&state.metrics.collect().await, format) {
        Ok(text) => ([(CONTENT_TYPE, format.media_type()), (VARY, "accept")], text).into_response(),
        // Writing into memory does not fail; should it do so all the same, it is no reason to stop.
        Err(std::fmt::Error) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}
