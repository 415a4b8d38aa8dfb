//! The admin API: whatever is asked for, in whatever order, it answers, by its own rules, and goes on.
//!
//! An input is up to eight requests, written as people would: a line `METHOD PATH`, an empty line, the body; a line `---`
//! between two. A component that can be deployed is there already: [`COMPONENT`].
#![no_main]

mod fakes;

use std::time::Duration;

use bytes::Bytes;
use http::{Request, StatusCode};
use libfuzzer_sys::fuzz_target;
use patchbay_gateway::DirectAdmin;
use serde_json::Value;
use tokio::time::timeout;

/// A component that holds nothing.
const COMPONENT: &[u8] = b"\0asm\x0d\0\x01\0";

fuzz_target!(|bytes: &[u8]| {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    runtime.expect("a runtime can be made").block_on(run(bytes));
});

async fn run(bytes: &[u8]) {
    let api = fakes::admin(COMPONENT).await;
    let mut rest = bytes;
    for _ in 0..8 {
        let (input, next) = split(rest, b"\n---\n");
        if let Some(request) = request(input) {
            check(&api, request).await;
        }
        if next.is_empty() {
            break;
        }
        rest = next;
    }
    let list = Request::get("/v1/services").body(Bytes::new()).expect("this is a request");
    assert_eq!(check(&api, list).await, StatusCode::OK);
}

/// What stands before and behind `mark`.
fn split<'a>(bytes: &'a [u8], mark: &[u8]) -> (&'a [u8], &'a [u8]) {
    match bytes.windows(mark.len()).position(|window| window == mark) {
        Some(at) => (&bytes[..at], &bytes[at + mark.len()..]),
        None => (bytes, &[]),
    }
}

fn request(input: &[u8]) -> Option<Request<Bytes>> {
    let (head, body) = split(input, b"\n\n");
    let (method, path) = std::str::from_utf8(head).ok()?.split_once(' ')?;
    Request::builder().method(method).uri(path).body(Bytes::copy_from_slice(body)).ok()
}

/// Asks, and looks at the answer.
async fn check(api: &DirectAdmin, request: Request<Bytes>) -> StatusCode {
    let asked = format!("{} {}", request.method(), request.uri());
    // Streams that follow something have no end; time passes as soon as nothing else happens.
    let Ok(reply) = timeout(Duration::from_secs(3600), api.answer(request)).await else {
        assert!(asked.contains("follow="), "{asked} has no end");
        return StatusCode::OK;
    };
    let (status, body) = (reply.status(), reply.body());
    assert!(status != StatusCode::INTERNAL_SERVER_ERROR, "{asked}: {body:?}");
    if status.is_client_error() || status.is_server_error() {
        // `/readyz` is no problem when the host is not ready; it says so.
        let problem: Value = serde_json::from_slice(body).unwrap_or_else(|error| panic!("{asked}: {error}: {body:?}"));
        assert!(problem["detail"].is_string() || asked.contains("/readyz"), "{asked}: {problem}");
    }
    status
}
