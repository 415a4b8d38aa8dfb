//! How records are written: which form, and what a line of it is.

use std::io::IsTerminal;

use patchbay_model::LogRecord;

use super::{ecs, json, text};
use crate::config::LogFormat;

/// The form of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LineFormat {
    /// For people.
    Text {
        /// Whether colour is seen.
        colour: bool,
    },
    /// JSON.
    Json,
    /// JSON with the field names of the Elastic Common Schema.
    Ecs,
}

impl LineFormat {
    /// The form that is meant: where nothing is said, text for a terminal and JSON for all else.
    pub(crate) fn of(asked: LogFormat) -> Self {
        let stderr = std::io::stderr();
        let colour = anstream::AutoStream::choice(&stderr) != anstream::ColorChoice::Never;
        Self::chosen(asked, stderr.is_terminal(), colour)
    }

    const fn chosen(asked: LogFormat, terminal: bool, colour: bool) -> Self {
        match asked {
            LogFormat::Text => Self::Text { colour },
            LogFormat::Auto if terminal => Self::Text { colour },
            LogFormat::Auto | LogFormat::Json => Self::Json,
            LogFormat::Ecs => Self::Ecs,
        }
    }

    /// Whether people read it.
    pub(crate) const fn is_text(self) -> bool {
        matches!(self, Self::Text { .. })
    }

    /// A record as one line, with its end.
    pub(crate) fn line(self, record: &LogRecord) -> Vec<u8> {
        let mut line = match self {
            Self::Text { colour } => text::line(record, colour).into_bytes(),
            Self::Json => object(|serializer| json::write(record, serializer)),
            Self::Ecs => object(|serializer| ecs::write(record, serializer)),
        };
        line.push(b'\n');
        line
    }
}

type Writer<'b> = serde_json::Serializer<&'b mut Vec<u8>>;

/// What `write` writes. JSON has no raw line ends, whatever stands in its texts.
fn object(write: impl FnOnce(&mut Writer<'_>) -> serde_json::Result<()>) -> Vec<u8> {
    let mut line = Vec::with_capacity(512);
    match write(&mut serde_json::Serializer::new(&mut line)) {
        Ok(()) => line,
        // Texts, numbers and booleans can all be written into memory.
        Err(_) => b"{}".to_vec(),
    }
}

#[cfg(test)]
mod tests;
