//! A service that exports functions that are `async`, and handles no HTTP requests. It does what it is asked to, well or
//! badly.

mod fetch;

use std::cell::Cell;

#[allow(missing_docs, clippy::all, reason = "generated")]
mod bindings {
    wit_bindgen::generate!({ world: "callee", path: "wit" });
}

use bindings::exports::test::typed::calc::{self, Failure, Order, Refusal, Row};
use bindings::exports::test::typed::errand;

bindings::export!(Callee with_types_in bindings);

struct Callee;

thread_local! {
    static CALLS: Cell<u32> = const { Cell::new(0) };
}

fn called() -> u32 {
    CALLS.set(CALLS.get() + 1);
    CALLS.get()
}

fn spin() -> ! {
    loop {
        std::hint::spin_loop();
    }
}

impl calc::Guest for Callee {
    async fn add(a: u32, b: u32) -> u32 {
        called();
        a.wrapping_add(b)
    }

    async fn reserve(order: Order) -> Result<u32, Refusal> {
        called();
        match order.sku.as_str() {
            "tea" if order.qty > 10 => Err(Refusal::TooMany(10)),
            "tea" => Ok(order.qty + order.tags.len() as u32 + order.note.map_or(0, |note| note.len() as u32)),
            "" => Err(Refusal::Closed),
            _ => Err(Refusal::Unknown(order.sku)),
        }
    }

    async fn echo(bytes: Vec<u8>) -> Vec<u8> {
        called();
        bytes
    }

    async fn widen(row: Row) -> Row {
        called();
        Row { name: row.name + "!", last: row.last + 1, ..row }
    }

    async fn count() -> u32 {
        called()
    }

    async fn break_off() {
        panic!("as it was asked to");
    }

    async fn try_break_off() -> Result<u32, Failure> {
        panic!("as it was asked to");
    }

    async fn spin() {
        spin()
    }

    async fn try_spin() -> Result<u32, Failure> {
        spin()
    }

    async fn read_break_off() -> Result<(), String> {
        panic!("as it was asked to");
    }

    async fn say(line: String) {
        println!("{line}");
    }
}

impl errand::Guest for Callee {
    async fn fetch(url: String) -> String {
        fetch::fetch(&url).await
    }
}
