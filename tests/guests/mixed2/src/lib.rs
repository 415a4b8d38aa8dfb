//! A service that handles requests with WASI 0.2, exports a function that is `async`, and waits for WASI 0.3 in it. Each of
//! its instances works on one call at a time.

use std::sync::atomic::{AtomicU32, Ordering};

use wasip2::http::types::{IncomingRequest, ResponseOutparam};
use wasip3::clocks::monotonic_clock;

#[allow(missing_docs, clippy::all, reason = "generated")]
mod bindings {
    wit_bindgen::generate!({ world: "mixed", path: "wit" });
}

wasip2::http::proxy::export!(Mixed);
bindings::export!(Mixed with_types_in bindings);

struct Mixed;

static CALLS: AtomicU32 = AtomicU32::new(0);

impl wasip2::exports::http::incoming_handler::Guest for Mixed {
    fn handle(_request: IncomingRequest, answer: ResponseOutparam) {
        text_answer::send(answer, 200, &(CALLS.fetch_add(1, Ordering::Relaxed) + 1).to_string());
    }
}

impl bindings::exports::test::mixed::patience::Guest for Mixed {
    async fn wait(ms: u64) -> u32 {
        let number = CALLS.fetch_add(1, Ordering::Relaxed) + 1;
        monotonic_clock::wait_for(ms.saturating_mul(1_000_000)).await;
        number
    }
}
