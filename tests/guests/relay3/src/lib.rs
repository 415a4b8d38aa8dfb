//! A WASI 0.3 HTTP service that calls `async` functions of other services, which it knows by their contract alone, and that
//! exports the same functions itself. The path says which to call: `/FUNCTION`, with the arguments after `?`, separated by
//! commas.

mod calls;
mod exported;

use std::cell::Cell;

use wasip3::http::types::{ErrorCode, Request, Response};

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
        Ok(text_answer3::of(if function == "fetch" { format!("{before}: {text}") } else { text }))
    }
}
