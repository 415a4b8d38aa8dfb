//! Greets and echoes, as streams, and finds and asks other services: a WASI 0.3 HTTP component.
//!
//! In WASI 0.3 `handle` is an async function. It returns the response as soon as its head is known; the body is a
//! stream, written by a task that goes on after the return. One instance serves many requests at once.

mod answer;
mod ask;
mod bindings;
mod config;
mod discovery;
mod identity;
mod plan;
mod problem;
mod query;

use std::time::Duration;

use plan::Plan;
use wasip3::clocks::monotonic_clock;
use wasip3::http::types::{ErrorCode, Fields, Method, Request, Response};
use wasip3::wit_bindgen::rt::async_support::StreamWriter;
use wasip3::{spawn_local, wit_future};

wasip3::http::service::export!(Hello);

struct Hello;

const TEXT: &str = "text/plain; charset=utf-8";

impl wasip3::exports::http::handler::Guest for Hello {
    async fn handle(request: Request) -> Result<Response, ErrorCode> {
        let path = request.get_path_with_query().unwrap_or_default();
        Ok(match Plan::new(name(&request.get_method()), &path) {
            Plan::Greet { count, interval } => {
                let (response, body) = answer::begin(200, &[("content-type", TEXT)]);
                spawn_local(greet(body, config::greeting(), count, interval));
                response
            }
            Plan::Echo => echo(request),
            Plan::Services { exporting } => answer::json(&discovery::exporting(&exporting)),
            // The response of the other service becomes that of this one, and no byte of its body enters this instance.
            Plan::Ask { service, path } => {
                ask::ask(&service, &path).await.unwrap_or_else(|problem| answer::problem(&problem))
            }
            Plan::WhoAmI => answer::json(&identity::whoami()),
            Plan::Refuse(problem) => answer::problem(&problem),
        })
    }
}

fn name(method: &Method) -> &str {
    match method {
        Method::Get => "GET",
        Method::Head => "HEAD",
        Method::Post => "POST",
        _ => "",
    }
}

/// Writes the lines, one by one. Stops when nobody reads them any more.
async fn greet(mut body: StreamWriter<u8>, greeting: String, count: u32, interval: Duration) {
    let pause = interval.as_millis() as u64 * 1_000_000;
    for line in 0..count {
        if line > 0 && pause > 0 {
            monotonic_clock::wait_for(pause).await;
        }
        let unread = body.write_all(format!("{greeting}\n").into_bytes()).await;
        if !unread.is_empty() {
            return;
        }
    }
}

/// The request's body becomes the response's. The host joins the two streams: no byte enters this instance.
fn echo(request: Request) -> Response {
    let headers = Fields::new();
    if let Some(kind) = request.get_headers().get("content-type").into_iter().next() {
        answer::set(&headers, "content-type", kind);
    }
    let (_, received) = wit_future::new(|| Ok(()));
    let (body, trailers) = Request::consume_body(request, received);
    Response::new(headers, Some(body), trailers).0
}
