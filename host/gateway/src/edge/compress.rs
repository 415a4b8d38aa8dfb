//! Compresses replies, as tower-http does it, where that does some good and no harm.

use std::convert::Infallible;

use http::header::{ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE, COOKIE, ETAG};
use http::{Extensions, HeaderMap, HeaderValue, Request, Response, StatusCode, Version};
use patchbay_model::policy::CompressSettings;
use patchbay_model::{Body, BodyError, Reply};
use tower::{ServiceExt, service_fn};
use tower_http::compression::predicate::{Predicate, SizeAbove};
use tower_http::compression::{Compression, CompressionBody};

/// Compresses replies.
#[derive(Debug)]
pub(super) struct Compress {
    gzip: bool,
    br: bool,
    min_size: u64,
    cookies: bool,
}

impl Compress {
    pub(super) const fn new(settings: &CompressSettings) -> Self {
        let CompressSettings { gzip, br, min_size, cookies } = *settings;
        Self { gzip, br, min_size, cookies }
    }

    /// What has to be known of a request when its reply is there; `None` if its reply stays as it is.
    pub(super) fn asked(&self, headers: &HeaderMap) -> Option<Request<()>> {
        if headers.contains_key(COOKIE) && !self.cookies {
            return None;
        }
        let mut asked = Request::new(());
        for value in headers.get_all(ACCEPT_ENCODING) {
            asked.headers_mut().append(ACCEPT_ENCODING, value.clone());
        }
        Some(asked)
    }

    pub(super) async fn apply(&self, asked: Request<()>, reply: Reply) -> Reply {
        let (status, encoded) = (reply.status(), reply.headers().contains_key(CONTENT_ENCODING));
        let mut reply = Some(Response::from(reply));
        let inner =
            service_fn(move |_: Request<()>| std::future::ready(Ok::<_, Infallible>(reply.take().unwrap_or_default())));
        let compression = Compression::new(inner)
            .gzip(self.gzip)
            .br(self.br)
            .compress_when(SizeAbove::new(self.min_size).and(is_worth_it));
        let mut reply = match compression.oneshot(asked).await {
            Ok(reply) => reply,
            Err(never) => match never {},
        };
        // The service has done its work; that nothing suits the caller's `Accept-Encoding` does not undo it.
        *reply.status_mut() = status;
        if encoded || !reply.headers().contains_key(CONTENT_ENCODING) {
            return reply.map(CompressionBody::into_inner).into();
        }
        weaken(reply.headers_mut());
        reply.map(|body| Body::new(http_body_util::BodyExt::map_err(body, broken))).into()
    }
}

/// Why a body that is compressed on its way did not come to its end.
fn broken(error: Box<dyn std::error::Error + Send + Sync>) -> BodyError {
    match error.downcast::<BodyError>() {
        Ok(error) => *error,
        Err(error) => BodyError::Failed(format!("the body could not be compressed: {error}")),
    }
}

/// Media types of text, whatever else they are.
const TEXTS: [&str; 9] = [
    "application/json",
    "application/javascript",
    "application/ecmascript",
    "application/xml",
    "application/wasm",
    "application/x-ndjson",
    "application/manifest",
    "application/x-javascript",
    "image/svg",
];

/// Whether a reply is of a kind that becomes smaller, and nobody minds. A stream of events has to come event by event.
fn is_worth_it(status: StatusCode, _: Version, headers: &HeaderMap, _: &Extensions) -> bool {
    let media = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let media = media.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let text = (media.starts_with("text/") && media != "text/event-stream")
        || TEXTS.iter().any(|text| media.starts_with(text))
        || media.ends_with("+json")
        || media.ends_with("+xml");
    text && status != StatusCode::NO_CONTENT && status != StatusCode::NOT_MODIFIED && may_be_changed(headers)
}

/// Whether nobody has asked for the bytes to stay as they are (RFC 9111, 5.2.2.6).
fn may_be_changed(headers: &HeaderMap) -> bool {
    let directives = headers.get_all(CACHE_CONTROL).iter().filter_map(|value| value.to_str().ok());
    !directives.flat_map(|value| value.split(',')).any(|one| one.trim().eq_ignore_ascii_case("no-transform"))
}

/// A strong entity tag stands for certain bytes; these are others (RFC 9110, 8.8.1).
fn weaken(headers: &mut HeaderMap) {
    let Some(tag) = headers.get(ETAG).filter(|tag| tag.as_bytes().starts_with(b"\"")) else { return };
    if let Ok(weak) = HeaderValue::from_bytes(&[b"W/", tag.as_bytes()].concat()) {
        headers.insert(ETAG, weak);
    }
}
