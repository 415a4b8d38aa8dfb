//! An HTTP service of WASI 0.3 that times calls of `async` functions of another service, which it knows by their contract
//! alone: `/KIND?calls=N&size=S` makes `N` calls, one after the other, with values of that kind, of `S` elements where it has
//! any, and answers with the nanoseconds that they took together. Other requests may have their calls meanwhile.

use std::hint::black_box;
use std::time::Instant;

use wasip3::http::types::{ErrorCode, Request, Response};

#[allow(missing_docs, clippy::all, reason = "generated")]
mod bindings {
    wit_bindgen::generate!({ world: "bench-caller", path: "wit" });
}

use bindings::bench::waiting::values::{self, Order};

wasip3::http::service::export!(Service);

struct Service;

impl wasip3::exports::http::handler::Guest for Service {
    async fn handle(request: Request) -> Result<Response, ErrorCode> {
        let target = request.get_path_with_query().unwrap_or_default();
        let (path, query) = target.split_once('?').unwrap_or((target.as_str(), ""));
        let number = |key: &str| {
            let pairs = query.split('&').filter_map(|pair| pair.split_once('='));
            pairs.filter(|(name, _)| *name == key).find_map(|(_, value)| value.parse().ok()).unwrap_or_default()
        };
        let nanos = time(path.rsplit('/').next().unwrap_or_default(), number("calls"), number("size")).await;
        Ok(text_answer3::of(nanos.map_or_else(|| "there is no such kind".to_owned(), |nanos| nanos.to_string())))
    }
}

/// The nanoseconds of all calls together; `None` if there are no values of this kind. What is handed over is a copy each
/// time, which the bindings want.
async fn time(kind: &str, calls: usize, size: usize) -> Option<u128> {
    let size_u32 = u32::try_from(size).ok()?;
    match kind {
        "number" => Some(repeat(calls, async || values::number(black_box(1)).await == 2).await),
        "order" => {
            let order = order(size);
            let call = async || values::one_order(black_box(order.clone())).await.is_ok_and(|got| got.qty == order.qty);
            Some(repeat(calls, call).await)
        }
        "strings" => {
            let strings = vec!["sixteen letters.".to_owned(); size];
            Some(repeat(calls, async || values::strings(black_box(strings.clone())).await == size_u32).await)
        }
        "orders" => {
            let orders: Vec<_> = (0..size).map(|_| order(TAGS.len())).collect();
            Some(repeat(calls, async || values::orders(black_box(orders.clone())).await == size_u32).await)
        }
        "bytes" => {
            let bytes = vec![7; size];
            Some(repeat(calls, async || values::bytes(black_box(bytes.clone())).await == size_u32).await)
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
async fn repeat(calls: usize, mut call: impl AsyncFnMut() -> bool) -> u128 {
    let begun = Instant::now();
    for _ in 0..calls {
        assert!(call().await, "a call returned something else");
    }
    begun.elapsed().as_nanos()
}
