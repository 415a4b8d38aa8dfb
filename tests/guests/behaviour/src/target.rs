//! The address of an outgoing request.

/// An `http` or `https` address, cut into the parts that `wasi:http` wants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// Whether the scheme is `https`.
    pub secure: bool,
    /// Host, and port where given.
    pub authority: String,
    /// Path and query; at least `/`.
    pub path: String,
}

impl Target {
    /// Reads `http://host:port/path?query`. `None` for any other scheme or an empty host.
    pub fn parse(url: &str) -> Option<Self> {
        let (scheme, rest) = url.split_once("://")?;
        let secure = match scheme {
            "http" => false,
            "https" => true,
            _ => return None,
        };
        let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        let path = if path.is_empty() { "/" } else { path };
        (!authority.is_empty()).then(|| Self { secure, authority: authority.to_owned(), path: path.to_owned() })
    }
}
