//! Takes orders, and tells their status: the shop's first service, as a WASI 0.2 HTTP component that calls four others and
//! publishes what happened.
//!
//! This file speaks WASI, and `shop` calls the others; what the service does is in `api`, which runs and is tested on any
//! machine.

mod api;
mod order;
mod partners;
mod problem;
mod shop;
mod steps;

use std::io::{Read, Write};

use api::{Body, Reply, Request, Verb};
use shop::Shop;
use wasip2::http::types::{Fields, IncomingRequest, Method, OutgoingBody, OutgoingResponse, ResponseOutparam};
use wasip2::random::random::get_random_u64;

wasip2::http::proxy::export!(Orders);

struct Orders;

/// The longest order that is read, in bytes.
const BODY_LIMIT: u64 = 64 * 1024;

impl wasip2::exports::http::incoming_handler::Guest for Orders {
    fn handle(incoming: IncomingRequest, outparam: ResponseOutparam) {
        let request = Request {
            verb: verb(&incoming.method()),
            path: incoming.path_with_query().unwrap_or_default(),
            body: read(&incoming),
        };
        send(outparam, &api::answer(&request, get_random_u64, &Shop));
    }
}

fn verb(method: &Method) -> Verb {
    match method {
        Method::Get | Method::Head => Verb::Get,
        Method::Post => Verb::Post,
        _ => Verb::Other,
    }
}

fn read(incoming: &IncomingRequest) -> Body {
    // Kept to the end: a body must outlive its stream.
    let Ok(body) = incoming.consume() else {
        return Body::Unreadable;
    };
    let Ok(stream) = body.stream() else {
        return Body::Unreadable;
    };
    let mut bytes = Vec::new();
    match stream.take(BODY_LIMIT + 1).read_to_end(&mut bytes) {
        Ok(length) if length as u64 > BODY_LIMIT => Body::TooLong,
        Ok(_) => Body::Whole(bytes),
        Err(_) => Body::Unreadable,
    }
}

fn send(outparam: ResponseOutparam, reply: &Reply) {
    let headers = Fields::new();
    for (name, value) in reply.headers() {
        headers.append(name, value.as_bytes()).expect("the service sets no forbidden header");
    }
    let response = OutgoingResponse::new(headers);
    response.set_status_code(reply.status).expect("the service sets valid statuses");
    let body = response.body().expect("the body is taken once");
    ResponseOutparam::set(outparam, Ok(response));

    let mut stream = body.write().expect("the stream is taken once");
    // A caller that went away is no failure of this service.
    let _ = stream.write_all(&reply.body).and_then(|()| Write::flush(&mut stream));
    drop(stream);
    let _ = OutgoingBody::finish(body, None);
}
