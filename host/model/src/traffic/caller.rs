//! What a caller is told by: for pins, which send it to a candidate, and for stickiness, which leaves it where it is.

use std::fmt;
use std::str::FromStr;

use http::{HeaderMap, HeaderName};

use crate::User;
use crate::policy::{Asker, Term};
use crate::text::serde_as_text;

/// Something that a request carries, and that has a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CallerMark {
    /// A header field.
    Header(HeaderName),
    /// A cookie (RFC 6265).
    Cookie(String),
}

/// Why a text names nothing that a request can carry.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` names no header and no cookie; write `header:NAME` or `cookie:NAME`")]
pub struct CallerMarkError(String);

/// A caller that the candidate gets whatever its share.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Pin {
    /// One whose request carries this, with this value.
    Mark(CallerMark, String),
    /// A user of whom a claim says something: a [`Term::Claim`].
    Claim(Term),
}

/// Why a text is no pin.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is no pin; write `header:NAME=VALUE`, `cookie:NAME=VALUE` or `claim:NAME=VALUE`, such as `header:x-canary=always`"
)]
pub struct PinError(String);

/// What keeps a caller on the revision that it had before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sticky {
    /// The user for whom the call is made in the end.
    User,
    /// The address that the request comes from.
    Address,
    /// What a header says.
    Header(HeaderName),
    /// A cookie of this name, which the host gives to those that have none.
    Cookie(String),
}

/// Why a text is nothing that keeps a caller.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` keeps no caller; write `user`, `address`, `header:NAME`, `cookie` or `cookie:NAME`")]
pub struct StickyError(String);

/// The name of the cookie that the host gives where no other is said.
const COOKIE: &str = "patchbay-visitor";

impl CallerMark {
    /// What the request carries; the first one, of several.
    pub fn of<'h>(&self, headers: &'h HeaderMap) -> Option<&'h [u8]> {
        match self {
            Self::Header(name) => headers.get(name).map(|value| value.as_bytes().trim_ascii()),
            Self::Cookie(name) => Self::cookie(headers, name),
        }
    }

    /// The value of a cookie, without the quotes that may be around it.
    pub fn cookie<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h [u8]> {
        let lines = headers.get_all(http::header::COOKIE).iter();
        let pairs = lines.flat_map(|line| line.as_bytes().split(|byte| *byte == b';'));
        let mut fitting = pairs.filter_map(|pair| pair.trim_ascii().strip_prefix(name.as_bytes())?.strip_prefix(b"="));
        let value = fitting.next()?;
        let quoted = value.strip_prefix(b"\"").and_then(|value| value.strip_suffix(b"\""));
        Some(quoted.unwrap_or(value))
    }
}

impl Pin {
    /// Whether a call is one of those that it means.
    pub fn fits(&self, headers: Option<&HeaderMap>, user: Option<&User>) -> bool {
        match self {
            Self::Mark(mark, value) => headers.and_then(|headers| mark.of(headers)) == Some(value.as_bytes()),
            Self::Claim(term) => term.fits(Asker { service: None, user }),
        }
    }
}

/// A name that a cookie may have: a token (RFC 6265, 4.1.1).
fn is_cookie_name(name: &str) -> bool {
    let is_token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    !name.is_empty() && name.len() <= 128 && name.bytes().all(is_token)
}

impl FromStr for CallerMark {
    type Err = CallerMarkError;

    fn from_str(text: &str) -> Result<Self, CallerMarkError> {
        let mark = match text.split_once(':') {
            Some(("header", name)) => name.parse().ok().map(Self::Header),
            Some(("cookie", name)) => is_cookie_name(name).then(|| Self::Cookie(name.to_owned())),
            _ => None,
        };
        mark.ok_or_else(|| CallerMarkError(text.chars().take(80).collect()))
    }
}

impl FromStr for Pin {
    type Err = PinError;

    fn from_str(text: &str) -> Result<Self, PinError> {
        let wrong = || PinError(text.chars().take(80).collect());
        let (name, value) = text.split_once('=').ok_or_else(wrong)?;
        let (name, value) = (name.trim(), value.trim());
        if value.is_empty() || value.len() > 256 {
            return Err(wrong());
        }
        match name.strip_prefix("claim:") {
            Some("") => Err(wrong()),
            Some(name) => Ok(Self::Claim(Term::Claim { name: name.to_owned(), value: value.to_owned() })),
            None => Ok(Self::Mark(name.parse().map_err(|_| wrong())?, value.to_owned())),
        }
    }
}

impl FromStr for Sticky {
    type Err = StickyError;

    fn from_str(text: &str) -> Result<Self, StickyError> {
        match text {
            "user" => Ok(Self::User),
            "address" => Ok(Self::Address),
            "cookie" => Ok(Self::Cookie(COOKIE.to_owned())),
            _ => match text.parse() {
                Ok(CallerMark::Header(name)) => Ok(Self::Header(name)),
                Ok(CallerMark::Cookie(name)) => Ok(Self::Cookie(name)),
                Err(CallerMarkError(text)) => Err(StickyError(text)),
            },
        }
    }
}

impl fmt::Display for CallerMark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Header(name) => write!(f, "header:{name}"),
            Self::Cookie(name) => write!(f, "cookie:{name}"),
        }
    }
}

impl fmt::Display for Pin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Mark(mark, value) => write!(f, "{mark}={value}"),
            // Read back without the quotes that rules need.
            Self::Claim(Term::Claim { name, value }) => write!(f, "claim:{name}={value}"),
            Self::Claim(term) => term.fmt(f),
        }
    }
}

impl fmt::Display for Sticky {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::User => f.write_str("user"),
            Self::Address => f.write_str("address"),
            Self::Header(name) => write!(f, "header:{name}"),
            Self::Cookie(name) if name == COOKIE => f.write_str("cookie"),
            Self::Cookie(name) => write!(f, "cookie:{name}"),
        }
    }
}

serde_as_text!(Pin, Sticky);

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;
    use crate::Proof;

    fn headers(lines: &[(&'static str, &'static str)]) -> HeaderMap {
        let line = |(name, value): &(&'static str, &'static str)| {
            (HeaderName::from_static(name), HeaderValue::from_static(value))
        };
        lines.iter().map(line).collect()
    }

    fn user() -> User {
        let claims = serde_json::json!({ "beta": true, "plan": { "name": "gold" } });
        User {
            proof: Proof::Token,
            issuer: "shop".to_owned(),
            subject: "ada".to_owned(),
            scopes: Vec::new(),
            groups: Vec::new(),
            claims: claims.as_object().unwrap().clone(),
            expires: None,
        }
    }

    #[test]
    fn pins_fit_what_they_name_and_nothing_else() {
        let asked = headers(&[
            ("x-canary", " always"),
            ("cookie", "a=1; canary=\"on\"; xcanary=off"),
            ("cookie", "late = no; last=2"),
        ]);
        let user = user();
        for (pin, fits) in [
            ("header:x-canary=always", true),
            ("header:X-Canary = always", true),
            ("header:x-canary=never", false),
            ("header:x-other=always", false),
            ("cookie:canary=on", true),
            ("cookie:canary=off", false),
            ("cookie:last=2", true),
            ("cookie:late=no", false),
            ("claim:beta=true", true),
            ("claim:plan.name=gold", true),
            ("claim:plan.name=silver", false),
        ] {
            let pin: Pin = pin.parse().unwrap();
            assert_eq!(pin.fits(Some(&asked), Some(&user)), fits, "{pin}");
            assert!(!pin.fits(None, None), "{pin}");
            assert_eq!(pin.to_string().parse::<Pin>(), Ok(pin));
        }
        for wrong in [
            "",
            "x-canary=always",
            "header:x-canary",
            "header:=1",
            "header:a b=1",
            "cookie:a b=1",
            "claim:=1",
            "claim:a=",
        ] {
            assert!(wrong.parse::<Pin>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn what_keeps_callers_is_written_in_one_way() {
        for (text, written) in [
            ("user", "user"),
            ("address", "address"),
            ("header:X-Session", "header:x-session"),
            ("cookie", "cookie"),
            ("cookie:patchbay-visitor", "cookie"),
            ("cookie:sid", "cookie:sid"),
        ] {
            assert_eq!(text.parse::<Sticky>().unwrap().to_string(), written);
        }
        for wrong in ["", "User", "header", "header:", "cookie:", "cookie:a=b", "claim:sub"] {
            assert!(wrong.parse::<Sticky>().is_err(), "{wrong}");
        }
    }
}
