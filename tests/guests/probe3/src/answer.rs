//! Making a response: at once from a text, or from a stream.

use wasip3::http::types::{ErrorCode, Fields, Response, Trailers};
use wasip3::wit_bindgen::rt::async_support::{FutureReader, StreamReader, StreamWriter};
use wasip3::{spawn_local, wit_future, wit_stream};

/// The `content-type` of a response.
pub(crate) enum Kind {
    Text,
    Json,
    Bytes,
    Other(Vec<u8>),
}

/// What follows a body.
pub(crate) type Ending = FutureReader<Result<Option<Trailers>, ErrorCode>>;

pub(crate) fn text(status: u16, text: &str) -> Response {
    whole(status, Kind::Text, text)
}

pub(crate) fn json(text: &str) -> Response {
    whole(200, Kind::Json, text)
}

fn whole(status: u16, kind: Kind, text: &str) -> Response {
    let (response, mut body) = start(status, kind, Some(text.len()));
    let bytes = text.as_bytes().to_vec();
    spawn_local(async move {
        // What a caller that went away did not take is left over.
        let _ = body.write_all(bytes).await;
    });
    response
}

/// A response whose body is what will be written.
pub(crate) fn start(status: u16, kind: Kind, length: Option<usize>) -> (Response, StreamWriter<u8>) {
    let (writer, body) = wit_stream::new();
    let (_, ending) = wit_future::new(|| Ok(None));
    (stream(status, kind, length, body, ending), writer)
}

/// A response whose body is a stream that exists already.
pub(crate) fn stream(
    status: u16,
    kind: Kind,
    length: Option<usize>,
    body: StreamReader<u8>,
    ending: Ending,
) -> Response {
    let kind = match kind {
        Kind::Text => b"text/plain".to_vec(),
        Kind::Json => b"application/json".to_vec(),
        Kind::Bytes => b"application/octet-stream".to_vec(),
        Kind::Other(kind) => kind,
    };
    let headers = Fields::new();
    headers.set("content-type", &[kind]).expect("content-type is allowed");
    if let Some(length) = length {
        headers.set("content-length", &[length.to_string().into_bytes()]).expect("content-length is allowed");
    }
    let (response, _sent) = Response::new(headers, Some(body), ending);
    response.set_status_code(status).expect("a valid status");
    response
}
