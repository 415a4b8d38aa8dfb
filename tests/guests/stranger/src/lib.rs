//! An HTTP service that also wants a weather forecast. No host offers one: it must refuse this component and name the
//! import `acme:weather/forecast@1.0.0`.

use wasip2::http::types::{IncomingRequest, ResponseOutparam};

#[allow(missing_docs, clippy::all, reason = "generated")]
mod bindings {
    wit_bindgen::generate!({ world: "stranger", path: "wit", generate_all });
}

wasip2::http::proxy::export!(Service);

struct Service;

impl wasip2::exports::http::incoming_handler::Guest for Service {
    fn handle(_request: IncomingRequest, answer: ResponseOutparam) {
        let text = bindings::acme::weather::forecast::today("Berlin").unwrap_or_else(|error| error);
        text_answer::send(answer, 200, &text);
    }
}
