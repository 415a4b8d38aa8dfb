//! What is done to the header of requests and replies.

use std::collections::{BTreeMap, BTreeSet};

use http::{HeaderName, HeaderValue};
use serde::{Deserialize, Serialize};

use crate::policy::Judge;

/// Changes of a header, in this order: what is removed, what is set, what is added.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct HeaderRules {
    /// Fields that are taken out.
    pub remove: BTreeSet<String>,
    /// Fields that have this value and no other.
    pub set: BTreeMap<String, String>,
    /// Fields that have this value, too.
    pub add: BTreeMap<String, String>,
}

/// The keys of one header, for messages: removed, set, added.
pub(super) type Keys = [&'static str; 3];
pub(super) const OF_REQUESTS: Keys = ["request_headers.remove", "request_headers.set", "request_headers.add"];
pub(super) const OF_REPLIES: Keys = ["response_headers.remove", "response_headers.set", "response_headers.add"];

/// Fields that belong to a connection, or that say where a message goes and where it ends (RFC 9110, 7.6.1; RFC 9112).
const UNTOUCHABLE: [&str; 13] = [
    "connection",
    "content-length",
    "host",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authentication-info",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "http2-settings",
];

/// Fields that hold what nobody may read in a configuration.
const SECRET: [&str; 3] = ["authorization", "cookie", "set-cookie"];

impl HeaderRules {
    /// Whether nothing is changed.
    pub fn is_empty(&self) -> bool {
        self.remove.is_empty() && self.set.is_empty() && self.add.is_empty()
    }

    pub(super) fn judge(&self, judge: &mut Judge<'_>, keys: Keys) {
        let [remove, set, add] = keys;
        for name in &self.remove {
            judge_name(judge, remove, name);
        }
        for (key, fields) in [(set, &self.set), (add, &self.add)] {
            for (name, value) in fields {
                judge_name(judge, key, name);
                let secret = SECRET.iter().any(|secret| name.eq_ignore_ascii_case(secret));
                judge.require(
                    !secret,
                    key,
                    &format!("cannot hold `{name}`, which is a secret; it can only be removed"),
                );
                let good = HeaderValue::from_str(value).is_ok();
                judge.require(good, key, &format!("has a value of `{name}` that no header can have"));
            }
        }
    }
}

fn judge_name(judge: &mut Judge<'_>, key: &'static str, name: &str) {
    let lower = name.to_ascii_lowercase();
    let good = HeaderName::from_bytes(name.as_bytes()).is_ok();
    judge.require(good, key, &format!("names `{name}`, which is no field of a header"));
    let free = !UNTOUCHABLE.contains(&lower.as_str()) && !lower.starts_with("patchbay-");
    judge.require(free, key, &format!("names `{name}`, which only the host sets"));
}
