//! An HTTP service that calls functions of another service, which it knows by their contract alone. The path says which:
//! `/FUNCTION`, with the arguments after `?`, separated by commas.

use wasip2::http::types::{IncomingRequest, ResponseOutparam};

#[allow(missing_docs, clippy::all, reason = "generated")]
mod bindings {
    wit_bindgen::generate!({ world: "caller", path: "wit" });
}

use bindings::test::typed::calc::{self, Order, Row};

wasip2::http::proxy::export!(Service);

struct Service;

impl wasip2::exports::http::incoming_handler::Guest for Service {
    fn handle(request: IncomingRequest, answer: ResponseOutparam) {
        let target = request.path_with_query().unwrap_or_default();
        let (path, query) = target.split_once('?').unwrap_or((target.as_str(), ""));
        let text = call(path.rsplit('/').next().unwrap_or_default(), &query.split(',').collect::<Vec<_>>());
        text_answer::send(answer, 200, &text);
    }
}

fn call(function: &str, arguments: &[&str]) -> String {
    let number = |index: usize| arguments.get(index).and_then(|text| text.parse().ok()).unwrap_or_default();
    let text = |index: usize| arguments.get(index).copied().unwrap_or_default().to_owned();
    match function {
        "add" => calc::add(number(0), number(1)).to_string(),
        "reserve" => {
            let order = Order { sku: text(0), qty: number(1), tags: vec![text(2)], note: Some(text(3)) };
            format!("{:?}", calc::reserve(&order))
        }
        "echo" => {
            let bytes = vec![7; number(0) as usize];
            format!("{} {}", bytes.len(), calc::echo(&bytes) == bytes)
        }
        "widen" => {
            let row = Row {
                a: 255,
                b: -2,
                c: 3,
                d: u64::MAX,
                e: 1.5,
                f: -2.5,
                g: true,
                h: 'é',
                name: "wide".to_owned(),
                tags: vec!["x".to_owned(), String::new()],
                note: Some("kept".to_owned()),
                pair: (7, 8),
                last: 41,
            };
            format!("{:?}", calc::widen(&row))
        }
        "count" => calc::count().to_string(),
        "break-off" => {
            calc::break_off();
            "it did not".to_owned()
        }
        "spin" => {
            calc::spin();
            "it ended".to_owned()
        }
        "try-break-off" => format!("{:?}", calc::try_break_off()),
        "try-spin" => format!("{:?}", calc::try_spin()),
        "read-break-off" => format!("{:?}", calc::read_break_off()),
        "say" => {
            calc::say(&text(0));
            "said".to_owned()
        }
        _ => "up".to_owned(),
    }
}
