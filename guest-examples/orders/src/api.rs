//! The HTTP interface of the service: which request gets which reply.

use crate::order::{NewOrder, Order, Partners, Refused};
use crate::problem;

/// A request, as far as this service looks at it.
pub(crate) struct Request {
    pub(crate) verb: Verb,
    /// Path, and query where there is one.
    pub(crate) path: String,
    pub(crate) body: Body,
}

/// The methods that this service tells apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verb {
    /// GET, and HEAD: whoever serves the component leaves the body out.
    Get,
    Post,
    Other,
}

/// What could be read of a request's body.
pub(crate) enum Body {
    Whole(Vec<u8>),
    TooLong,
    Unreadable,
}

/// A reply, ready to be sent.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) kind: &'static str,
    /// One more header, besides `content-type` and `content-length`.
    pub(crate) header: Option<(&'static str, String)>,
    pub(crate) body: Vec<u8>,
}

impl Reply {
    /// All headers of the reply.
    pub(crate) fn headers(&self) -> impl Iterator<Item = (&'static str, String)> {
        let body = [("content-type", self.kind.to_owned()), ("content-length", self.body.len().to_string())];
        body.into_iter().chain(self.header.clone())
    }

    fn json(status: u16, order: &Order) -> Self {
        let body = serde_json::to_vec(order).expect("an order is representable in JSON");
        Self { status, kind: "application/json", header: None, body }
    }
}

const ORDERS: &str = "/api/orders";

/// Answers a request. `random` numbers new orders, and `partners` are needed to fill them.
pub(crate) fn answer(request: &Request, random: impl FnOnce() -> u64, partners: &impl Partners) -> Reply {
    let path = request.path.split('?').next().unwrap_or_default();
    match path.strip_prefix(ORDERS) {
        Some("" | "/") => match request.verb {
            Verb::Post => place(&request.body, random, partners),
            _ => problem::method_not_allowed("POST"),
        },
        Some(rest) if rest.starts_with('/') => match request.verb {
            Verb::Get => find(&rest[1..]),
            _ => problem::method_not_allowed("GET, HEAD"),
        },
        _ => problem::reply(404, &format!("there is nothing at {path}; orders are under {ORDERS}")),
    }
}

fn find(id: &str) -> Reply {
    match id.parse() {
        Ok(0) => problem::reply(404, "orders are numbered from 1"),
        Ok(id) => Reply::json(200, &Order::confirmed(id)),
        Err(_) => problem::reply(400, &format!("an order is named by a number, not by `{id}`")),
    }
}

fn place(body: &Body, random: impl FnOnce() -> u64, partners: &impl Partners) -> Reply {
    let bytes = match body {
        Body::Whole(bytes) => bytes,
        Body::TooLong => return problem::reply(413, "an order has at most 64 KiB"),
        Body::Unreadable => return problem::reply(400, "the body broke off"),
    };
    let order = serde_json::from_slice::<NewOrder>(bytes)
        .map_err(|error| Refused::Wrong(error.to_string()))
        .and_then(|order| order.accept(random(), partners));
    match order {
        Ok(order) => {
            let location = format!("{ORDERS}/{}", order.order_id);
            Reply { header: Some(("location", location)), ..Reply::json(201, &order) }
        }
        Err(Refused::Wrong(what)) => problem::reply(400, &what),
        Err(Refused::Unknown(sku)) => problem::reply(422, &format!("there is no product `{sku}`")),
        Err(Refused::Short { sku, available }) => {
            problem::reply(409, &format!("only {available} of `{sku}` are available"))
        }
        Err(Refused::NoPrice(why)) => problem::reply(422, &why),
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use super::*;
    use crate::order::Item;

    /// A shop that has ten of everything but gold, at a euro each, and remembers what it keeps.
    #[derive(Default)]
    struct Fakes(RefCell<Vec<String>>);

    impl Partners for Fakes {
        fn reserve(&self, item: &Item) -> Result<String, Refused> {
            if item.quantity > 10 {
                return Err(Refused::Short { sku: item.sku.clone(), available: 10 });
            }
            self.0.borrow_mut().push(item.sku.clone());
            Ok(item.sku.clone())
        }

        fn release(&self, _: &Item, reservation: &str) {
            self.0.borrow_mut().retain(|kept| kept != reservation);
        }

        fn total(&self, items: &[Item], currency: &str) -> Result<u64, Refused> {
            assert_eq!(currency, "EUR");
            match items.iter().find(|item| item.sku == "gold") {
                Some(gold) => Err(Refused::Unknown(gold.sku.clone())),
                None => Ok(items.iter().map(|item| u64::from(item.quantity) * 100).sum()),
            }
        }
    }

    fn ask(verb: Verb, path: &str, body: &str) -> (u16, String, Option<String>) {
        let request = Request { verb, path: path.into(), body: Body::Whole(body.into()) };
        let reply = answer(&request, || 41, &Fakes::default());
        let body = String::from_utf8(reply.body).expect("UTF-8");
        (reply.status, body, reply.header.map(|(_, value)| value))
    }

    #[test]
    fn an_order_is_found_by_its_number() {
        let (status, body, _) = ask(Verb::Get, "/api/orders/123", "");
        assert_eq!((status, body.as_str()), (200, r#"{"orderId":123,"status":"confirmed"}"#));
    }

    #[test]
    fn a_placed_order_has_a_number_and_a_place() {
        let (status, body, location) = ask(Verb::Post, "/api/orders", r#"{"items":[{"sku":"tea","quantity":2}]}"#);
        assert_eq!(status, 201);
        let items = r#""items":[{"sku":"tea","quantity":2}],"total":{"amount":200,"currency":"EUR"}"#;
        assert_eq!(body, format!(r#"{{"orderId":100041,"status":"confirmed",{items}}}"#));
        assert_eq!(location.as_deref(), Some("/api/orders/100041"));
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
    fn what_was_kept_for_a_refused_order_is_given_up() {
        let shop = Fakes::default();
        let body = Body::Whole(br#"{"items":[{"sku":"tea","quantity":1},{"sku":"mug","quantity":11}]}"#.to_vec());
        let request = Request { verb: Verb::Post, path: ORDERS.into(), body };
        assert_eq!(answer(&request, || 0, &shop).status, 409);
        assert!(shop.0.borrow().is_empty());
    }

    #[test]
    fn a_body_that_is_too_long_or_broken_is_refused() {
        for (body, status) in [(Body::TooLong, 413), (Body::Unreadable, 400)] {
            let request = Request { verb: Verb::Post, path: ORDERS.into(), body };
            assert_eq!(answer(&request, || 0, &Fakes::default()).status, status);
        }
    }
}
