//! Another path and host for the service than those that the caller asked for.

use serde::{Deserialize, Serialize};

use super::prefix_of;
use crate::PathPattern;
use crate::policy::Judge;

/// How the target of a request is changed on its way to the service.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RewriteSettings {
    /// What is taken off the beginning of the path, in whole segments, such as `/api`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub strip_prefix: Option<String>,
    /// What is put in place of what was taken off; without `strip_prefix`, in place of the prefix of the route.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prefix: Option<String>,
    /// One path for all requests, in place of the two above.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// The host that the service is asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
}

impl RewriteSettings {
    pub(super) fn judge(&self, judge: &mut Judge<'_>) {
        let says = self.strip_prefix.is_some() || self.prefix.is_some() || self.path.is_some() || self.host.is_some();
        judge.require(says, "rewrite", "says nothing; name a `strip_prefix`, `prefix`, `path` or `host`");
        for (key, prefix) in [("rewrite.strip_prefix", &self.strip_prefix), ("rewrite.prefix", &self.prefix)] {
            let good =
                prefix.as_ref().is_none_or(|prefix| is_path(prefix) && (!prefix.ends_with('/') || prefix == "/"));
            judge.require(good, key, "must be a path without a slash at its end, such as `/v2`");
        }
        let good = self.path.as_ref().is_none_or(|path| is_path(path));
        judge.require(good, "rewrite.path", "must be a path that starts with one `/`, such as `/index`");
        let alone = self.path.is_none() || (self.strip_prefix.is_none() && self.prefix.is_none());
        judge.require(alone, "rewrite.path", "cannot stand next to `strip_prefix` or `prefix`");
        let good = self.host.as_ref().is_none_or(|host| is_host(host));
        judge.require(good, "rewrite.host", "must be a host, such as `shop.example` or `shop.example:8080`");
    }

    pub(super) fn judge_on(&self, paths: &PathPattern, judge: &mut Judge<'_>) {
        let stripped = self.strip_prefix.as_deref().map(|prefix| PathPattern::Prefix(bare(prefix).to_owned()));
        let fits = stripped.is_none_or(|stripped| stripped.matches(prefix_of(paths)));
        judge.require(
            fits,
            "rewrite.strip_prefix",
            &format!("must be what all paths of the route `{paths}` begin with"),
        );
    }
}

/// A prefix as it stands before a `/`: that of everything is empty.
pub(super) fn bare(prefix: &str) -> &str {
    if prefix == "/" { "" } else { prefix }
}

/// Whether `text` is a path and nothing else. One that begins with two slashes would name a host in a `Location`.
pub(super) fn is_path(text: &str) -> bool {
    let printable = text.bytes().all(|c| c.is_ascii_graphic() && !matches!(c, b'?' | b'#' | b'\\' | b'*'));
    printable && text.starts_with('/') && !text.starts_with("//") && text.parse::<http::uri::PathAndQuery>().is_ok()
}

fn is_host(text: &str) -> bool {
    text.parse::<http::uri::Authority>().is_ok_and(|host| host.as_str() == text && !text.contains('@'))
}
