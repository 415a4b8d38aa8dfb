//! A WASI 0.3 HTTP service that makes a span of its own for each request, and works on several at a time: `/ID`, the number of
//! the span. It waits for a second request before it goes on, so that both spans are under way at once.

use std::cell::Cell;
use std::time::{SystemTime, UNIX_EPOCH};

use wasip3::clocks::monotonic_clock::wait_for;
use wasip3::http::types::{ErrorCode, Request, Response};

#[allow(missing_docs, clippy::all, reason = "generated")]
mod bindings {
    wit_bindgen::generate!({
        world: "test:spans/traced3",
        path: ["../../../wit/wasi-otel.wit", "../callee3/wit", "wit"],
        generate_all,
    });
}

use bindings::test::typed::calc;
use bindings::wasi::otel::tracing::{self, Datetime, SpanContext, SpanData, SpanKind, Status};
use bindings::wasi::otel::types::InstrumentationScope;

wasip3::http::service::export!(Service);

struct Service;

/// Milliseconds to wait for another request.
const PATIENCE: u32 = 2_000;

thread_local! {
    /// Requests that this instance is at work on.
    static HERE: Cell<u32> = const { Cell::new(0) };
    /// Whether two of them met.
    static MET: Cell<bool> = const { Cell::new(false) };
}

impl wasip3::exports::http::handler::Guest for Service {
    async fn handle(request: Request) -> Result<Response, ErrorCode> {
        let target = request.get_path_with_query().unwrap_or_default();
        let id: u64 = target.rsplit('/').next().and_then(|id| id.parse().ok()).unwrap_or(1);
        Ok(text_answer3::of(traced(id).await))
    }
}

/// Calls another service in a span of this number. Whether there was another request meanwhile, and the current span.
async fn traced(id: u64) -> String {
    let parent = tracing::outer_span_context();
    let context = SpanContext { span_id: format!("{id:016x}"), is_remote: false, ..parent.clone() };
    let start_time = now();
    tracing::on_start(&context);
    let together = meet().await;
    calc::add(1, 2).await;
    let current = tracing::current_span_context().span_id;
    tracing::on_end(&SpanData {
        span_context: context,
        parent_span_id: parent.span_id,
        span_kind: SpanKind::Internal,
        name: "met".to_owned(),
        start_time,
        end_time: now(),
        attributes: Vec::new(),
        events: Vec::new(),
        links: Vec::new(),
        status: Status::Unset,
        instrumentation_scope: InstrumentationScope {
            name: "traced3".to_owned(),
            version: None,
            schema_url: None,
            attributes: Vec::new(),
        },
        dropped_attributes: 0,
        dropped_events: 0,
        dropped_links: 0,
    });
    HERE.set(HERE.get() - 1);
    if HERE.get() == 0 {
        MET.set(false);
    }
    format!("{together} {current}")
}

/// Waits until there is another request, for a while.
async fn meet() -> bool {
    HERE.set(HERE.get() + 1);
    for _ in 0..PATIENCE {
        if HERE.get() > 1 {
            MET.set(true);
        }
        if MET.get() {
            return true;
        }
        wait_for(1_000_000).await;
    }
    false
}

fn now() -> Datetime {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Datetime { seconds: since.as_secs(), nanoseconds: since.subsec_nanos() }
}
