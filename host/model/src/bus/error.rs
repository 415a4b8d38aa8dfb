//! How the bus fails.

use std::time::Duration;

/// Why the bus did not do what was asked of it. A message that was to be published is not acknowledged: unless the error
/// says otherwise, it was not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BusError {
    /// What was asked is not possible with any bus.
    #[error("{0}")]
    Invalid(String),
    /// The publisher may not.
    #[error("{0}")]
    Denied(String),
    /// The message is larger than the bus takes.
    #[error("the message has {size} bytes, and the bus takes {limit} at most")]
    TooLarge {
        /// Its size in bytes.
        size: u64,
        /// The largest there may be.
        limit: u64,
    },
    /// The topic keeps no more: its size or count is reached.
    #[error("the topic `{topic}` is full: {reached}; try again when messages have aged, or raise its limits")]
    Full {
        /// The topic, as it is declared.
        topic: String,
        /// Which limit is reached.
        reached: String,
    },
    /// The bus cannot be reached, or has too much to do already.
    #[error("the bus is not available: {0}")]
    Unavailable(String),
    /// It took too long. The message may have been taken.
    #[error("there was no answer within {0:?}")]
    Timeout(Duration),
    /// Nobody is there who could answer a request.
    #[error("nobody is subscribed to `{0}` who could answer")]
    NoResponders(String),
    /// There is no such topic, subscription or message.
    #[error("{0}")]
    NotFound(String),
    /// What is stored is damaged, or the disk or broker fails.
    #[error("{0}")]
    Storage(String),
}

impl BusError {
    /// Its kind, as traces and metrics name it.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Invalid(_) => "invalid",
            Self::Denied(_) => "denied",
            Self::TooLarge { .. } => "too-large",
            Self::Full { .. } => "full",
            Self::Unavailable(_) => "unavailable",
            Self::Timeout(_) => "timeout",
            Self::NoResponders(_) => "no-responders",
            Self::NotFound(_) => "not-found",
            Self::Storage(_) => "storage",
        }
    }
}
