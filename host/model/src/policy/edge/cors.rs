//! Which pages of other origins may call.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use http::{HeaderName, Uri};
use serde::{Deserialize, Serialize};

use crate::policy::{DAY, Judge};
use crate::text::serde_as_text;
use crate::{HostPattern, parse_method, units};

/// What pages of other origins may do (the CORS protocol of the Fetch standard).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct CorsSettings {
    /// The origins.
    pub origins: Vec<OriginPattern>,
    /// The methods; empty: those of the route. `*`: all of them.
    pub methods: Vec<String>,
    /// The fields of the header that a page may set, beyond those that it always may. `*`: all but `Authorization`.
    pub headers: Vec<String>,
    /// The fields of the header of a reply that a page may read, beyond those that it always may. `*`: all of them.
    pub expose: Vec<String>,
    /// Whether a page may send cookies and other credentials that the browser adds by itself.
    pub credentials: bool,
    /// How long a browser may remember what it was told.
    #[serde(with = "units::duration")]
    pub max_age: Duration,
}

impl Default for CorsSettings {
    fn default() -> Self {
        Self {
            origins: Vec::new(),
            methods: Vec::new(),
            headers: Vec::new(),
            expose: Vec::new(),
            credentials: false,
            max_age: Duration::from_secs(600),
        }
    }
}

impl CorsSettings {
    pub(super) fn judge(&self, judge: &mut Judge<'_>) {
        judge.require(!self.origins.is_empty(), "cors.origins", "must name an origin, such as `https://shop.example`");
        let any = self.origins.contains(&OriginPattern::Any);
        judge.require(!any || self.origins.len() == 1, "cors.origins", "has `*` next to others; leave one of them");
        judge.require(!(any && self.credentials), "cors.origins", "cannot be `*` with `credentials`; name the origins");
        for (key, names) in
            [("cors.methods", &self.methods), ("cors.headers", &self.headers), ("cors.expose", &self.expose)]
        {
            let any = is_any(names);
            judge.require(!any || names.len() == 1, key, "has `*` next to others; leave one of them");
            judge.require(!(any && self.credentials), key, "cannot be `*` with `credentials`; name them");
        }
        let good = is_any(&self.methods) || self.methods.iter().all(|name| parse_method(name).is_ok());
        judge.require(good, "cors.methods", "must hold methods in capital letters, such as `PUT`");
        for (key, names) in [("cors.headers", &self.headers), ("cors.expose", &self.expose)] {
            let good = is_any(names) || names.iter().all(|name| HeaderName::from_bytes(name.as_bytes()).is_ok());
            judge.require(good, key, "must hold fields of a header, such as `content-type`");
        }
        judge.require(self.max_age <= DAY, "cors.max_age", "must be at most 24h");
    }
}

fn is_any(names: &[String]) -> bool {
    names.iter().any(|name| name == "*")
}

/// Which origins may call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OriginPattern {
    /// Every one: `*`.
    Any,
    /// This one, as browsers write it: `https://shop.example`.
    Exact(String),
    /// All below a name: `https://*.example`, for short `*.example`.
    Below {
        /// `http` or `https`.
        scheme: String,
        /// The name with its star.
        host: HostPattern,
        /// The port, where it is not that of the scheme.
        port: Option<u16>,
    },
}

/// Why a text is no origin.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is no origin; write one as browsers do, such as `https://shop.example`, `*.example` for all names below it under \
     https, or `*` for every one"
)]
pub struct OriginPatternError(String);

impl OriginPattern {
    /// Whether `origin`, as a browser sends it, belongs to the pattern.
    pub fn matches(&self, origin: &str) -> bool {
        match self {
            Self::Any => true,
            Self::Exact(exact) => exact == origin,
            Self::Below { scheme, host, port } => {
                let Some((found, authority)) = origin.split_once("://") else { return false };
                let (name, found_port) = match authority.split_once(':') {
                    Some((name, port)) => (name, Some(port)),
                    None => (authority, None),
                };
                let same_port = match (port, found_port) {
                    (None, None) => true,
                    (Some(wanted), Some(found)) => found.parse::<u16>() == Ok(*wanted),
                    _ => false,
                };
                found == scheme && same_port && host.matches(name)
            }
        }
    }
}

impl FromStr for OriginPattern {
    type Err = OriginPatternError;

    fn from_str(text: &str) -> Result<Self, OriginPatternError> {
        let wrong = || OriginPatternError(text.chars().take(160).collect());
        if text == "*" {
            return Ok(Self::Any);
        }
        let (scheme, authority) = match text.split_once("://") {
            Some((scheme @ ("http" | "https"), authority)) => (scheme, authority),
            None if text.starts_with("*.") => ("https", text),
            _ => return Err(wrong()),
        };
        if authority.starts_with("*.") {
            let (host, port) = match authority.split_once(':') {
                Some((host, port)) => (host, Some(port.parse().map_err(|_| wrong())?)),
                None => (authority, None),
            };
            let host = host.parse().map_err(|_| wrong())?;
            return Ok(Self::Below { scheme: scheme.to_owned(), host, port });
        }
        // What browsers never send would never match: capital letters, a path, the port of the scheme.
        let uri: Uri = text.parse().map_err(|_| wrong())?;
        let usual = matches!((scheme, uri.port_u16()), ("http", Some(80)) | ("https", Some(443)));
        let host = uri.host().unwrap_or_default();
        let whole = uri.authority().is_some_and(|found| found.as_str() == authority);
        if !whole || host.is_empty() || usual || authority.contains(['@', '*']) || text != text.to_ascii_lowercase() {
            return Err(wrong());
        }
        Ok(Self::Exact(text.to_owned()))
    }
}

impl fmt::Display for OriginPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Any => f.write_str("*"),
            Self::Exact(exact) => f.write_str(exact),
            Self::Below { scheme, host, port } => {
                write!(f, "{scheme}://{host}")?;
                port.map_or(Ok(()), |port| write!(f, ":{port}"))
            }
        }
    }
}

serde_as_text!(OriginPattern);
