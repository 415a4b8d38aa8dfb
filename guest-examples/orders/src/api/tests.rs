//! The API, with a shop that is none.

use std::cell::RefCell;

use super::*;
use crate::order::{Address, Item, Payment};
use crate::partners::{Parcel, Quote};

/// A shop that has ten of everything but gold, at a euro each, and remembers what it did and has not undone.
#[derive(Default)]
struct Fakes(RefCell<Vec<String>>);

impl Fakes {
    fn add(&self, deed: String) {
        self.0.borrow_mut().push(deed);
    }

    fn undo(&self, deed: &str) {
        self.0.borrow_mut().retain(|done| done != deed);
    }
}

impl Partners for Fakes {
    fn quote(&self, items: &[Item], currency: &str) -> Result<Quote, Refused> {
        assert_eq!(currency, "EUR");
        if let Some(gold) = items.iter().find(|item| item.sku == "gold") {
            return Err(Refused::Unknown(gold.sku.clone()));
        }
        let amounts: Vec<_> = items.iter().map(|item| u64::from(item.quantity) * 100).collect();
        Ok(Quote { total: amounts.iter().sum(), amounts })
    }

    fn reserve(&self, item: &Item) -> Result<String, Refused> {
        if item.quantity > 10 {
            return Err(Refused::Short { sku: item.sku.clone(), available: 10 });
        }
        self.add(format!("reserved {}", item.sku));
        Ok(item.sku.clone())
    }

    fn release(&self, _: &Item, reservation: &str) {
        self.undo(&format!("reserved {reservation}"));
    }

    /// The token of a card says what comes of it.
    fn charge(
        &self,
        order: u64,
        amounts: &[(&Item, u64)],
        currency: &str,
        payment: &Payment,
    ) -> Result<String, Refused> {
        let charge =
            || self.add(format!("charged {order} {currency} {}", amounts.iter().map(|line| line.1).sum::<u64>()));
        match payment {
            Payment::Card(token) if token == "declined" => return Err(Refused::NotPaid("no money".into())),
            Payment::Card(token) if token == "busy" => return Err(Refused::Busy("overloaded: later".into())),
            Payment::Card(token) if token == "unclear" => {
                charge();
                return Err(Refused::Unclear("deadline: too slow".into()));
            }
            _ => charge(),
        }
        Ok(format!("pay-{order}"))
    }

    fn refund(&self, order: u64) {
        self.0.borrow_mut().retain(|done| !done.starts_with(&format!("charged {order}")));
    }

    /// The country says what comes of it.
    fn dispatch(&self, order: u64, address: &Address, items: &[Item]) -> Result<Parcel, Refused> {
        assert!(!items.is_empty());
        let dispatched = format!("dispatched {order}");
        match address.country.as_str() {
            "XX" => Err(Refused::NotSent("too far".into())),
            "YY" => {
                self.add(dispatched);
                Err(Refused::Unclear("trapped: broke off".into()))
            }
            _ => {
                self.add(dispatched);
                Ok(Parcel { id: format!("parcel-{order}"), days: 2 })
            }
        }
    }

    fn cancel(&self, order: u64) {
        self.undo(&format!("dispatched {order}"));
    }

    /// Users from 1000 on are more than can be told of.
    fn announce(&self, order: u64, user: u64) -> Result<(), Refused> {
        if user >= 1000 {
            return Err(Refused::Busy("full: later".into()));
        }
        self.add(format!("told of {order} for {user}"));
        Ok(())
    }
}

/// The number that is made of this is 41.
const RANDOM: u64 = 41 << 11;

fn order(shop: &Fakes, body: Body) -> Reply {
    answer(&Request { verb: Verb::Post, path: ORDERS.into(), body }, || RANDOM, shop)
}

fn ask(verb: Verb, path: &str, body: &str) -> (u16, String, Option<String>) {
    let request = Request { verb, path: path.into(), body: Body::Whole(body.into()) };
    let reply = answer(&request, || RANDOM, &Fakes::default());
    let body = String::from_utf8(reply.body).expect("UTF-8");
    (reply.status, body, reply.header.map(|(_, value)| value))
}

#[test]
fn an_order_is_found_by_its_number() {
    let (status, body, _) = ask(Verb::Get, "/api/orders/123", "");
    assert_eq!((status, body.as_str()), (200, r#"{"orderId":123,"status":"confirmed"}"#));
}

#[test]
fn a_placed_order_has_a_number_and_a_place_and_went_through_the_whole_shop() {
    let shop = Fakes::default();
    let reply = order(&shop, Body::Whole(br#"{"items":[{"sku":"tea","quantity":2}]}"#.to_vec()));
    assert_eq!((reply.status, reply.header), (201, Some(("location", "/api/orders/41".to_owned()))));
    let items = r#""items":[{"sku":"tea","quantity":2}],"total":{"amount":200,"currency":"EUR"}"#;
    let done = r#""receipt":"pay-41","parcel":{"id":"parcel-41","days":2}"#;
    let body = String::from_utf8(reply.body).expect("UTF-8");
    assert_eq!(body, format!(r#"{{"orderId":41,"status":"confirmed",{items},{done}}}"#));
    assert_eq!(*shop.0.borrow(), ["reserved tea", "charged 41 EUR 200", "dispatched 41", "told of 41 for 456"]);
}

#[test]
fn what_is_wrong_is_told() {
    let cases = [
        (Verb::Get, "/api/orders/abc", "", 400, "`abc`"),
        (Verb::Get, "/api/orders/0", "", 404, "from 1"),
        (Verb::Get, "/api/ordersabc", "", 404, "/api/ordersabc"),
        (Verb::Get, "/?a=b", "", 404, "nothing at /;"),
        (Verb::Get, "/api/orders", "", 405, "POST"),
        (Verb::Post, "/api/orders/1", "", 405, "GET"),
        (Verb::Other, "/api/orders", "", 405, "POST"),
        (Verb::Post, "/api/orders", "", 400, "EOF"),
        (Verb::Post, "/api/orders", "{}", 400, "items"),
        (Verb::Post, "/api/orders", r#"{"items":[]}"#, 400, "at least one"),
        (Verb::Post, "/api/orders", r#"{"items":[{"sku":" ","quantity":1}]}"#, 400, "items[0].sku"),
        (Verb::Post, "/api/orders", r#"{"items":[{"sku":"a","quantity":0}]}"#, 400, "items[0].quantity"),
        (Verb::Post, "/api/orders", r#"{"items":[{"sku":"a","quantity":-1}]}"#, 400, "-1"),
        (Verb::Post, "/api/orders", r#"{"items":[],"userId":0}"#, 400, "userId"),
        (Verb::Post, "/api/orders", r#"{"items":[],"payment":"cash"}"#, 400, "`cash`"),
        (Verb::Post, "/api/orders", r#"{"items":[],"address":{"name":"A"}}"#, 400, "street"),
        (Verb::Post, "/api/orders", r#"{"items":[{"sku":"a","quantity":11}]}"#, 409, "only 10"),
        (Verb::Post, "/api/orders", r#"{"items":[{"sku":"gold","quantity":1}]}"#, 422, "`gold`"),
    ];
    for (verb, path, body, status, mention) in cases {
        let (got, text, _) = ask(verb, path, body);
        assert_eq!(got, status, "{verb:?} {path} {body}: {text}");
        assert!(text.contains(mention), "{verb:?} {path} {body}: {text}");
    }
}

#[test]
fn what_was_done_for_a_refused_order_is_given_up() {
    let address = |country: &str| {
        format!(r#""address":{{"name":"A","street":"B","postcode":"C","city":"D","country":"{country}"}}"#)
    };
    let items = |mugs: u32| format!(r#""items":[{{"sku":"tea","quantity":1}},{{"sku":"mug","quantity":{mugs}}}]"#);
    let cases = [
        (items(11), String::new(), 409, "only 10"),
        (items(1), r#","payment":{"card":"declined"}"#.to_owned(), 402, "no money"),
        (items(1), r#","payment":{"card":"busy"}"#.to_owned(), 503, "overloaded"),
        (items(1), r#","payment":{"card":"unclear"}"#.to_owned(), 502, "deadline"),
        (items(1), format!(r#","payment":"invoice",{}"#, address("XX")), 422, "too far"),
        (items(1), format!(",{}", address("YY")), 502, "trapped"),
        (items(1), r#","userId":1000"#.to_owned(), 503, "full"),
    ];
    for (items, rest, status, mention) in cases {
        let shop = Fakes::default();
        let body = format!("{{{items}{rest}}}");
        let reply = order(&shop, Body::Whole(body.clone().into_bytes()));
        assert_eq!((reply.status, reply.kind), (status, "application/problem+json"), "{body}");
        assert!(String::from_utf8_lossy(&reply.body).contains(mention), "{body}");
        assert_eq!(reply.header.is_some(), status == 503, "{body}");
        assert!(shop.0.borrow().is_empty(), "{body}: {:?}", shop.0.borrow());
    }
}

#[test]
fn a_body_that_is_too_long_or_broken_is_refused() {
    for (body, status) in [(Body::TooLong, 413), (Body::Unreadable, 400)] {
        assert_eq!(order(&Fakes::default(), body).status, status);
    }
}
