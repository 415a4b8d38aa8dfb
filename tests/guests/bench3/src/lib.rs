//! The least that a WASI 0.3 HTTP service can do: what remains in a measurement is the host. POST is answered with the
//! body that it brings, which passes through this instance's memory; everything else with a greeting.

use wasip3::http::types::{ErrorCode, Fields, Method, Request, Response};
use wasip3::wit_bindgen::rt::async_support::{StreamReader, StreamResult, StreamWriter};
use wasip3::{spawn_local, wit_future, wit_stream};

wasip3::http::service::export!(Service);

const BODY: &[u8] = b"Hello, world!";

/// What is read at a time, at most, in bytes.
const PIECE: usize = 64 << 10;

struct Service;

impl wasip3::exports::http::handler::Guest for Service {
    async fn handle(request: Request) -> Result<Response, ErrorCode> {
        Ok(if matches!(request.get_method(), Method::Post) { echo(request) } else { greet() })
    }
}

fn greet() -> Response {
    let headers = Fields::new();
    headers.set("content-type", &[b"text/plain".to_vec()]).expect("content-type is allowed");
    headers.set("content-length", &[BODY.len().to_string().into_bytes()]).expect("content-length is allowed");
    let (mut writer, body) = wit_stream::new();
    // Without a written value the future yields its default: no trailers.
    let (_, trailers) = wit_future::new(|| Ok(None));
    let (response, _sent) = Response::new(headers, Some(body), trailers);
    spawn_local(async move {
        // What a caller that went away did not take is left over.
        let _ = writer.write_all(BODY.to_vec()).await;
    });
    response
}

fn echo(request: Request) -> Response {
    let headers = Fields::new();
    let length = request.get_headers().get("content-length");
    headers.set("content-length", &length).expect("content-length is allowed");
    let (_, received) = wit_future::new(|| Ok(()));
    let (input, trailers) = Request::consume_body(request, received);
    let (output, body) = wit_stream::new();
    spawn_local(copy(input, output));
    Response::new(headers, Some(body), trailers).0
}

/// Passes on what arrives, until nothing more arrives or nobody takes it any more.
async fn copy(mut input: StreamReader<u8>, mut output: StreamWriter<u8>) {
    let mut piece = Vec::with_capacity(PIECE);
    loop {
        let (result, mut read) = input.read(piece).await;
        if !read.is_empty() {
            read = output.write_all(read).await;
            if !read.is_empty() {
                return;
            }
        }
        if !matches!(result, StreamResult::Complete(_)) {
            return;
        }
        piece = read;
    }
}
