//! An HTTP service that makes spans of its own, with `wasi:otel/tracing`, well or badly. The path says what: `/WHAT`.

mod bad;
mod span;

use wasip2::http::outgoing_handler;
use wasip2::http::types::{Fields, IncomingRequest, OutgoingRequest, ResponseOutparam, Scheme};

#[allow(missing_docs, clippy::all, reason = "generated")]
mod bindings {
    wit_bindgen::generate!({
        world: "test:spans/traced",
        path: ["../../../wit/wasi-otel.wit", "../caller/wit", "wit"],
        generate_all,
    });
}

use bindings::test::typed::calc;
use bindings::wasi::otel::tracing::{self, Event, Link, SpanContext, SpanKind, Status};
use span::Span;

wasip2::http::proxy::export!(Service);

struct Service;

impl wasip2::exports::http::incoming_handler::Guest for Service {
    fn handle(request: IncomingRequest, answer: ResponseOutparam) {
        let target = request.path_with_query().unwrap_or_default();
        let what = target.rsplit('/').next().unwrap_or_default();
        let text = match what {
            "nested" => nested(),
            "contexts" => contexts(),
            "leak" => leak(),
            "fail" => fail(),
            what => bad::done(what),
        };
        text_answer::send(answer, 200, &text);
    }
}

/// A span with another one in it, a call of another service in each, and all that can be said of a span.
fn nested() -> String {
    let outer = Span::begin(0xa1, &tracing::outer_span_context());
    let inner = Span::begin(0xa2, &tracing::current_span_context());
    println!("in the inner span");
    let sum = calc::add(1, 2);
    let mut data = inner.data("look up");
    data.span_kind = SpanKind::Client;
    data.attributes = span::attributes(&[
        ("sku", "\"tea\""),
        ("cold", "true"),
        ("size", "12"),
        ("tags", "[\"a\",\"b\"]"),
        ("patchbay.caller", "\"operator\""),
    ]);
    data.events = vec![Event {
        name: "missed".to_owned(),
        time: span::now(),
        attributes: span::attributes(&[("cache", "\"warm\"")]),
    }];
    data.status = Status::Ok;
    tracing::on_end(&data);
    println!("in the outer span");
    let status = get("other.internal");
    let mut data = outer.data("work");
    data.status = Status::Error("it was too cold".to_owned());
    data.links = vec![Link { span_context: inner.context.clone(), attributes: span::attributes(&[("why", "1")]) }];
    tracing::on_end(&data);
    println!("in the span of the call");
    format!("{sum} {status}")
}

/// What the host tells of contexts, before, in and after a span.
fn contexts() -> String {
    let told = || format!("{} {}", shown(&tracing::outer_span_context()), shown(&tracing::current_span_context()));
    let before = told();
    let span = Span::begin(0xb1, &tracing::current_span_context());
    let within = told();
    tracing::on_end(&span.data("b"));
    [before, within, told()].join("\n")
}

fn shown(context: &SpanContext) -> String {
    let SpanContext { trace_id, span_id, trace_flags, is_remote, trace_state } = context;
    format!("{trace_id}-{span_id}-{:02x}-{is_remote}-{trace_state:?}", trace_flags.bits())
}

/// A span that is never ended, with a call in it.
fn leak() -> String {
    Span::begin(0xc1, &tracing::outer_span_context());
    calc::add(1, 2).to_string()
}

/// A span that failed, of which nobody else hears.
fn fail() -> String {
    let mut data = Span::begin(0xd1, &tracing::outer_span_context()).data("attempt");
    data.status = Status::Error("in vain".to_owned());
    data.attributes = span::attributes(&[("error.type", "\"timeout\"")]);
    tracing::on_end(&data);
    "done".to_owned()
}

/// The status of the answer to a request.
fn get(authority: &str) -> u16 {
    let request = OutgoingRequest::new(Fields::new());
    request.set_scheme(Some(&Scheme::Http)).expect("a scheme");
    request.set_authority(Some(authority)).expect("an authority");
    request.set_path_with_query(Some("/version")).expect("a path");
    let answer = outgoing_handler::handle(request, None).expect("it is sent");
    answer.subscribe().block();
    let answer = answer.get().expect("it is there").expect("it is taken once");
    answer.map_or(0, |answer| answer.status())
}
