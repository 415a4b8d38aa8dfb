//! Sends callers elsewhere.

use http::Uri;
use serde::{Deserialize, Serialize};

use super::rewrite::{bare, is_path};
use crate::PathPattern;
use crate::policy::Judge;

/// Where callers are sent, in place of a service. Nothing of a request has a say in the host that they are sent to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RedirectSettings {
    /// A URL, such as `https://shop.example/new`, or a path on the same host.
    pub to: String,
    /// 301, 302, 303, 307 or 308.
    pub status: u16,
    /// Whether what follows the prefix of the route is kept behind it.
    pub keep_path: bool,
    /// Whether the query is kept.
    pub keep_query: bool,
}

impl Default for RedirectSettings {
    fn default() -> Self {
        Self { to: String::new(), status: 307, keep_path: true, keep_query: true }
    }
}

impl RedirectSettings {
    pub(super) fn judge(&self, judge: &mut Judge<'_>) {
        let possible = [301, 302, 303, 307, 308].contains(&self.status);
        judge.require(possible, "redirect.status", "must be 301, 302, 303, 307 or 308");
        judge.require(
            is_path(&self.to) || is_url(&self.to),
            "redirect.to",
            "must be a path that starts with one `/`, or a URL of http or https with neither user, query nor fragment",
        );
    }

    pub(super) fn judge_on(&self, paths: &PathPattern, judge: &mut Judge<'_>) {
        let to = bare(self.to.trim_end_matches('/'));
        let to = if to.is_empty() { "/" } else { to };
        let leads_back = self.to.starts_with('/') && paths.matches(to);
        judge.require(!leads_back, "redirect.to", &format!("leads back to the route `{paths}` itself"));
    }
}

fn is_url(text: &str) -> bool {
    let plain = text.bytes().all(|c| c.is_ascii_graphic() && !matches!(c, b'?' | b'#' | b'@' | b'\\'));
    let uri = text.parse::<Uri>();
    plain
        && uri.is_ok_and(|uri| {
            matches!(uri.scheme_str(), Some("http" | "https")) && uri.host().is_some_and(|host| !host.is_empty())
        })
}
