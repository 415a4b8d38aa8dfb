//! The least that a WASI 0.3 HTTP service can do: what remains in a measurement is the host.

use wasip3::http::types::{ErrorCode, Fields, Request, Response};
use wasip3::{spawn_local, wit_future, wit_stream};

wasip3::http::service::export!(Service);

const BODY: &[u8] = b"Hello, world!";

struct Service;

impl wasip3::exports::http::handler::Guest for Service {
    async fn handle(_request: Request) -> Result<Response, ErrorCode> {
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
        Ok(response)
    }
}
