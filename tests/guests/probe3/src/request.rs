//! What the probe reads of a request.

use behaviour::Report;
use wasip3::http::types::{Method, Request, Scheme};

pub(crate) fn content_type(request: &Request) -> Option<Vec<u8>> {
    request.get_headers().get("content-type").into_iter().next()
}

pub(crate) fn report(request: &Request) -> Report {
    Report {
        method: method(request.get_method()),
        scheme: request.get_scheme().map(scheme),
        authority: request.get_authority(),
        path: request.get_path_with_query(),
        headers: request.get_headers().copy_all(),
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
