//! A WASI 0.3 HTTP service that calls functions of another service, which it knows by their contract alone. The path says
//! which: `/FUNCTION`, with the arguments after `?`, separated by commas.

use wasip3::http::types::{ErrorCode, Request, Response};

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
        Ok(text_answer3::of(text))
    }
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
