//! The least that a WASI 0.2 HTTP service can do: what remains in a measurement is the host.

use wasip2::http::types::{Fields, IncomingRequest, OutgoingBody, OutgoingResponse, ResponseOutparam};

wasip2::http::proxy::export!(Service);

const BODY: &[u8] = b"Hello, world!";

struct Service;

impl wasip2::exports::http::incoming_handler::Guest for Service {
    fn handle(_request: IncomingRequest, answer: ResponseOutparam) {
        let headers = Fields::new();
        headers.set("content-type", &[b"text/plain".to_vec()]).expect("content-type is allowed");
        headers.set("content-length", &[BODY.len().to_string().into_bytes()]).expect("content-length is allowed");
        let response = OutgoingResponse::new(headers);
        let body = response.body().expect("the body is taken once");
        ResponseOutparam::set(answer, Ok(response));
        let stream = body.write().expect("the stream is taken once");
        // A caller that went away is no failure of this service.
        let _ = stream.blocking_write_and_flush(BODY);
        drop(stream);
        let _ = OutgoingBody::finish(body, None);
    }
}
