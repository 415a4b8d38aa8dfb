//! What a call is about, kept without a copy until its span is made.

use std::sync::Arc;

use http::Method;
use http::uri::PathAndQuery;
use patchbay_model::bus::Message;
use patchbay_model::trace::SpanSubject;
use patchbay_model::{FunctionName, Route};

/// What a call is about. Making one, or a clone, allocates nothing.
#[derive(Debug, Clone)]
pub enum Subject {
    /// An HTTP request.
    Request {
        /// Its method.
        method: Method,
        /// Whether it came under TLS.
        secure: bool,
        /// Its path, with the query.
        path: Option<PathAndQuery>,
    },
    /// A function.
    Function(Arc<FunctionName>),
    /// A message for a consumer group.
    Message {
        /// The message.
        message: Arc<Message>,
        /// The consumer group.
        group: Arc<str>,
    },
}

impl Subject {
    /// Whether it is a message.
    pub(super) const fn is_message(&self) -> bool {
        matches!(self, Self::Message { .. })
    }

    /// What stands in the record of a span.
    pub fn span_subject(&self, route: Option<&Route>, status: Option<u16>) -> SpanSubject {
        match self {
            Self::Request { method, secure, path } => SpanSubject::Request {
                method: method.clone(),
                secure: *secure,
                path: path.as_ref().map_or("/", PathAndQuery::path).to_owned(),
                route: route.map(|route| route.path.to_string()),
                status,
            },
            Self::Function(function) => SpanSubject::Function(Arc::clone(function)),
            Self::Message { message, group } => {
                SpanSubject::Delivery { message: (&**message).into(), group: Arc::clone(group) }
            }
        }
    }
}
