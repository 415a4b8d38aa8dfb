//! Answering a request: at once with a text, or as a stream.

use std::io;

use wasip2::http::types::{Fields, OutgoingBody, OutgoingResponse, ResponseOutparam};
use wasip2::io::streams::{InputStream, OutputStream, StreamError};

/// The right to answer, once.
pub(crate) struct Answer(pub(crate) ResponseOutparam);

/// The `content-type` of an answer.
pub(crate) enum Kind {
    Text,
    Json,
    Bytes,
    Other(Vec<u8>),
}

impl Answer {
    pub(crate) fn text(self, status: u16, text: &str) {
        self.whole(status, Kind::Text, text);
    }

    pub(crate) fn json(self, text: &str) {
        self.whole(200, Kind::Json, text);
    }

    fn whole(self, status: u16, kind: Kind, text: &str) {
        let mut body = self.start(status, kind, Some(text.len()));
        if body.write(text.as_bytes()).is_ok() {
            body.finish();
        }
    }

    /// Sends status and headers; the body follows.
    pub(crate) fn start(self, status: u16, kind: Kind, length: Option<usize>) -> Body {
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
        let response = OutgoingResponse::new(headers);
        response.set_status_code(status).expect("a valid status");
        let body = response.body().expect("the body is taken once");
        ResponseOutparam::set(self.0, Ok(response));
        Body::of(body)
    }
}

/// A body that is being sent. Dropped without `finish`, it tells the host that it is incomplete.
pub(crate) struct Body {
    // Before `body`: the host wants the child gone before its parent.
    pub(crate) stream: OutputStream,
    body: OutgoingBody,
}

impl Body {
    /// A body that is sent as `body`.
    pub(crate) fn of(body: OutgoingBody) -> Self {
        Self { stream: body.write().expect("the stream is taken once"), body }
    }

    /// Sends bytes on their way. Fails when the caller went away.
    pub(crate) fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        io::Write::write_all(&mut self.stream, bytes)?;
        io::Write::flush(&mut self.stream)
    }

    /// Passes on what arrives, as it arrives, to the end of the incoming stream.
    pub(crate) fn forward(&mut self, incoming: &InputStream) -> io::Result<()> {
        const AT_MOST: u64 = 64 * 1024;
        loop {
            match incoming.blocking_read(AT_MOST) {
                Ok(bytes) => self.write(&bytes)?,
                Err(StreamError::Closed) => return Ok(()),
                Err(StreamError::LastOperationFailed(error)) => {
                    return Err(io::Error::other(error.to_debug_string()));
                }
            }
        }
    }

    pub(crate) fn finish(self) {
        let Self { stream, body } = self;
        drop(stream);
        // A caller that went away is no failure of the probe.
        let _ = OutgoingBody::finish(body, None);
    }
}
