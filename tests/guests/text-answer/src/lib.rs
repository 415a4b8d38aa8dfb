//! A whole answer of a WASI 0.2 HTTP service, for guests that are about something else.

use wasip2::http::types::{Fields, OutgoingBody, OutgoingResponse, ResponseOutparam};

/// Answers with a status and a text.
///
/// # Panics
/// If the status is none that HTTP knows.
pub fn send(answer: ResponseOutparam, status: u16, text: &str) {
    let response = OutgoingResponse::new(Fields::new());
    response.set_status_code(status).expect("a status of HTTP");
    let body = response.body().expect("the body is taken once");
    ResponseOutparam::set(answer, Ok(response));
    let stream = body.write().expect("the stream is taken once");
    // A caller that went away is no failure of this service.
    let _ = stream.blocking_write_and_flush(text.as_bytes());
    drop(stream);
    let _ = OutgoingBody::finish(body, None);
}
