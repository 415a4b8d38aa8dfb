//! The HTTP interface of the service: which request gets which reply.

use crate::order::{NewOrder, Order};
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

/// Answers a request. `random` numbers new orders.
pub(crate) fn answer(request: &Request, random: impl FnOnce() -> u64) -> Reply {
    let path = request.path.split('?').next().unwrap_or_default();
    match path.strip_prefix(ORDERS) {
        Some("" | "/") => match request.verb {
            Verb::Post => place(&request.body, random),
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

fn place(body: &Body, random: impl FnOnce() -> u64) -> Reply {
    let bytes = match body {
        Body::Whole(bytes) => bytes,
        Body::TooLong => return problem::reply(413, "an order has at most 64 KiB"),
        Body::Unreadable => return problem::reply(400, "the body broke off"),
    };
    let order = serde_json::from_slice::<NewOrder>(bytes)
        .map_err(|error| error.to_string())
        .and_then(|order| order.accept(random()));
    match order {
        Ok(order) => {
            let location = format!("{ORDERS}/{}", order.order_id);
            Reply { header: Some(("location", location)), ..Reply::json(201, &order) }
        }
        Err(fault) => problem::reply(400, &fault),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(verb: Verb, path: &str, body: &str) -> (u16, String, Option<String>) {
        let request = Request { verb, path: path.into(), body: Body::Whole(body.into()) };
        let reply = answer(&request, || 41);
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
        assert_eq!(body, r#"{"orderId":100041,"status":"confirmed","items":[{"sku":"tea","quantity":2}]}"#);
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
        ];
        for (verb, path, body, status, mention) in cases {
            let (got, text, _) = ask(verb, path, body);
            assert_eq!(got, status, "{verb:?} {path} {body}: {text}");
            assert!(text.contains(mention), "{verb:?} {path} {body}: {text}");
        }
    }

    #[test]
    fn a_body_that_is_too_long_or_broken_is_refused() {
        for (body, status) in [(Body::TooLong, 413), (Body::Unreadable, 400)] {
            let request = Request { verb: Verb::Post, path: ORDERS.into(), body };
            assert_eq!(answer(&request, || 0).status, status);
        }
    }
}
