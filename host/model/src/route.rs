//! Routes: which requests belong to which service.

use std::fmt;
use std::str::FromStr;

use http::Method;
use serde::{Deserialize, Serialize};

use crate::text::serde_as_text;

/// Why a route cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RouteError {
    /// The host is no host name.
    #[error("`{0}` is no host; write a name such as `shop.example`, or `*.example` for all names below it")]
    Host(String),
    /// The path is no path.
    #[error("`{0}` is no path; write `/exact/path`, or `/prefix/*` for everything below it")]
    Path(String),
    /// The method is no method.
    #[error("`{0}` is no HTTP method")]
    Method(String),
}

/// Which hosts a route is for. Compared without case and without port.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum HostPattern {
    /// This name only.
    Exact(String),
    /// All names below this one: `*.example` is `Below("example")`.
    Below(String),
}

impl HostPattern {
    /// Whether `name` belongs to the pattern.
    pub fn matches(&self, name: &str) -> bool {
        match self {
            Self::Exact(exact) => exact.eq_ignore_ascii_case(name),
            Self::Below(above) => {
                name.len().checked_sub(above.len()).and_then(|end| name.split_at_checked(end)).is_some_and(
                    |(below, end)| end.eq_ignore_ascii_case(above) && below.len() > 1 && below.ends_with('.'),
                )
            }
        }
    }
}

impl FromStr for HostPattern {
    type Err = RouteError;

    fn from_str(text: &str) -> Result<Self, RouteError> {
        let lower = text.to_ascii_lowercase();
        let name = lower.strip_prefix("*.").unwrap_or(&lower);
        let label = |label: &str| {
            (1..=63).contains(&label.len())
                && label.bytes().all(|c| c.is_ascii_alphanumeric() || c == b'-' || c == b'_')
        };
        if name.len() > 253 || !name.split('.').all(label) {
            return Err(RouteError::Host(text.chars().take(80).collect()));
        }
        let name = name.to_owned();
        Ok(if lower.starts_with("*.") { Self::Below(name) } else { Self::Exact(name) })
    }
}

impl fmt::Display for HostPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exact(name) => f.write_str(name),
            Self::Below(name) => write!(f, "*.{name}"),
        }
    }
}

/// Which paths a route is for. Compared byte by byte, segment by segment; nothing is decoded.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum PathPattern {
    /// This path only.
    Exact(String),
    /// This path and everything below it. Written `/api/*`; the empty prefix, `/*`, is everything.
    Prefix(String),
}

impl PathPattern {
    /// Whether `path` belongs to the pattern. `/api/*` takes `/api` and `/api/x`, and not `/apix`.
    pub fn matches(&self, path: &str) -> bool {
        match self {
            Self::Exact(exact) => exact == path,
            Self::Prefix(prefix) => {
                path.strip_prefix(prefix.as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
            }
        }
    }
}

impl FromStr for PathPattern {
    type Err = RouteError;

    fn from_str(text: &str) -> Result<Self, RouteError> {
        let wrong = || RouteError::Path(text.chars().take(160).collect());
        let (path, prefix) = match text.strip_suffix("/*") {
            Some(prefix) => (prefix, true),
            None => (text, false),
        };
        let printable = path.bytes().all(|c| c.is_ascii_graphic() && !matches!(c, b'?' | b'#' | b'*'));
        let rooted = path.starts_with('/') || (prefix && path.is_empty());
        if !printable || !rooted || text.len() > 1024 || (prefix && path.ends_with('/')) {
            return Err(wrong());
        }
        let path = path.to_owned();
        Ok(if prefix { Self::Prefix(path) } else { Self::Exact(path) })
    }
}

impl fmt::Display for PathPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exact(path) => f.write_str(path),
            Self::Prefix(prefix) => write!(f, "{prefix}/*"),
        }
    }
}

/// Which requests belong to a service.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Route {
    /// The hosts; `None` is every host.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host: Option<HostPattern>,
    /// The paths.
    pub path: PathPattern,
    /// The methods; empty is every method.
    #[serde(default, skip_serializing_if = "Vec::is_empty", with = "methods")]
    pub methods: Vec<Method>,
}

impl fmt::Display for Route {
    /// As people read it: `GET,POST shop.example/api/*`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.methods.is_empty() {
            let methods: Vec<_> = self.methods.iter().map(Method::as_str).collect();
            write!(f, "{} ", methods.join(","))?;
        }
        if let Some(host) = &self.host {
            write!(f, "{host}")?;
        }
        write!(f, "{}", self.path)
    }
}

/// Parses one HTTP method, in capital letters.
///
/// # Errors
/// [`RouteError::Method`] if `text` is none.
pub fn parse_method(text: &str) -> Result<Method, RouteError> {
    let wrong = || RouteError::Method(text.chars().take(40).collect());
    let method = Method::from_bytes(text.as_bytes()).map_err(|_| wrong())?;
    if text.bytes().any(|c| c.is_ascii_lowercase()) { Err(wrong()) } else { Ok(method) }
}

impl FromStr for Route {
    type Err = RouteError;

    /// Reads the form that [`Route`] is displayed in: `[METHOD[,METHOD...] ][HOST]PATH`.
    fn from_str(text: &str) -> Result<Self, RouteError> {
        let (methods, target) = match text.trim().split_once(' ') {
            Some((methods, target)) => (methods.split(',').map(parse_method).collect::<Result<_, _>>()?, target.trim()),
            None => (Vec::new(), text.trim()),
        };
        let start = target.find('/').ok_or_else(|| RouteError::Path(target.chars().take(160).collect()))?;
        let (host, path) = target.split_at(start);
        let host = if host.is_empty() { None } else { Some(host.parse()?) };
        Ok(Self { host, path: path.parse()?, methods })
    }
}

pub(crate) mod methods {
    //! Serde for methods as a list of names.
    use http::Method;
    use serde::{Deserialize, Deserializer, Serializer};

    pub(crate) fn serialize<S: Serializer>(methods: &[Method], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(methods.iter().map(Method::as_str))
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Method>, D::Error> {
        let names = Vec::<String>::deserialize(deserializer)?;
        names.iter().map(|name| super::parse_method(name)).collect::<Result<_, _>>().map_err(serde::de::Error::custom)
    }
}

serde_as_text!(HostPattern, PathPattern);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn routes_are_read_as_they_are_written() {
        for text in ["/", "/*", "/api/orders/*", "GET /x", "GET,POST shop.example/api/*", "*.shop.example/x"] {
            assert_eq!(text.parse::<Route>().map(|route| route.to_string()), Ok(text.to_owned()));
        }
        for text in ["", "x", "get /", "/a?b", "/a*", "/a//*", "a b c /", "sh op/x", "*/x", "a..b/x"] {
            assert!(text.parse::<Route>().is_err(), "{text}");
        }
    }

    #[test]
    fn prefixes_end_at_segments() {
        for (pattern, path, matches) in [
            ("/api/*", "/api", true),
            ("/api/*", "/api/", true),
            ("/api/*", "/api/x/y", true),
            ("/api/*", "/apix", false),
            ("/*", "/", true),
            ("/*", "/x", true),
            ("/x", "/x", true),
            ("/x", "/x/", false),
        ] {
            assert_eq!(pattern.parse::<PathPattern>().unwrap().matches(path), matches, "{pattern} {path}");
        }
    }
}
