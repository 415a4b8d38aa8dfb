//! An HTTP service that times calls of another service, which it knows by their contract alone: `/KIND?calls=N&size=S`
//! makes `N` calls with values of that kind, of `S` elements where it has any, and answers with the nanoseconds that
//! they took together.

use std::hint::black_box;
use std::time::Instant;

use wasip2::http::types::{IncomingRequest, ResponseOutparam};

#[allow(missing_docs, clippy::all, reason = "generated")]
mod bindings {
    wit_bindgen::generate!({ world: "bench-caller", path: "wit" });
}

use bindings::bench::calls::values::{self, Order};

wasip2::http::proxy::export!(Service);

struct Service;

impl wasip2::exports::http::incoming_handler::Guest for Service {
    fn handle(request: IncomingRequest, answer: ResponseOutparam) {
        let target = request.path_with_query().unwrap_or_default();
        let (path, query) = target.split_once('?').unwrap_or((target.as_str(), ""));
        let number = |key: &str| {
            let pairs = query.split('&').filter_map(|pair| pair.split_once('='));
            pairs.filter(|(name, _)| *name == key).find_map(|(_, value)| value.parse().ok()).unwrap_or_default()
        };
        let nanos = time(path.rsplit('/').next().unwrap_or_default(), number("calls"), number("size"));
        let status = if nanos.is_some() { 200 } else { 404 };
        text_answer::send(answer, status, &nanos.unwrap_or_default().to_string());
    }
}

/// The nanoseconds of all calls together; `None` if there are no values of this kind.
fn time(kind: &str, calls: usize, size: usize) -> Option<u128> {
    let size_u32 = u32::try_from(size).ok()?;
    match kind {
        "number" => Some(repeat(calls, || values::number(black_box(1)) == 2)),
        "order" => {
            let order = order(size);
            Some(repeat(calls, || values::one_order(black_box(&order)).is_ok_and(|got| got.qty == order.qty)))
        }
        "strings" => {
            let strings = vec!["sixteen letters.".to_owned(); size];
            Some(repeat(calls, || values::strings(black_box(&strings)) == size_u32))
        }
        "orders" => {
            let orders: Vec<_> = (0..size).map(|_| order(TAGS.len())).collect();
            Some(repeat(calls, || values::orders(black_box(&orders)) == size_u32))
        }
        "bytes" => {
            let bytes = vec![7; size];
            Some(repeat(calls, || values::bytes(black_box(&bytes)) == size_u32))
        }
        _ => None,
    }
}

/// What an order can be tagged with.
const TAGS: [&str; 4] = ["loose", "green", "organic", "first flush"];

/// An order with so many tags, each of which is a string, as the article is.
fn order(n_tags: usize) -> Order {
    let tags = TAGS.iter().take(n_tags).map(|tag| (*tag).to_owned()).collect();
    Order { id: 7, sku: "tea".to_owned(), qty: 2, price: 4.5, tags }
}

/// How long it takes to do something so often. A call with a wrong result is a failure of the measurement.
fn repeat(calls: usize, mut call: impl FnMut() -> bool) -> u128 {
    let begun = Instant::now();
    for _ in 0..calls {
        assert!(call(), "a call returned something else");
    }
    begun.elapsed().as_nanos()
}
