//! What a span is about.

use std::sync::Arc;

use http::Method;

use super::own::OwnSpan;
use crate::FunctionName;
use crate::bus::{Message, Topic};

/// What a span is about.
#[derive(Debug, Clone, PartialEq)]
pub enum SpanSubject {
    /// An HTTP request that came to a service, or that the host answered by itself.
    Request {
        /// Its method.
        method: Method,
        /// Whether it came under TLS.
        secure: bool,
        /// Its path, without the query, which may say what is nobody's business.
        path: String,
        /// The pattern of the path of the route that it came in by.
        route: Option<String>,
        /// The status of the reply.
        status: Option<u16>,
    },
    /// A function that was called.
    Function(Arc<FunctionName>),
    /// A message that was handed to a service.
    Delivery {
        /// The message.
        message: MessageFacts,
        /// The consumer group.
        group: Arc<str>,
    },
    /// A message that was published.
    Publication(MessageFacts),
    /// An HTTP request that a service sent to the outside.
    Outgoing {
        /// Its method.
        method: Method,
        /// Where it went.
        target: OutgoingTarget,
        /// The status of the reply.
        status: Option<u16>,
    },
    /// What a service says of itself.
    Own(Box<OwnSpan>),
}

/// What is kept of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MessageFacts {
    /// Where it was published.
    pub topic: Topic,
    /// Its id.
    pub id: String,
    /// Bytes of its data.
    pub size: usize,
}

impl From<&Message> for MessageFacts {
    fn from(message: &Message) -> Self {
        Self { topic: message.topic.clone(), id: message.id.clone(), size: message.data.len() }
    }
}

/// Where a request to the outside goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutgoingTarget {
    /// Whether under TLS.
    pub secure: bool,
    /// The host.
    pub host: String,
    /// The port.
    pub port: u16,
    /// The path, without the query.
    pub path: String,
}

impl SpanSubject {
    /// What spans about the same have as their name. There are as many as there are routes, functions and topics. Services
    /// name their own.
    pub fn name(&self) -> String {
        match self {
            Self::Request { method, route: Some(route), .. } => format!("{} {route}", method_name(method)),
            Self::Request { method, .. } | Self::Outgoing { method, .. } => method_name(method).to_owned(),
            Self::Function(function) => function.to_string(),
            Self::Delivery { message, .. } => format!("process {}", message.topic),
            Self::Publication(message) => format!("publish {}", message.topic),
            Self::Own(_) => String::new(),
        }
    }

    /// Bytes that it takes on the heap, roughly.
    pub(super) fn size(&self) -> usize {
        match self {
            Self::Request { path, route, .. } => path.len() + route.as_ref().map_or(0, String::len),
            Self::Delivery { message, .. } | Self::Publication(message) => {
                message.id.len() + message.topic.as_str().len()
            }
            Self::Outgoing { target, .. } => target.host.len() + target.path.len(),
            Self::Own(own) => own.size(),
            Self::Function(_) => 0,
        }
    }
}

/// The method, if it is one that everybody knows; the name of a span must not be up to callers.
fn method_name(method: &Method) -> &str {
    if is_known(method) { method.as_str() } else { "HTTP" }
}

/// Whether a method is one of RFC 9110 or RFC 5789.
pub(super) const fn is_known(method: &Method) -> bool {
    matches!(
        *method,
        Method::GET
            | Method::HEAD
            | Method::POST
            | Method::PUT
            | Method::DELETE
            | Method::CONNECT
            | Method::OPTIONS
            | Method::TRACE
            | Method::PATCH
    )
}
