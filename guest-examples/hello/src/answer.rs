//! Answers of the service.

use serde_json::Value;
use wasip3::http::types::{Fields, Response};
use wasip3::wit_bindgen::rt::async_support::StreamWriter;
use wasip3::{spawn_local, wit_future, wit_stream};

use crate::problem::Problem;

/// A value, as JSON.
pub(crate) fn json(value: &Value) -> Response {
    whole(200, &[("content-type", "application/json")], value.to_string())
}

/// What is wrong.
pub(crate) fn problem(problem: &Problem) -> Response {
    let kind = ("content-type", "application/problem+json");
    let headers: Vec<_> = [kind].into_iter().chain(problem.header).collect();
    whole(problem.status, &headers, problem.json())
}

fn whole(status: u16, fields: &[(&str, &str)], text: String) -> Response {
    let (response, mut body) = begin(status, fields);
    spawn_local(async move {
        // What a caller that went away did not take is left over.
        let _ = body.write_all(text.into_bytes()).await;
    });
    response
}

/// A response, and the place where its body is written.
pub(crate) fn begin(status: u16, fields: &[(&str, &str)]) -> (Response, StreamWriter<u8>) {
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

/// Sets a header.
pub(crate) fn set(headers: &Fields, name: &str, value: Vec<u8>) {
    headers.set(name, &[value]).expect("the service sets no forbidden header");
}
