//! What the probe reads of a request.

use behaviour::Report;
use wasip2::http::types::{IncomingRequest, Method, Scheme};

pub(crate) fn content_type(request: &IncomingRequest) -> Option<Vec<u8>> {
    request.headers().get("content-type").into_iter().next()
}

pub(crate) fn report(request: &IncomingRequest) -> Report {
    Report {
        method: method(request.method()),
        scheme: request.scheme().map(scheme),
        authority: request.authority(),
        path: request.path_with_query(),
        headers: request.headers().entries(),
    }
}

fn method(method: Method) -> String {
    match method {
        Method::Get => "GET".into(),
        Method::Head => "HEAD".into(),
        Method::Post => "POST".into(),
        Method::Put => "PUT".into(),
        Method::Delete => "DELETE".into(),
        Method::Connect => "CONNECT".into(),
        Method::Options => "OPTIONS".into(),
        Method::Trace => "TRACE".into(),
        Method::Patch => "PATCH".into(),
        Method::Other(name) => name,
    }
}

fn scheme(scheme: Scheme) -> String {
    match scheme {
        Scheme::Http => "http".into(),
        Scheme::Https => "https".into(),
        Scheme::Other(name) => name,
    }
}
