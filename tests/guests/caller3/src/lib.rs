//! A WASI 0.3 HTTP service that calls functions of another service, which it knows by their contract alone. The path says
//! which: `/FUNCTION`, with the arguments after `?`, separated by commas.

use wasip3::http::types::{ErrorCode, Fields, Request, Response};
use wasip3::{spawn_local, wit_future, wit_stream};

#[allow(missing_docs, clippy::all, reason = "generated")]
mod bindings {
    wit_bindgen::generate!({ world: "caller", path: "wit" });
}

use bindings::test::typed::calc;

wasip3::http::service::export!(Service);

struct Service;

impl wasip3::exports::http::handler::Guest for Service {
    async fn handle(request: Request) -> Result<Response, ErrorCode> {
        let target = request.get_path_with_query().unwrap_or_default();
        let (path, query) = target.split_once('?').unwrap_or((target.as_str(), ""));
        let text = call(path.rsplit('/').next().unwrap_or_default(), &query.split(',').collect::<Vec<_>>());
        Ok(answer(text))
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

fn call(function: &str, arguments: &[&str]) -> String {
    let number = |index: usize| arguments.get(index).and_then(|text| text.parse().ok()).unwrap_or_default();
    match function {
        "add" => calc::add(number(0), number(1)).to_string(),
        "echo" => {
            let bytes = vec![7; number(0) as usize];
            format!("{} {}", bytes.len(), calc::echo(&bytes) == bytes)
        }
        "try-break-off" => format!("{:?}", calc::try_break_off()),
        "try-spin" => format!("{:?}", calc::try_spin()),
        "break-off" => {
            calc::break_off();
            "it did not".to_owned()
        }
        _ => "up".to_owned(),
    }
}
