//! The calls of other services, by the names of the functions.

use futures::future::join_all;

use crate::bindings::test::typed::calc::{self, Order, Row};
use crate::bindings::test::typed::errand;

/// Calls a function; what came of it, as text.
pub(crate) async fn call(function: &str, arguments: &[&str]) -> String {
    let number = |index: usize| arguments.get(index).and_then(|text| text.parse().ok()).unwrap_or_default();
    let text = |index: usize| arguments.get(index).copied().unwrap_or_default().to_owned();
    match function {
        "add" => calc::add(number(0), number(1)).await.to_string(),
        "reserve" => {
            let order = Order { sku: text(0), qty: number(1), tags: vec![text(2)], note: Some(text(3)) };
            format!("{:?}", calc::reserve(order).await)
        }
        "echo" => {
            let bytes = vec![7; number(0) as usize];
            format!("{} {}", bytes.len(), calc::echo(bytes.clone()).await == bytes)
        }
        "widen" => format!("{:?}", calc::widen(row()).await),
        "count" => calc::count().await.to_string(),
        "break-off" => {
            calc::break_off().await;
            "it did not".to_owned()
        }
        "spin" => {
            calc::spin().await;
            "it ended".to_owned()
        }
        "try-break-off" => format!("{:?}", calc::try_break_off().await),
        "try-spin" => format!("{:?}", calc::try_spin().await),
        "fetch" => errand::fetch(text(0)).await,
        // As many at a time as it says.
        "gather" => join_all((0..number(0)).map(|_| errand::fetch(text(1)))).await.join(" "),
        _ => "up".to_owned(),
    }
}

fn row() -> Row {
    Row {
        a: 255,
        b: -2,
        c: 3,
        d: u64::MAX,
        e: 1.5,
        f: -2.5,
        g: true,
        h: 'é',
        name: "wide".to_owned(),
        tags: vec!["x".to_owned(), String::new()],
        note: Some("kept".to_owned()),
        pair: (7, 8),
        last: 41,
    }
}
