//! An HTTP service that also wants a weather forecast. No host offers one: it must refuse this component and name the
//! import `acme:weather/forecast@1.0.0`.

use wasip2::http::types::{Fields, IncomingRequest, OutgoingBody, OutgoingResponse, ResponseOutparam};

#[allow(missing_docs, clippy::all, reason = "generated")]
mod bindings {
    wit_bindgen::generate!({ world: "stranger", path: "wit", generate_all });
}

wasip2::http::proxy::export!(Service);

struct Service;

impl wasip2::exports::http::incoming_handler::Guest for Service {
    fn handle(_request: IncomingRequest, answer: ResponseOutparam) {
        let text = bindings::acme::weather::forecast::today("Berlin").unwrap_or_else(|error| error);
        let response = OutgoingResponse::new(Fields::new());
        let body = response.body().expect("the body is taken once");
        ResponseOutparam::set(answer, Ok(response));
        let stream = body.write().expect("the stream is taken once");
        // A caller that went away is no failure of this service.
        let _ = stream.blocking_write_and_flush(text.as_bytes());
        drop(stream);
        let _ = OutgoingBody::finish(body, None);
    }
}
