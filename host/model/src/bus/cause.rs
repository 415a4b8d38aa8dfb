//! What led to a call, and has to go on with whatever it leads to.

use std::sync::Arc;

use super::message::Message;

/// What led to a call. The host hands it on to the messages that are published in the course of the call, and reads
/// nothing into it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cause {
    /// The delivery of a message.
    Message(Arc<Message>),
    /// A request that came with a trace context.
    Trace(Arc<TraceContext>),
}

/// A trace context (W3C Trace Context), as it came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TraceContext {
    /// `traceparent`.
    pub parent: String,
    /// `tracestate`.
    pub state: Option<String>,
}

impl Message {
    /// Carries on what led to it, except where it says something else itself: in the CloudEvents extensions
    /// `causationid`, `correlationid`, `traceparent` and `tracestate`.
    pub fn caused_by(&mut self, cause: &Cause) {
        match cause {
            Cause::Message(message) => {
                self.carry("causationid", Some(&message.id));
                // A story begins with the first message that led to another one.
                self.carry("correlationid", message.extension("correlationid").or(Some(&message.id)));
                self.carry("traceparent", message.extension("traceparent"));
                self.carry("tracestate", message.extension("tracestate"));
            }
            Cause::Trace(context) => {
                self.carry("traceparent", Some(&context.parent));
                self.carry("tracestate", context.state.as_deref());
            }
        }
    }

    fn carry(&mut self, name: &str, value: Option<&str>) {
        if let Some(value) = value.filter(|_| self.extension(name).is_none()) {
            self.extensions.push((name.to_owned(), value.to_owned()));
        }
    }
}
