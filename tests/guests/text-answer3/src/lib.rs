//! A whole answer of a WASI 0.3 HTTP service, for guests that are about something else.

use wasip3::http::types::{Fields, Response};
use wasip3::{spawn_local, wit_future, wit_stream};

/// An answer with a text, with the status 200.
pub fn of(text: String) -> Response {
    let (mut writer, body) = wit_stream::new();
    // Without a written value the future yields its default: no trailers.
    let (_, trailers) = wit_future::new(|| Ok(None));
    let (response, _sent) = Response::new(Fields::new(), Some(body), trailers);
    spawn_local(async move {
        // What a caller that went away did not take is left over.
        let _ = writer.write_all(text.into_bytes()).await;
    });
    response
}
