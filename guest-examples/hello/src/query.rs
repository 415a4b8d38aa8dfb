//! The query of a path: `key=value` pairs with percent-encoding.

/// The value of the first pair with this key, decoded. A `+` is one: versions of interfaces may have it.
pub(crate) fn value(query: &str, key: &str) -> Option<String> {
    query
        .split('&')
        .filter_map(|pair| pair.split_once('='))
        .find(|(name, _)| *name == key)
        .map(|(_, text)| decode(text))
}

/// Undoes percent-encoding; what is not valid stays as it was written.
fn decode(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, tail)) = rest.split_first() {
        let escaped = tail.get(..2).filter(|_| first == b'%').and_then(byte);
        bytes.push(escaped.unwrap_or(first));
        rest = if escaped.is_some() { &tail[2..] } else { tail };
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// The byte that two hexadecimal digits stand for.
fn byte(digits: &[u8]) -> Option<u8> {
    let digit = |index: usize| char::from(digits[index]).to_digit(16);
    u8::try_from(digit(0)? * 16 + digit(1)?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_found_and_decoded() {
        let query = "a=1&path=%2Fx%3fq=1%262&a=2&b=&c&d=100%&e=%zz%+7&f=%e2%82%ac";
        let cases = [("a", "1"), ("path", "/x?q=1&2"), ("b", ""), ("d", "100%"), ("e", "%zz%+7"), ("f", "€")];
        for (key, expected) in cases {
            assert_eq!(value(query, key).as_deref(), Some(expected), "{key}");
        }
        for key in ["c", "pat", ""] {
            assert_eq!(value(query, key), None, "{key}");
        }
    }
}
