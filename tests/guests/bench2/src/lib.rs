//! The least that a WASI 0.2 HTTP service can do: what remains in a measurement is the host. POST is answered with the
//! body that it brings, which passes through this instance's memory; everything else with a greeting.

use std::io::{self, Write};

use wasip2::http::types::{Fields, IncomingRequest, Method, OutgoingBody, OutgoingResponse, ResponseOutparam};
use wasip2::io::streams::StreamError;

wasip2::http::proxy::export!(Service);

const BODY: &[u8] = b"Hello, world!";

/// What is read at a time, at most, in bytes.
const PIECE: u64 = 64 << 10;

struct Service;

impl wasip2::exports::http::incoming_handler::Guest for Service {
    fn handle(request: IncomingRequest, answer: ResponseOutparam) {
        // A caller that went away is no failure of this service.
        let _ = if matches!(request.method(), Method::Post) { echo(&request, answer) } else { greet(answer) };
    }
}

fn greet(answer: ResponseOutparam) -> io::Result<()> {
    let headers = Fields::new();
    headers.set("content-type", &[b"text/plain".to_vec()]).expect("content-type is allowed");
    headers.set("content-length", &[BODY.len().to_string().into_bytes()]).expect("content-length is allowed");
    let body = start(headers, answer);
    let stream = body.write().expect("the stream is taken once");
    stream.blocking_write_and_flush(BODY).map_err(|_| gone())?;
    drop(stream);
    OutgoingBody::finish(body, None).map_err(|_| gone())
}

fn echo(request: &IncomingRequest, answer: ResponseOutparam) -> io::Result<()> {
    let headers = Fields::new();
    let length = request.headers().get("content-length");
    headers.set("content-length", &length).expect("content-length is allowed");
    let body = start(headers, answer);
    let mut output = body.write().expect("the stream is taken once");
    let incoming = request.consume().expect("the body is taken once");
    let input = incoming.stream().expect("the stream is taken once");
    loop {
        match input.blocking_read(PIECE) {
            Ok(piece) => output.write_all(&piece)?,
            Err(StreamError::Closed) => break,
            Err(StreamError::LastOperationFailed(_)) => return Err(gone()),
        }
    }
    Write::flush(&mut output)?;
    drop(output);
    OutgoingBody::finish(body, None).map_err(|_| gone())
}

fn gone() -> io::Error {
    io::ErrorKind::BrokenPipe.into()
}

/// Sends the head of the answer.
fn start(headers: Fields, answer: ResponseOutparam) -> OutgoingBody {
    let response = OutgoingResponse::new(headers);
    let body = response.body().expect("the body is taken once");
    ResponseOutparam::set(answer, Ok(response));
    body
}
