//! When replies are compressed.

use serde::{Deserialize, Serialize};

use crate::policy::Judge;
use crate::units;

/// How replies are compressed, for callers that accept it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct CompressSettings {
    /// Whether gzip is used.
    pub gzip: bool,
    /// Whether Brotli is used.
    pub br: bool,
    /// Replies that are known to be smaller stay as they are, in bytes.
    #[serde(with = "units::size")]
    pub min_size: u64,
    /// Whether replies to requests with cookies are compressed, too. Such a reply can hold a secret next to what
    /// another page has chosen, and its size then tells of the secret (BREACH).
    pub cookies: bool,
}

impl Default for CompressSettings {
    fn default() -> Self {
        Self { gzip: true, br: true, min_size: 1 << 10, cookies: false }
    }
}

impl CompressSettings {
    pub(super) fn judge(&self, judge: &mut Judge<'_>) {
        judge.require(self.gzip || self.br, "compress", "compresses nothing; leave `gzip` or `br` on, or take it out");
        judge.require(self.min_size <= 1 << 30, "compress.min_size", "must be at most 1GiB");
    }
}
