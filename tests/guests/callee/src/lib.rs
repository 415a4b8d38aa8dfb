//! A service that exports functions and handles no HTTP requests. It does what it is asked to, well or badly.

use std::cell::Cell;

#[allow(missing_docs, clippy::all, reason = "generated")]
mod bindings {
    wit_bindgen::generate!({ world: "callee", path: "wit" });
}

use bindings::exports::test::typed::calc::{Failure, Guest, Order, Refusal, Row};

bindings::export!(Callee with_types_in bindings);

struct Callee;

thread_local! {
    static CALLS: Cell<u32> = const { Cell::new(0) };
}

fn called() -> u32 {
    CALLS.set(CALLS.get() + 1);
    CALLS.get()
}

impl Guest for Callee {
    fn add(a: u32, b: u32) -> u32 {
        called();
        a.wrapping_add(b)
    }

    fn reserve(order: Order) -> Result<u32, Refusal> {
        called();
        match order.sku.as_str() {
            "tea" if order.qty > 10 => Err(Refusal::TooMany(10)),
            "tea" => Ok(order.qty + order.tags.len() as u32 + order.note.map_or(0, |note| note.len() as u32)),
            "" => Err(Refusal::Closed),
            _ => Err(Refusal::Unknown(order.sku)),
        }
    }

    fn echo(bytes: Vec<u8>) -> Vec<u8> {
        called();
        bytes
    }

    fn widen(row: Row) -> Row {
        called();
        Row { name: row.name + "!", last: row.last + 1, ..row }
    }

    fn count() -> u32 {
        called()
    }

    fn break_off() {
        panic!("as it was asked to");
    }

    fn spin() {
        loop {
            std::hint::spin_loop();
        }
    }

    fn try_break_off() -> Result<u32, Failure> {
        panic!("as it was asked to");
    }

    fn try_spin() -> Result<u32, Failure> {
        loop {
            std::hint::spin_loop();
        }
    }

    fn read_break_off() -> Result<(), String> {
        panic!("as it was asked to");
    }

    fn say(line: String) {
        println!("{line}");
    }
}
