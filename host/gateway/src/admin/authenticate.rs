//! Who may come in: everyone to what tells no secrets, the holder of the token to the rest.

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::header::AUTHORIZATION;

use super::AdminState;
use super::rejection::Rejection;

/// What probes and tools read without a token.
pub(super) const OPEN: [&str; 3] = ["/healthz", "/readyz", "/openapi.json"];

/// Lets a request through if it carries the token. Unknown paths need it too, so that nobody can ask around.
pub(super) async fn authenticate(State(state): State<AdminState>, request: Request, next: Next) -> Response {
    let path = request.uri().path();
    let is_open = OPEN.contains(&path) || path == "/metrics" && state.config.metrics.public;
    let mut credentials = request.headers().get_all(AUTHORIZATION).iter();
    let may = match (credentials.next(), credentials.next()) {
        (Some(credential), None) => state.token.opens(credential.as_bytes()),
        _ => false,
    };
    if is_open || may { next.run(request).await } else { Rejection::unauthorized().into_response() }
}
