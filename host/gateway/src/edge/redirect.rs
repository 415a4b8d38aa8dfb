//! Sends callers elsewhere. The host that they are sent to is the one of the configuration, or their own.

use http::header::LOCATION;
use http::{HeaderValue, StatusCode, Uri};
use patchbay_model::policy::RedirectSettings;
use patchbay_model::{PathPattern, Reply, empty_body};

use super::rewrite::{below, joined};

/// Where callers are sent.
#[derive(Debug)]
pub(super) struct Redirect {
    status: StatusCode,
    /// A path, or a URL with its scheme and host.
    to: String,
    /// The prefix of the route, if what follows it is kept.
    keep_below: Option<String>,
    keep_query: bool,
}

impl Redirect {
    pub(super) fn new(settings: &RedirectSettings, paths: &PathPattern) -> Self {
        let prefix = match paths {
            PathPattern::Prefix(prefix) => Some(prefix.clone()),
            PathPattern::Exact(_) => None,
        };
        Self {
            status: StatusCode::from_u16(settings.status).unwrap_or(StatusCode::TEMPORARY_REDIRECT),
            to: settings.to.clone(),
            keep_below: prefix.filter(|_| settings.keep_path),
            keep_query: settings.keep_query,
        }
    }

    pub(super) fn answer(&self, asked: &Uri) -> Reply {
        let mut reply = Reply::new(empty_body());
        *reply.status_mut() = self.status;
        // What is configured is a header value, and so is what was a path.
        if let Ok(location) = HeaderValue::try_from(self.location(asked)) {
            reply.headers_mut().insert(LOCATION, location);
        }
        reply
    }

    fn location(&self, asked: &Uri) -> String {
        let rest = self.keep_below.as_deref().and_then(|prefix| below(prefix, asked.path())).unwrap_or_default();
        // Browsers take a backslash for a slash.
        let rest = rest.replace('\\', "%5C");
        let mut location = match rest.is_empty() {
            true => self.to.clone(),
            false => joined(self.to.trim_end_matches('/'), &rest),
        };
        if let (true, Some(query)) = (self.keep_query, asked.query()) {
            location.push('?');
            location.push_str(query);
        }
        location
    }
}
