//! Greets and echoes, as streams: a WASI 0.3 HTTP component.
//!
//! In WASI 0.3 `handle` is an async function. It returns the response as soon as its head is known; the body is a
//! stream, written by a task that goes on after the return. One instance serves many requests at once.

mod config;
mod plan;

use std::time::Duration;

use plan::Plan;
use wasip3::clocks::monotonic_clock;
use wasip3::http::types::{ErrorCode, Fields, Method, Request, Response};
use wasip3::wit_bindgen::rt::async_support::StreamWriter;
use wasip3::{spawn_local, wit_future, wit_stream};

wasip3::http::service::export!(Hello);

struct Hello;

const TEXT: &str = "text/plain; charset=utf-8";

impl wasip3::exports::http::handler::Guest for Hello {
    async fn handle(request: Request) -> Result<Response, ErrorCode> {
        let path = request.get_path_with_query().unwrap_or_default();
        Ok(match Plan::new(name(&request.get_method()), &path) {
            Plan::Greet { count, interval } => {
                let (response, body) = respond(200, &[("content-type", TEXT)]);
                spawn_local(greet(body, config::greeting(), count, interval));
                response
            }
            Plan::Echo => echo(request),
            Plan::Refuse { status, allow, detail } => refuse(status, allow, &detail),
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
        set(&headers, "content-type", kind);
    }
    let (_, received) = wit_future::new(|| Ok(()));
    let (body, trailers) = Request::consume_body(request, received);
    Response::new(headers, Some(body), trailers).0
}

fn refuse(status: u16, allow: Option<&str>, detail: &str) -> Response {
    let problem = serde_json::json!({ "status": status, "detail": detail }).to_string();
    let kind = ("content-type", "application/problem+json");
    let headers: Vec<_> = [kind].into_iter().chain(allow.map(|methods| ("allow", methods))).collect();
    let (response, mut body) = respond(status, &headers);
    spawn_local(async move {
        // What a caller that went away did not take is left over.
        let _ = body.write_all(problem.into_bytes()).await;
    });
    response
}

/// A response, and the place where its body is written.
fn respond(status: u16, fields: &[(&str, &str)]) -> (Response, StreamWriter<u8>) {
    let headers = Fields::new();
    for (name, value) in fields {
        set(&headers, name, value.as_bytes().to_vec());
    }
    let (writer, body) = wit_stream::new();
    // A future that is never written to yields its default: no trailers.
    let (_, trailers) = wit_future::new(|| Ok(None));
    let (response, _sent) = Response::new(headers, Some(body), trailers);
    response.set_status_code(status).expect("the service sets valid statuses");
    (response, writer)
}

fn set(headers: &Fields, name: &str, value: Vec<u8>) {
    headers.set(name, &[value]).expect("the service sets no forbidden header");
}
