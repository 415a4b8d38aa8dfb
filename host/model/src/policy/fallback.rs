//! What stands in for a service that does not answer.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{FunctionName, ServiceName};

/// What answers in place of a service that failed, could not be reached, or took too long.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Fallback {
    /// Results of functions, as JSON, by functions without a version. They come first.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub results: BTreeMap<FunctionName, serde_json::Value>,
    /// Another service with the same contract.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub service: Option<ServiceName>,
}

impl Fallback {
    /// Whether nothing stands in.
    pub fn is_empty(&self) -> bool {
        self.results.is_empty() && self.service.is_none()
    }
}
