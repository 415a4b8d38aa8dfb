//! Requests that guests send with `wasi:http`: from the guest to the outbound port and back, for both versions of WASI.
//!
//! Whatever a guest asks for, a request ends with the deadline of the call in whose course it is sent. Nothing here is
//! allocated for a guest that sends nothing.

mod body;

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use bytes::Bytes;
use http_body_util::combinators::UnsyncBoxBody;
use patchbay_model::{OutboundError, OutboundRequest, Reply};
use patchbay_striped::Lent;
use tokio::time::timeout_at;
use wasmtime_wasi_http::{Error, RequestOptions, WasiBody, WasiHttpHooks};

use crate::at_work::AtWork;
use crate::revision::Revision;
use crate::task::Task;
use body::{ReplyBody, request_body};

/// Sends the requests of one instance.
pub(crate) struct Outgoing {
    revision: Lent<Revision>,
    pub(crate) at_work: AtWork,
    /// Set when the instance is lost. Made with its first request.
    lost: Option<Arc<AtomicBool>>,
}

impl Outgoing {
    pub(crate) const fn new(revision: Lent<Revision>) -> Self {
        Self { revision, at_work: AtWork::Nothing, lost: None }
    }

    /// The instance has done all that it had to do. What it sent is whole, also where it is still on its way.
    pub(crate) fn finish(&mut self) {
        self.lost = None;
    }

    /// The instance is lost: what it was still writing is not whole.
    pub(crate) fn lose(&mut self) {
        if let Some(lost) = self.lost.take() {
            lost.store(true, Ordering::SeqCst);
        }
    }

    fn send(
        &mut self,
        request: http::Request<WasiBody>,
        options: RequestOptions,
    ) -> Result<(Sending, Instant, u64), Error> {
        // Outside of a call there is nobody to send for, and no deadline.
        let course = self.at_work.course().ok_or(Error::HttpRequestDenied)?;
        let limit = self.revision.settings.limits.outbound_body;
        let lost = self.lost.get_or_insert_default().clone();
        let (head, body) = request.into_parts();
        let request = http::Request::from_parts(head, request_body(body, limit, lost)?);
        let deadline = course.deadline;
        let sent = self.revision.outlet.send(OutboundRequest {
            course,
            connect_timeout: options.connect_timeout,
            first_byte_timeout: options.first_byte_timeout,
            request,
        });
        let sending =
            Task::spawn(async move { timeout_at(deadline.into(), sent).await.unwrap_or(Err(OutboundError::Deadline)) });
        Ok((sending, deadline, limit))
    }
}

/// A request on its way. Broken off when dropped.
type Sending = Task<Result<Reply, OutboundError>>;

impl Drop for Outgoing {
    fn drop(&mut self) {
        self.lose();
    }
}

type Sent = (http::Response<WasiBody>, Box<dyn Future<Output = Result<(), Error>> + Send>);

impl WasiHttpHooks for Outgoing {
    /// Replies that are written in pieces are then mostly complete before the guest has to wait for a reader. Pieces of
    /// 4 KiB, the most that `blocking-write-and-flush` takes, are common.
    fn p2_outgoing_body_buffer_chunks(&mut self) -> usize {
        32
    }

    /// With the above, the most that the host buffers of one body is half a MiB.
    fn p2_outgoing_body_chunk_size(&mut self) -> usize {
        16 << 10
    }

    fn send_request(
        &mut self,
        request: http::Request<UnsyncBoxBody<Bytes, Error>>,
        options: Option<RequestOptions>,
        _processed: Box<dyn Future<Output = Result<(), Error>> + Send>,
    ) -> Box<dyn Future<Output = Result<Sent, Error>> + Send> {
        let options = options.unwrap_or_default();
        let sent = self.send(request, options);
        Box::new(async move {
            let (sending, deadline, limit) = sent?;
            let reply = sending.await.unwrap_or_else(|panic| Err(OutboundError::Host(panic.to_string())));
            let reply = reply.map_err(error_code)?;
            let reply = http::Response::from(reply)
                .map(|body| ReplyBody::boxed(body, deadline, options.between_bytes_timeout, limit));
            // The connection is driven elsewhere; there is nothing more to wait for.
            Ok((reply, Box::new(std::future::ready(Ok(()))) as Box<dyn Future<Output = Result<(), Error>> + Send>))
        })
    }
}

/// The error codes of `wasi:http`, which are those of RFC 9209.
fn error_code(error: OutboundError) -> Error {
    match error {
        OutboundError::Denied => Error::HttpRequestDenied,
        OutboundError::ProhibitedAddress => Error::DestinationIpProhibited,
        OutboundError::NoSuchService => Error::DestinationNotFound,
        OutboundError::InvalidAddress => Error::HttpRequestUriInvalid,
        OutboundError::InvalidMethod => Error::HttpRequestMethodInvalid,
        OutboundError::TooLarge { limit } => Error::HttpRequestBodySize(Some(limit)),
        OutboundError::ConnectionLimit => Error::ConnectionLimitReached,
        OutboundError::Name(problem) => Error::DnsError { rcode: Some(problem), info_code: None },
        OutboundError::NameTimeout => Error::DnsTimeout,
        OutboundError::Refused => Error::ConnectionRefused,
        OutboundError::Unreachable(_) => Error::DestinationUnavailable,
        OutboundError::ConnectTimeout => Error::ConnectionTimeout,
        OutboundError::Certificate(_) => Error::TlsCertificateError,
        OutboundError::TlsAlert { number, description } => {
            Error::TlsAlertReceived { alert_id: Some(number), alert_message: Some(description) }
        }
        OutboundError::Tls(_) => Error::TlsProtocolError,
        OutboundError::Terminated => Error::ConnectionTerminated,
        OutboundError::FirstByteTimeout => Error::ConnectionReadTimeout,
        OutboundError::Deadline => Error::HttpResponseTimeout,
        OutboundError::HeadTooLarge => Error::HttpResponseHeaderSectionSize(None),
        OutboundError::Protocol(_) | OutboundError::Body(_) => Error::HttpProtocolError,
        OutboundError::Host(_) => Error::InternalError(None),
    }
}
