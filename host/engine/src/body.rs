//! Bodies on their way between the host's form and that of `wasi:http`, with their errors.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http_body::{Body as _, Frame, SizeHint};
use patchbay_model::{Body, BodyError, Fault, FaultKind};
use wasmtime_wasi_http::Error;

use crate::fault;

/// A request's body on its way into a guest. Guests may go on asking after the end, which bodies need not stand.
pub(crate) struct RequestBody(Option<Body>);

impl RequestBody {
    pub(crate) fn new(body: Body) -> Self {
        // Nothing is kept of the many bodies that are empty.
        Self(Some(body).filter(|body| !body.is_end_stream()))
    }
}

impl http_body::Body for RequestBody {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        let Some(body) = &mut self.0 else { return Poll::Ready(None) };
        let next = ready!(Pin::new(body).poll_frame(cx));
        if !matches!(next, Some(Ok(_))) {
            self.0 = None;
        }
        Poll::Ready(next.map(|frame| frame.map_err(wasi_error)))
    }

    fn is_end_stream(&self) -> bool {
        self.0.as_ref().is_none_or(http_body::Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.0.as_ref().map_or_else(|| SizeHint::with_exact(0), http_body::Body::size_hint)
    }
}

fn wasi_error(error: BodyError) -> Error {
    match error {
        BodyError::TooLarge { limit } => Error::HttpRequestBodySize(Some(limit)),
        BodyError::Deadline => Error::ConnectionReadTimeout,
        BodyError::Aborted(_) => Error::ConnectionTerminated,
        BodyError::Failed(problem) => Error::InternalError(Some(problem)),
        BodyError::Lost(fault) => Error::InternalError(Some(fault.public().to_owned())),
    }
}

/// What `wasi:http` says of a guest's body that it could not send on.
pub(crate) fn from_guest(error: &Error) -> BodyError {
    match error {
        Error::HttpResponseBodySize(_) => {
            BodyError::Failed("the body does not have the length that its `content-length` promises".to_owned())
        }
        Error::HttpProtocolError => {
            BodyError::Failed("the instance gave up its body before it was complete".to_owned())
        }
        error => BodyError::Failed(error.to_string()),
    }
}

/// What the reader of a body is told when its instance failed.
pub(crate) fn broken_off(fault: &Fault) -> BodyError {
    match fault.kind() {
        FaultKind::Deadline => BodyError::Deadline,
        FaultKind::Trapped | FaultKind::Exhausted => BodyError::Lost(fault.clone()),
        _ => BodyError::Failed(fault.to_string()),
    }
}

/// Looks whether guests of WASI 0.2 can be given a request as it is. The authority that they see is that of the URI, or else the host.
///
/// # Errors
/// A fault that tells the caller what is wrong with the request.
pub(crate) fn check_02(request: &http::Request<Body>) -> Result<(), Fault> {
    if request.uri().authority().is_none() {
        let host = request.headers().get(http::header::HOST).ok_or_else(no_host)?;
        host.to_str().map_err(|_| bad_host())?;
    }
    Ok(())
}

/// A request as guests of WASI 0.3 get it: its scheme, `http` if it does not say, and the authority that the caller
/// asked for.
///
/// # Errors
/// A fault that tells the caller what is wrong with the request.
pub(crate) fn request_03(mut request: Box<http::Request<Body>>) -> Result<Box<http::Request<Body>>, Fault> {
    let mut uri = std::mem::take(request.uri_mut()).into_parts();
    if uri.authority.is_none() {
        let host = request.headers().get(http::header::HOST).ok_or_else(no_host)?;
        uri.authority = Some(http::uri::Authority::try_from(host.as_bytes()).map_err(|_| bad_host())?);
    }
    uri.scheme.get_or_insert(http::uri::Scheme::HTTP);
    uri.path_and_query.get_or_insert_with(|| http::uri::PathAndQuery::from_static("/"));
    *request.uri_mut() =
        http::Uri::from_parts(uri).map_err(|_| fault::invalid("The path of the request is not valid."))?;
    Ok(request)
}

fn no_host() -> Fault {
    fault::invalid("The request names no host.")
}

fn bad_host() -> Fault {
    fault::invalid("The `host` of the request is not valid.")
}

#[cfg(test)]
mod tests {
    use patchbay_model::empty_body;

    use super::*;

    #[test]
    fn the_authority_comes_from_the_uri_or_the_host() {
        for (uri, host, expected) in [
            ("/a?b=1", Some("shop.example:80"), Ok("http://shop.example:80/a?b=1")),
            ("https://shop.example/a", Some("shop.example"), Ok("https://shop.example/a")),
            ("http://shop.example/a", Some("other.example"), Ok("http://shop.example/a")),
            ("/a", None, Err("The request names no host.")),
            ("/a", Some("sh op"), Err("The `host` of the request is not valid.")),
        ] {
            let mut request = http::Request::builder().uri(uri);
            if let Some(host) = host {
                request = request.header("host", host);
            }
            let outcome = request_03(Box::new(request.body(empty_body()).unwrap()));
            let outcome = outcome.map(|request| request.uri().to_string()).map_err(|fault| fault.public().to_owned());
            assert_eq!(outcome, expected.map(str::to_owned).map_err(str::to_owned));
        }
    }
}
