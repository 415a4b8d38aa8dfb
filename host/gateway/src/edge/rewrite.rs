//! Another path and host for the service than those that the caller asked for.

use http::header::HOST;
use http::uri::{Authority, PathAndQuery};
use http::{HeaderValue, Uri, request};
use patchbay_model::PathPattern;
use patchbay_model::policy::RewriteSettings;

/// How the target of a request is changed.
#[derive(Debug)]
pub(super) struct Rewrite {
    path: Change,
    host: Option<(HeaderValue, Authority)>,
}

#[derive(Debug)]
enum Change {
    Nothing,
    /// What the path begins with, and what it begins with instead. Neither ends with a slash.
    Prefix(String, String),
    Whole(String),
}

impl Rewrite {
    pub(super) fn new(settings: &RewriteSettings, paths: &PathPattern) -> Self {
        let (PathPattern::Exact(own) | PathPattern::Prefix(own)) = paths;
        let bare = |prefix: &str| prefix.trim_end_matches('/').to_owned();
        let path = match (&settings.path, &settings.strip_prefix, &settings.prefix) {
            (Some(path), _, _) => Change::Whole(path.clone()),
            (None, None, None) => Change::Nothing,
            (None, strip, put) => {
                let strip = strip.as_deref().unwrap_or(own);
                Change::Prefix(bare(strip), bare(put.as_deref().unwrap_or_default()))
            }
        };
        // Its problems were excluded before.
        let host = settings.host.as_deref().and_then(|host| Some((host.parse().ok()?, host.parse().ok()?)));
        Self { path, host }
    }

    /// Changes the target of a request. Its query stays.
    pub(super) fn apply(&self, head: &mut request::Parts) {
        let path = match &self.path {
            Change::Nothing => None,
            Change::Whole(path) => Some(path.clone()),
            Change::Prefix(strip, put) => below(strip, head.uri.path()).map(|rest| joined(put, rest)),
        };
        let mut parts = std::mem::take(&mut head.uri).into_parts();
        if let Some(path) = path {
            let query = parts.path_and_query.as_ref().and_then(PathAndQuery::query);
            let whole = query.map_or_else(|| path.clone(), |query| format!("{path}?{query}"));
            parts.path_and_query = PathAndQuery::from_maybe_shared(whole).ok().or(parts.path_and_query);
        }
        if let Some((value, authority)) = &self.host {
            head.headers.insert(HOST, value.clone());
            if parts.authority.is_some() {
                parts.authority = Some(authority.clone());
            }
        }
        head.uri = Uri::from_parts(parts).unwrap_or_default();
    }
}

/// What of a path is below a prefix, in whole segments; `None` if it is not below it.
pub(super) fn below<'p>(prefix: &str, path: &'p str) -> Option<&'p str> {
    path.strip_prefix(prefix).filter(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// A prefix and what follows it, with one slash between: two at the beginning would name a host to whoever reads the path
/// as a reference (RFC 3986, 4.2).
pub(super) fn joined(prefix: &str, rest: &str) -> String {
    if rest.is_empty() && !prefix.is_empty() {
        return prefix.to_owned();
    }
    format!("{prefix}/{}", rest.trim_start_matches('/'))
}
