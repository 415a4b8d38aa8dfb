//! A request that a service sends, to the outside or to another service, and how it can fail.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::bus::Message;
use crate::trace::SpanContext;
use crate::{Body, CallId, User};

/// The call in whose course something is done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Course {
    /// The call. `None` where an instance works on several at once, and it cannot be told for which.
    pub call: Option<CallId>,
    /// Its deadline; of several calls, the latest.
    pub deadline: Instant,
    /// How many services called each other on the way to it; of several calls, the most.
    pub hops: u32,
    /// The message that led to the call, where one did.
    pub cause: Option<Arc<Message>>,
    /// The span of the call. `None` where it cannot be told which call it is.
    pub trace: Option<SpanContext>,
    /// The user for whom the call is made in the end, however many services are between, where there is one.
    pub user: Option<Arc<User>>,
}

/// A request that an instance sends.
#[derive(Debug)]
pub struct OutboundRequest {
    /// The call in whose course it is sent. Its deadline ends this one, too.
    pub course: Course,
    /// How long a connection may take to come by, where the guest says so.
    pub connect_timeout: Option<Duration>,
    /// How long the reply may take to begin once the request can be sent, where the guest says so.
    pub first_byte_timeout: Option<Duration>,
    /// The request: its address has a scheme and an authority.
    pub request: http::Request<Body>,
}

/// Why a request that an instance sent was not answered. Each is an error code of `wasi:http`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OutboundError {
    /// The service may not send it.
    #[error("it is not allowed")]
    Denied,
    /// The name leads to addresses that are not public and not listed.
    #[error("the address is not public and not listed")]
    ProhibitedAddress,
    /// There is no service of this name.
    #[error("there is no such service")]
    NoSuchService,
    /// The address of the request is no address that requests can be sent to.
    #[error("the address of the request is not valid")]
    InvalidAddress,
    /// The method is not one that can be passed on.
    #[error("the method cannot be passed on")]
    InvalidMethod,
    /// The body of the request is larger than the service may send.
    #[error("the body is larger than the limit of {limit} bytes")]
    TooLarge {
        /// The limit, in bytes.
        limit: u64,
    },
    /// All connections that the service may have are in use.
    #[error("all connections of the service are in use")]
    ConnectionLimit,
    /// The name leads to no address.
    #[error("the name cannot be resolved: {0}")]
    Name(String),
    /// The name was not resolved in time.
    #[error("the name was not resolved in time")]
    NameTimeout,
    /// The other side takes no connection.
    #[error("the connection was refused")]
    Refused,
    /// The other side cannot be reached.
    #[error("the destination cannot be reached: {0}")]
    Unreachable(String),
    /// No connection was had in time.
    #[error("no connection was had in time")]
    ConnectTimeout,
    /// The certificate of the other side is not trusted.
    #[error("the certificate is not trusted: {0}")]
    Certificate(String),
    /// The other side ended the TLS handshake with this alert.
    #[error("the other side sent the TLS alert {description}")]
    TlsAlert {
        /// The number of the alert (RFC 8446, 6).
        number: u8,
        /// Its name.
        description: String,
    },
    /// The TLS handshake failed.
    #[error("TLS failed: {0}")]
    Tls(String),
    /// The connection ended before a reply was there.
    #[error("the connection ended before a reply was there")]
    Terminated,
    /// The reply did not begin in time.
    #[error("the reply did not begin in time")]
    FirstByteTimeout,
    /// The deadline of the call passed.
    #[error("the deadline of the call passed")]
    Deadline,
    /// The head of the reply is too large.
    #[error("the head of the reply is too large")]
    HeadTooLarge,
    /// What came is no HTTP.
    #[error("the reply is not valid HTTP: {0}")]
    Protocol(String),
    /// The body of the request broke off.
    #[error("the body of the request broke off: {0}")]
    Body(String),
    /// The host failed.
    #[error("the host failed: {0}")]
    Host(String),
}

impl OutboundError {
    /// Its kind, as traces and metrics name it.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Denied => "denied",
            Self::ProhibitedAddress => "prohibited-address",
            Self::NoSuchService => "no-such-service",
            Self::InvalidAddress => "invalid-address",
            Self::InvalidMethod => "invalid-method",
            Self::TooLarge { .. } => "too-large",
            Self::ConnectionLimit => "connection-limit",
            Self::Name(_) => "name",
            Self::NameTimeout => "name-timeout",
            Self::Refused => "refused",
            Self::Unreachable(_) => "unreachable",
            Self::ConnectTimeout => "connect-timeout",
            Self::Certificate(_) => "certificate",
            Self::TlsAlert { .. } => "tls-alert",
            Self::Tls(_) => "tls",
            Self::Terminated => "terminated",
            Self::FirstByteTimeout => "first-byte-timeout",
            Self::Deadline => "deadline",
            Self::HeadTooLarge => "head-too-large",
            Self::Protocol(_) => "protocol",
            Self::Body(_) => "body",
            Self::Host(_) => "host",
        }
    }
}
