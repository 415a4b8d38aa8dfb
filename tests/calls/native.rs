//! The same functions as native code, called through a pointer: no component and no boundary.

use std::error::Error;
use std::hint::black_box;

use serde_json::{Value, json};
use tokio::time::Instant;

use crate::timing;

/// What `bench:calls/values` has.
#[derive(Clone, PartialEq)]
struct Order {
    id: u32,
    sku: String,
    qty: u32,
    price: f64,
    tags: Vec<String>,
}

/// What can be called. Whatever is handed over is a copy, as between components, which share no memory.
trait Values {
    fn number(&self, value: u32) -> u32;
    fn one_order(&self, value: Order) -> Result<Order, String>;
    fn strings(&self, values: Vec<String>) -> usize;
    fn orders(&self, values: Vec<Order>) -> usize;
    fn bytes(&self, values: Vec<u8>) -> usize;
}

/// Does nothing with what it is given.
struct Callee;

impl Values for Callee {
    fn number(&self, value: u32) -> u32 {
        value.wrapping_add(1)
    }

    fn one_order(&self, value: Order) -> Result<Order, String> {
        Ok(value)
    }

    fn strings(&self, values: Vec<String>) -> usize {
        black_box(values).len()
    }

    fn orders(&self, values: Vec<Order>) -> usize {
        black_box(values).len()
    }

    fn bytes(&self, values: Vec<u8>) -> usize {
        black_box(values).len()
    }
}

/// Times calls for about so many milliseconds: `path` says of what, as the guest `bench-caller` reads it. Microseconds per
/// call.
///
/// # Errors
/// If `path` names nothing that can be called.
pub(crate) async fn time(path: &str, millis: u64) -> Result<Value, Box<dyn Error>> {
    let (kind, size) = path.split_once("?size=").ok_or("the path has no size")?;
    let size: usize = size.parse()?;
    let us = timing::us_per_call(millis, async |calls| nanos(kind, size, calls)).await?;
    Ok(json!({ "us": us }))
}

/// The nanoseconds that so many calls take.
fn nanos(kind: &str, size: usize, calls: u64) -> Result<u64, Box<dyn Error>> {
    let callee: Box<dyn Values> = black_box(Box::new(Callee));
    match kind {
        "/number" => Ok(repeat(calls, || callee.number(black_box(1)) == 2)),
        "/order" => {
            let order = order(size);
            Ok(repeat(calls, || {
                let got = callee.one_order(black_box(&order).clone());
                got.is_ok_and(|got| got == order)
            }))
        }
        "/strings" => {
            let strings = vec!["sixteen letters.".to_owned(); size];
            Ok(repeat(calls, || callee.strings(black_box(&strings).clone()) == size))
        }
        "/orders" => {
            let orders = vec![order(TAGS.len()); size];
            Ok(repeat(calls, || callee.orders(black_box(&orders).clone()) == size))
        }
        "/bytes" => {
            let bytes = vec![7; size];
            Ok(repeat(calls, || callee.bytes(black_box(&bytes).clone()) == size))
        }
        _ => Err(format!("there is no kind `{kind}`").into()),
    }
}

/// What an order can be tagged with.
const TAGS: [&str; 4] = ["loose", "green", "organic", "first flush"];

/// An order with so many tags.
fn order(n_tags: usize) -> Order {
    let tags = TAGS.iter().take(n_tags).map(|tag| (*tag).to_owned()).collect();
    Order { id: 7, sku: "tea".to_owned(), qty: 2, price: 4.5, tags }
}

fn repeat(calls: u64, mut call: impl FnMut() -> bool) -> u64 {
    let begun = Instant::now();
    let right = (0..calls).filter(|_| call()).count() as u64;
    let nanos = u64::try_from(begun.elapsed().as_nanos()).unwrap_or(u64::MAX);
    assert!(right == calls, "a call returned something else");
    nanos
}
