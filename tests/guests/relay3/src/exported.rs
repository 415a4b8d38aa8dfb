//! The functions that this service exports: most have the same function of another service do the work.

use std::cell::Cell;

use crate::bindings::exports::test::typed::calc::{Failure, Guest, Order, Refusal, Row};
use crate::bindings::test::typed::calc;

/// The service.
pub(crate) struct Relay;

thread_local! {
    static CALLS: Cell<u32> = const { Cell::new(0) };
}

fn spin() -> ! {
    loop {
        std::hint::spin_loop();
    }
}

impl Guest for Relay {
    async fn add(a: u32, b: u32) -> u32 {
        calc::add(a, b).await
    }

    async fn reserve(order: Order) -> Result<u32, Refusal> {
        let Order { sku, qty, tags, note } = order;
        calc::reserve(calc::Order { sku, qty, tags, note }).await.map_err(|refusal| match refusal {
            calc::Refusal::Unknown(sku) => Refusal::Unknown(sku),
            calc::Refusal::TooMany(most) => Refusal::TooMany(most),
            calc::Refusal::Closed => Refusal::Closed,
        })
    }

    async fn echo(bytes: Vec<u8>) -> Vec<u8> {
        calc::echo(bytes).await
    }

    async fn widen(row: Row) -> Row {
        Row { name: row.name + "!", last: row.last + 1, ..row }
    }

    async fn count() -> u32 {
        CALLS.set(CALLS.get() + 1);
        CALLS.get()
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
        calc::say(line).await;
    }
}
