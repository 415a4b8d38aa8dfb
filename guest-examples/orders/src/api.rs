//! The HTTP interface of the service: which request gets which reply.

use crate::order::{NewOrder, Order, Refused};
use crate::partners::Partners;
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
        Ok(id) => Reply::json(200, &Order::known(id)),
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
        Err(refused) => refusal(&refused),
    }
}

fn refusal(refused: &Refused) -> Reply {
    match refused {
        Refused::Wrong(what) => problem::reply(400, what),
        Refused::NotPaid(why) => problem::reply(402, why),
        Refused::Short { sku, available } => problem::reply(409, &format!("only {available} of `{sku}` are available")),
        Refused::Unknown(sku) => problem::reply(422, &format!("there is no product `{sku}`")),
        Refused::NoPrice(why) | Refused::NotSent(why) => problem::reply(422, why),
        Refused::Unclear(fault) => problem::reply(502, &format!("the order was given up: {fault}")),
        Refused::Busy(fault) => problem::later(&format!("the order was given up: {fault}")),
    }
}

#[cfg(test)]
mod tests;
