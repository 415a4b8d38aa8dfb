//! Who may come in: everyone to what tells no secrets, the holder of the token to the rest, and the dashboard with the
//! session that such a holder began.

use axum::body::Body;
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use futures_util::StreamExt;
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use tokio::time::{Instant, sleep_until};

use super::AdminState;
use super::rejection::Rejection;
use crate::dashboard::{Open, is_from_the_page, may_read};

/// What probes and tools read without a token.
pub(super) const OPEN: [&str; 3] = ["/healthz", "/readyz", "/openapi.json"];

/// What lets a request in.
enum Entry {
    /// Nothing has to: it tells no secrets.
    Free,
    /// It carries the token.
    Token,
    /// It carries the cookie of a session.
    Session(Open),
}

/// Lets a request through if it may come in. Unknown paths need the token too, so that nobody can ask around.
pub(super) async fn authenticate(State(state): State<AdminState>, request: Request, next: Next) -> Response {
    match enter(&state, &request) {
        Ok(Entry::Free | Entry::Token) => next.run(request).await,
        Ok(Entry::Session(session)) => bounded(next.run(request).await, session),
        Err(rejection) => rejection.into_response(),
    }
}

fn enter(state: &AdminState, request: &Request) -> Result<Entry, Rejection> {
    let headers = request.headers();
    let path = request.uri().path();
    if OPEN.contains(&path) || path == "/metrics" && state.config.metrics.public {
        return Ok(Entry::Free);
    }
    let mut credentials = headers.get_all(AUTHORIZATION).iter();
    // Whoever sends a token means the token, right or wrong.
    match (credentials.next(), credentials.next()) {
        (Some(credential), None) if state.token.opens(credential.as_bytes()) => return Ok(Entry::Token),
        (None, _) => {}
        _ => return Err(Rejection::unauthorized()),
    }
    let session = state.dashboard.session(headers, Instant::now()).ok_or_else(Rejection::unauthorized)?;
    let may = may_read(headers) && (request.method().is_safe() || is_from_the_page(headers, request.uri()));
    if may { Ok(Entry::Session(session)) } else { Err(Rejection::foreign()) }
}

/// A reply that does not go on when the session is over, as streams of events would.
fn bounded(reply: Response, session: Open) -> Response {
    let is_stream = reply.headers().get(CONTENT_TYPE).is_some_and(|media| media == "text/event-stream");
    if !is_stream {
        return reply;
    }
    reply.map(|body| {
        let over = async move {
            tokio::select! {
                () = session.ended.cancelled() => {}
                () = sleep_until(session.until) => {}
            }
        };
        Body::from_stream(body.into_data_stream().take_until(Box::pin(over)))
    })
}
