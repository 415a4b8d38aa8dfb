//! A WASI 0.3 HTTP service that calls `async` functions of other services, which it knows by their contract alone, and that
//! exports the same functions itself. The path says which to call: `/FUNCTION`, with the arguments after `?`, separated by
//! commas.

mod calls;
mod exported;

use std::cell::Cell;

use wasip3::http::types::{ErrorCode, Fields, Request, Response};
use wasip3::{spawn_local, wit_future, wit_stream};

#[allow(missing_docs, clippy::all, reason = "generated")]
mod bindings {
    wit_bindgen::generate!({ world: "relay", path: "wit" });
}

use exported::Relay;

wasip3::http::service::export!(Relay);
bindings::export!(Relay with_types_in bindings);

thread_local! {
    /// Requests that this instance is at work on.
    static REQUESTS: Cell<u32> = const { Cell::new(0) };
}

impl wasip3::exports::http::handler::Guest for Relay {
    async fn handle(request: Request) -> Result<Response, ErrorCode> {
        let target = request.get_path_with_query().unwrap_or_default();
        let (path, query) = target.split_once('?').unwrap_or((target.as_str(), ""));
        let function = path.rsplit('/').next().unwrap_or_default();
        REQUESTS.set(REQUESTS.get() + 1);
        let before = REQUESTS.get();
        let text = calls::call(function, &query.split(',').collect::<Vec<_>>()).await;
        REQUESTS.set(REQUESTS.get() - 1);
        Ok(answer(if function == "fetch" { format!("{before}: {text}") } else { text }))
    }
}

fn answer(text: String) -> Response {
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
