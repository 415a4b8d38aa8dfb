//! How the embedded bus is set up.

/// What becomes of records of durable topics that are found damaged. They are never delivered.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Damage {
    /// The bus does not open, and says which records of which file are damaged. What is found later is passed over, and
    /// the bus reports itself impaired.
    #[default]
    Refuse,
    /// They are logged, counted and passed over.
    Skip,
}

/// What waits in memory for a consumer group of volatile topics. What is more is dropped and counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QueueLimits {
    /// Messages.
    pub messages: usize,
    /// What they take, in bytes. One message always has a place.
    pub bytes: usize,
}

/// How the embedded bus is set up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EmbeddedOptions {
    /// The largest message, in bytes, with all that belongs to it.
    pub max_message: u64,
    /// What becomes of damaged records.
    pub damage: Damage,
    /// What waits in memory for each consumer group of volatile topics.
    pub queue: QueueLimits,
    /// Messages of each durable topic that are remembered to find out that another one is the same. With more than this
    /// within the topic's `dedupe`, the oldest are forgotten early.
    pub remembered: usize,
}

impl Default for EmbeddedOptions {
    fn default() -> Self {
        Self {
            max_message: 1 << 20,
            damage: Damage::Refuse,
            queue: QueueLimits { messages: 8192, bytes: 64 << 20 },
            remembered: 1_000_000,
        }
    }
}
