//! The token that opens the admin API.

use std::fmt;

use subtle::ConstantTimeEq;

/// A bearer token (RFC 6750). Never shown, and compared in a time that tells nothing of it but its length.
#[derive(Clone)]
pub struct AdminToken(String);

impl AdminToken {
    /// The token with this text; `None` if the text cannot stand in an `Authorization` header, or is too short to be
    /// secret (less than 16 characters).
    pub fn new(text: impl Into<String>) -> Option<Self> {
        let text = text.into();
        let is_token68 = |c: u8| c.is_ascii_alphanumeric() || b"-._~+/=".contains(&c);
        (text.len() >= 16 && text.bytes().all(is_token68)).then_some(Self(text))
    }

    /// The `Authorization` header that opens.
    #[cfg(feature = "direct")]
    pub(super) fn authorization(&self) -> http::HeaderValue {
        // A token has only characters that can stand in a header.
        http::HeaderValue::try_from(format!("Bearer {}", self.0)).unwrap_or_else(|_| http::HeaderValue::from_static(""))
    }

    /// Whether an `Authorization` header carries this token.
    pub(super) fn opens(&self, authorization: &[u8]) -> bool {
        const SCHEME: usize = b"Bearer ".len();
        authorization
            .split_at_checked(SCHEME)
            .is_some_and(|(scheme, given)| scheme.eq_ignore_ascii_case(b"Bearer ") && self.is(given.trim_ascii()))
    }

    /// Whether this is the token.
    pub(crate) fn is(&self, given: &[u8]) -> bool {
        given.ct_eq(self.0.as_bytes()).into()
    }
}

impl fmt::Debug for AdminToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AdminToken(hidden)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_whole_token_opens() {
        let token = AdminToken::new("0123456789abcdef").unwrap();
        for (header, opens) in [
            ("Bearer 0123456789abcdef", true),
            ("bearer  0123456789abcdef ", true),
            ("Bearer 0123456789abcdeF", false),
            ("Bearer 0123456789abcde", false),
            ("Bearer 0123456789abcdef0", false),
            ("Basic 0123456789abcdef", false),
            ("0123456789abcdef", false),
            ("Bearer ", false),
            ("", false),
        ] {
            assert_eq!(token.opens(header.as_bytes()), opens, "{header}");
        }
        assert!(!format!("{token:?}").contains("0123"));
        for bad in ["", "short", "0123456789 abcdef", "0123456789\u{e9}abcdef"] {
            assert!(AdminToken::new(bad).is_none(), "{bad}");
        }
    }
}
