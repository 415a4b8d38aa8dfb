//! What a request with an idempotency key is known by. Everything is hashed, each part behind its length, so that nothing can
//! be moved from one part into the next.

use http::{HeaderMap, HeaderName, request};
use patchbay_model::ports::ReplyKey;
use patchbay_model::{Digest, DigestWriter};
use sfv::{BareItem, Item, Parser};

use crate::edge::EdgeCaller;

/// The key that a client gives.
const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// The length of a key, in characters.
const MAX_KEY: usize = 255;

/// The key in the header of a request: an item whose value is a string (RFC 9651, 3.3.3).
///
/// # Errors
/// If there is a key, and it is none that can be used.
pub(super) fn of_headers(headers: &HeaderMap) -> Result<Option<String>, ()> {
    let mut values = headers.get_all(IDEMPOTENCY_KEY).iter();
    let Some(value) = values.next() else { return Ok(None) };
    if values.next().is_some() {
        return Err(());
    }
    let item: Item = Parser::new(value.as_bytes()).parse().map_err(|_| ())?;
    match item.bare_item {
        BareItem::String(key) if (1..=MAX_KEY).contains(&key.as_str().len()) => Ok(Some(key.as_str().to_owned())),
        _ => Err(()),
    }
}

/// The caller, as far as the host knows who it is; `None` if it does not and may not go by the address.
pub(super) fn caller(from: &EdgeCaller<'_>, by_address: bool) -> Option<Digest> {
    match from.user {
        Some(user) => {
            Some(digest(&[b"user", user.proof.name().as_bytes(), user.issuer.as_bytes(), user.subject.as_bytes()]))
        }
        None if by_address => Some(digest(&[b"address", from.address.to_canonical().to_string().as_bytes()])),
        None => None,
    }
}

pub(super) fn reply_key(caller: Digest, route: &str, key: &str) -> ReplyKey {
    ReplyKey { caller, key: digest(&[route.as_bytes(), key.as_bytes()]) }
}

/// What two requests have in common that ask for the same.
pub(super) fn fingerprint(head: &request::Parts, body: &[u8]) -> Digest {
    let target = head.uri.path_and_query().map_or("/", |target| target.as_str());
    digest(&[head.method.as_str().as_bytes(), target.as_bytes(), body])
}

fn digest(parts: &[&[u8]]) -> Digest {
    let mut writer = DigestWriter::default();
    for part in parts {
        writer.update(&(part.len() as u64).to_le_bytes());
        writer.update(part);
    }
    writer.finish()
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn keys_are_strings_of_structured_fields() {
        let long = format!("\"{}\"", "k".repeat(256));
        for (lines, found) in [
            (&[][..], Ok(None)),
            (&["\"8e03978e-40d5-43dd-bc93-6894a57f9324\""], Ok(Some("8e03978e-40d5-43dd-bc93-6894a57f9324"))),
            (&["\"a\\\"b\""], Ok(Some("a\"b"))),
            (&["  \"a\" "], Ok(Some("a"))),
            (&["\"a\";v=1"], Ok(Some("a"))),
            (&["8e03978e-40d5"], Err(())),
            (&["token"], Err(())),
            (&["17"], Err(())),
            (&["\"\""], Err(())),
            (&["\"a"], Err(())),
            (&["\"a\", \"b\""], Err(())),
            (&["\"a\"", "\"a\""], Err(())),
            (&["\"\u{e9}\""], Err(())),
            (&[&long], Err(())),
        ] {
            let mut headers = HeaderMap::new();
            for line in lines {
                headers.append(IDEMPOTENCY_KEY, HeaderValue::from_bytes(line.as_bytes()).unwrap());
            }
            assert_eq!(of_headers(&headers), found.map(|key| key.map(str::to_owned)), "{lines:?}");
        }
    }

    #[test]
    fn nothing_moves_from_one_part_into_the_next() {
        assert_ne!(digest(&[b"ab", b"c"]), digest(&[b"a", b"bc"]));
        assert_ne!(digest(&[b"a", b""]), digest(&[b"a"]));
    }
}
