//! Trace contexts: whatever the header fields are, what is handed on of them is valid, and is the same when it is read again.
//!
//! An input is lines: the first is `traceparent`, all others are fields of `tracestate`.
#![no_main]

use http::HeaderMap;
use http::header::HeaderValue;
use libfuzzer_sys::fuzz_target;
use patchbay_model::trace::{PARENT_LENGTH, SpanContext, TRACEPARENT, TRACESTATE};

fuzz_target!(|bytes: &[u8]| {
    let mut headers = HeaderMap::new();
    for (index, line) in bytes.split(|byte| *byte == b'\n').enumerate() {
        let Ok(value) = HeaderValue::from_bytes(line) else { continue };
        headers.append(if index == 0 { TRACEPARENT } else { TRACESTATE }, value);
    }
    let Some(context) = SpanContext::of_headers(&headers) else { return };
    assert!(context.trace.number() != 0 && context.span.number() != 0 && context.flags.bits() < 4);
    let mut written = HeaderMap::new();
    context.write(&mut written);
    assert_eq!(written[TRACEPARENT].len(), PARENT_LENGTH);
    if let Some(state) = &context.state {
        assert!(!state.is_empty() && state.len() <= 2048 && state.split(',').count() <= 32, "{state}");
        assert_eq!(written[TRACESTATE].as_bytes(), state.as_bytes());
    }
    assert_eq!(SpanContext::of_headers(&written), Some(context));
});
