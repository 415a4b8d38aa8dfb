//! What is done to the header of requests and replies.

use http::{HeaderMap, HeaderName, HeaderValue};
use patchbay_model::policy::HeaderRules;

/// Changes of a header, in the order in which they are made.
#[derive(Debug, Default)]
pub(super) struct Fields {
    remove: Vec<HeaderName>,
    set: Vec<(HeaderName, HeaderValue)>,
    add: Vec<(HeaderName, HeaderValue)>,
}

impl Fields {
    /// The changes that `rules` name. Their problems were excluded before.
    pub(super) fn new(rules: &HeaderRules) -> Self {
        let pair = |(name, value): (&String, &String)| Some((name.parse().ok()?, value.parse().ok()?));
        Self {
            remove: rules.remove.iter().filter_map(|name| name.parse().ok()).collect(),
            set: rules.set.iter().filter_map(pair).collect(),
            add: rules.add.iter().filter_map(pair).collect(),
        }
    }

    pub(super) fn apply(&self, headers: &mut HeaderMap) {
        for name in &self.remove {
            headers.remove(name);
        }
        for (name, value) in &self.set {
            headers.insert(name, value.clone());
        }
        for (name, value) in &self.add {
            headers.append(name, value.clone());
        }
    }
}
