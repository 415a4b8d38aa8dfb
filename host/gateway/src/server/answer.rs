//! Between hyper and what answers: every request is counted on its connection until its reply is out.

use std::convert::Infallible;
use std::future::Future;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::header::CONNECTION;
use http::{HeaderValue, Request, Response, Version};
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use patchbay_model::User;
use pin_project_lite::pin_project;

use super::activity::Open;
use super::head::HeadTooLarge;
use super::limits::ConnectionLimits;
use super::received::Received;
use super::streams;

/// The other end of a connection.
#[derive(Debug, Clone)]
pub(crate) struct Peer {
    /// Its address.
    pub(crate) address: IpAddr,
    /// The user that its certificate names, if it showed one that is trusted.
    pub(crate) user: Option<Arc<User>>,
}

/// Something that answers requests.
pub(crate) trait Answer: Clone + Send + Sync + 'static {
    /// What becomes its replies, once they go onto the connection.
    type Reply: Into<Response<Self::Body>> + Send;
    /// The body of its replies.
    type Body: Body<Data = Bytes, Error: Into<Box<dyn std::error::Error + Send + Sync>>> + Send + 'static;

    /// Answers one request of `peer`. Dropping the future gives it up. Each connection has one of these for itself, which its
    /// requests share.
    fn answer(
        self: Arc<Self>,
        peer: Peer,
        request: Request<Received>,
    ) -> impl Future<Output = Self::Reply> + Send + 'static;
}

/// Answers one request within `limits`, and keeps its connection informed. A block and no `async fn`,
/// which would copy the request once more.
#[inline(always)]
pub(super) fn answer<A: Answer>(
    (answer, peer): (Arc<A>, Peer),
    request: Request<Incoming>,
    open: Open,
    limits: &ConnectionLimits,
) -> impl Future<Output = Result<Response<Tracked<A::Body>>, Infallible>> + Send + use<A> {
    let is_http2 = request.version() == Version::HTTP_2;
    let (mut head, incoming) = request.into_parts();
    // HTTP/2 has a limit of its own, which h2 enforces.
    let too_large = if is_http2 { None } else { HeadTooLarge::of(&head, limits.max_head) };
    if let Some(too_large) = too_large {
        head.extensions.insert(too_large);
    }
    let (body, rest) = Received::new(incoming, open.activity(), limits.body_timeout);
    let request = Request::from_parts(head, body);
    async move {
        let mut reply = answer.answer(peer, request).await.into();
        // What is left of the request stands where the next one would have to begin. A service that has not given it up may
        // still read it while it replies. Whoever sends heads that are too large is not worth waiting for.
        if !is_http2 && (too_large.is_some() || rest.is_given_up() || open.activity().is_last()) {
            reply.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
        }
        Ok(reply.map(|body| Tracked { body, open, is_http2 }))
    }
}

pin_project! {
    /// The body of a reply, which keeps its request open, and tells when only the client holds it up.
    pub(crate) struct Tracked<B> {
        #[pin]
        body: B,
        open: Open,
        is_http2: bool,
    }
}

impl<B: Body> Body for Tracked<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        let this = self.project();
        let polled = this.body.poll_frame(cx);
        // The next poll comes when the client has taken what this one gives.
        if *this.is_http2 {
            streams::offer(polled.is_ready());
        } else {
            this.open.offer(polled.is_ready());
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
