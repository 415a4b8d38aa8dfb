//! A service that does nothing with what it is given, and whose functions may wait: what remains in a measurement is the
//! call.

#[allow(missing_docs, clippy::all, reason = "generated")]
mod bindings {
    wit_bindgen::generate!({ world: "bench-callee", path: "wit" });
}

use bindings::exports::bench::waiting::values::{Guest, Order};

bindings::export!(Callee with_types_in bindings);

struct Callee;

impl Guest for Callee {
    async fn number(value: u32) -> u32 {
        value.wrapping_add(1)
    }

    async fn one_order(value: Order) -> Result<Order, String> {
        Ok(value)
    }

    async fn strings(values: Vec<String>) -> u32 {
        count(&values)
    }

    async fn orders(values: Vec<Order>) -> u32 {
        count(&values)
    }

    async fn bytes(values: Vec<u8>) -> u32 {
        count(&values)
    }
}

/// How many there are: no list of WebAssembly's 32 bits has more than fit.
fn count<T>(values: &[T]) -> u32 {
    values.len() as u32
}
