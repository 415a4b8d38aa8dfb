//! How much a call matters when not all can be served.

use serde::{Deserialize, Serialize};

/// Whose calls are refused first when the host is saturated.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Priority {
    /// Can wait: what is refused first.
    Low,
    /// What is not said to be otherwise.
    #[default]
    Normal,
    /// Refused last, when nothing of the others is let in any more.
    High,
}

impl Priority {
    /// All of them, in the order in which they are refused.
    pub const ALL: [Self; 3] = [Self::Low, Self::Normal, Self::High];

    /// The priority's name in configuration.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::Normal => "normal",
            Self::High => "high",
        }
    }
}
