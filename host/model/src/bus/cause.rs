//! What led to a call, and has to go on with whatever it leads to.

/// The trace and the causes of a call, as they came with it. The host hands them on and reads nothing into them.
///
/// The names are those of the CloudEvents extensions that carry them between messages.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Cause {
    /// The id of the message whose delivery led to the call, for `causationid`.
    pub message: Option<String>,
    /// What all messages of one story share, for `correlationid`.
    pub correlation: Option<String>,
    /// The trace context (W3C Trace Context), for `traceparent`.
    pub traceparent: Option<String>,
    /// What else tracing systems hand on, for `tracestate`.
    pub tracestate: Option<String>,
}
