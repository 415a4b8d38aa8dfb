//! Bodies that are read whole, those of JSON among them: limited in size and time, and refused with a problem that says
//! where they are wrong.

use axum::body::Body;
use axum::extract::{FromRequest, Request};
use bytes::Bytes;
use http::HeaderMap;
use http::header::CONTENT_TYPE;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use serde::de::DeserializeOwned;
use tokio::time::{Duration, timeout};

use super::rejection::Rejection;

/// Size of a JSON body, in bytes: configuration of one service fits many times.
const LIMIT: usize = 1 << 20;

/// How long a body may take to come.
const PATIENCE: Duration = Duration::from_secs(30);

/// A body of JSON. An empty one counts as `{}`.
pub(super) struct JsonBody<T>(pub(super) T);

impl<T: DeserializeOwned, S: Sync> FromRequest<S> for JsonBody<T> {
    type Rejection = Rejection;

    async fn from_request(request: Request, _: &S) -> Result<Self, Rejection> {
        if !is_type(request.headers(), &["application/json"]) {
            return Err(Rejection::media_type("application/json"));
        }
        let bytes = read(request.into_body(), LIMIT, "the JSON body").await?;
        let text: &[u8] = if bytes.trim_ascii().is_empty() { b"{}" } else { &bytes };
        serde_json::from_slice(text).map(Self).map_err(|error| Rejection::invalid(format!("the JSON body: {error}")))
    }
}

/// Reads a body whole, of up to `limit` bytes. `what` says what it is.
pub(crate) async fn read(body: Body, limit: usize, what: &str) -> Result<Bytes, Rejection> {
    match timeout(PATIENCE, Limited::new(body, limit).collect()).await {
        Ok(Ok(body)) => Ok(body.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(Rejection::too_large(what, limit as u64)),
        Ok(Err(error)) => Err(Rejection::invalid(format!("{what} broke off: {error}"))),
        Err(_) => Err(Rejection::too_slow(format!("{what} did not come in time"))),
    }
}

/// Whether a body is of one of these types, as far as it says.
pub(crate) fn is_type(headers: &HeaderMap, types: &[&str]) -> bool {
    headers.get(CONTENT_TYPE).is_none_or(|given| {
        let essence = given.to_str().unwrap_or_default().split(';').next().unwrap_or_default().trim();
        types.iter().any(|wanted| essence.eq_ignore_ascii_case(wanted))
    })
}
