//! Logging in and out.

use std::net::{IpAddr, Ipv4Addr};

use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Redirect, Response};
use http::header::{RETRY_AFTER, SET_COOKIE};
use http::{HeaderMap, HeaderValue, StatusCode, Uri};
use tokio::time::Instant;

use super::pages::{self, Refusal};
use super::{HOME, is_from_the_page, may_read};
use crate::admin::{AdminState, PeerAddress, Rejection, is_type, read};

/// Size of the form, in bytes: a token is much smaller.
const LIMIT: usize = 4 << 10;

/// Begins a session for whoever knows the token. A plain form sends it, so no script ever sees the token.
pub(super) async fn begin(State(state): State<AdminState>, request: Request) -> Result<Response, Rejection> {
    let (parts, body) = request.into_parts();
    if !may_read(&parts.headers) {
        return Err(Rejection::foreign());
    }
    if !is_type(&parts.headers, &["application/x-www-form-urlencoded"]) {
        return Err(Rejection::media_type("application/x-www-form-urlencoded"));
    }
    let address = parts.extensions.get::<PeerAddress>().map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |peer| peer.0);
    let form = read(body, LIMIT, "the form").await?;
    let dashboard = state.dashboard();
    let now = Instant::now();
    if let Err(wait) = dashboard.tries.take(address, now) {
        let mut reply = pages::refused(Refusal::TooMany);
        reply.headers_mut().insert(RETRY_AFTER, HeaderValue::from(wait.as_secs() + 1));
        return Ok(reply);
    }
    if !state.token().is(field(&form, b"token").unwrap_or_default().trim_ascii()) {
        tracing::warn!("somebody at {address} tried to open the dashboard with a wrong token");
        return Ok(pages::refused(Refusal::Wrong));
    }
    dashboard.tries.forgive(address);
    let cookie = dashboard.sessions.begin(now).and_then(|id| dashboard.cookie.set(&id));
    let cookie = cookie.ok_or_else(Rejection::no_randomness)?;
    tracing::info!("the dashboard was opened from {address}");
    Ok(([(SET_COOKIE, cookie)], Redirect::to(HOME)).into_response())
}

/// Ends the session of the request.
pub(super) async fn end(State(state): State<AdminState>, uri: Uri, headers: HeaderMap) -> Result<Response, Rejection> {
    if !is_from_the_page(&headers, &uri) {
        return Err(Rejection::foreign());
    }
    let dashboard = state.dashboard();
    if let Some(id) = dashboard.cookie.find(&headers) {
        dashboard.sessions.end(id);
    }
    let mut reply = Response::new(Body::empty());
    *reply.status_mut() = StatusCode::NO_CONTENT;
    if let Some(cookie) = dashboard.cookie.clear() {
        reply.headers_mut().insert(SET_COOKIE, cookie);
    }
    Ok(reply)
}

/// A field of a form. The characters of a token that a form writes as `%XX` are written so; all others are as they are.
fn field(form: &[u8], name: &[u8]) -> Option<Vec<u8>> {
    let pairs = form.split(|byte| *byte == b'&').filter_map(|pair| {
        let at = pair.iter().position(|byte| *byte == b'=')?;
        Some((pair.get(..at)?, pair.get(at + 1..)?))
    });
    pairs.into_iter().find(|(found, _)| *found == name).map(|(_, value)| decoded(value))
}

/// What `application/x-www-form-urlencoded` stands for (URL standard, 5.1).
fn decoded(value: &[u8]) -> Vec<u8> {
    let hex = |byte: &u8| char::from(*byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let mut text = Vec::with_capacity(value.len());
    let mut rest = value;
    while let Some((first, after)) = rest.split_first() {
        rest = after;
        let escaped = match (first, after) {
            (b'%', [high, low, after @ ..]) => hex(high).zip(hex(low)).map(|(high, low)| (16 * high + low, after)),
            _ => None,
        };
        match escaped {
            Some((byte, after)) => {
                text.push(byte);
                rest = after;
            }
            None => text.push(if *first == b'+' { b' ' } else { *first }),
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_are_read_as_browsers_write_them() {
        for (form, token) in [
            ("token=abc", Some("abc")),
            ("user=x&token=a%2Bb%2f%3D&more=", Some("a+b/=")),
            ("token=+a+", Some(" a ")),
            ("token=%4", Some("%4")),
            ("token=%zz%", Some("%zz%")),
            ("token=", Some("")),
            ("tokens=abc", None),
            ("token", None),
            ("", None),
        ] {
            assert_eq!(field(form.as_bytes(), b"token").as_deref(), token.map(str::as_bytes), "{form}");
        }
    }
}
