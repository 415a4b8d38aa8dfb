//! `Cache-Control` in one form (RFC 9111, 5.2). The library that knows the rules takes values apart at every comma and compares
//! names byte by byte; what it is given has names in small letters, each once, and no quotes.

use http::{HeaderMap, HeaderValue, header};

/// The most that a number of seconds can be (RFC 9111, 1.2.2): 68 years.
pub(super) const MAX_SECONDS: u64 = 1 << 31;

/// Directives whose value is a number of seconds.
const SECONDS: [&str; 6] =
    ["max-age", "s-maxage", "min-fresh", "max-stale", "stale-if-error", "stale-while-revalidate"];

/// The directives of a message.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Directives(Vec<(String, Option<u64>)>);

impl Directives {
    /// Those in the `Cache-Control` of `headers`. Of one that stands there twice, the smaller value counts.
    pub(super) fn of(headers: &HeaderMap) -> Self {
        let mut found = Self::default();
        for value in headers.get_all(header::CACHE_CONTROL) {
            // What is no text is no directive.
            for directive in elements(&String::from_utf8_lossy(value.as_bytes())) {
                found.note(directive);
            }
        }
        found
    }

    fn note(&mut self, directive: &str) {
        let (name, value) = match directive.split_once('=') {
            Some((name, value)) => (name.trim(), Some(value.trim().trim_matches('"'))),
            None => (directive.trim(), None),
        };
        let name = name.to_ascii_lowercase();
        let token = |c: u8| c.is_ascii_alphanumeric() || matches!(c, b'-' | b'_');
        if name.is_empty() || !name.bytes().all(token) {
            return;
        }
        // A number that is none makes a reply stale, and a field name in quotes makes a directive no weaker.
        let is_number = SECONDS.contains(&name.as_str());
        let value = value.filter(|_| is_number).map(seconds);
        let value = if is_number && name != "max-stale" { Some(value.unwrap_or(0)) } else { value };
        match self.0.iter_mut().find(|(other, _)| *other == name) {
            Some((_, before)) => *before = (*before).min(value),
            None => self.0.push((name, value)),
        }
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.0.iter().any(|(other, _)| other == name)
    }

    /// The seconds that a directive has.
    pub(super) fn seconds(&self, name: &str) -> Option<u64> {
        self.0.iter().find(|(other, _)| other == name).and_then(|(_, value)| *value)
    }

    pub(super) fn without(mut self, name: &str) -> Self {
        self.0.retain(|(other, _)| other != name);
        self
    }

    pub(super) fn with(mut self, name: &str, value: u64) -> Self {
        self.0.push((name.to_owned(), Some(value)));
        self
    }

    /// As a header has them; `None` if there are none.
    pub(super) fn to_value(&self) -> Option<HeaderValue> {
        let one = |(name, value): &(String, Option<u64>)| match value {
            Some(value) => format!("{name}={value}"),
            None => name.clone(),
        };
        let all: Vec<_> = self.0.iter().map(one).collect();
        if all.is_empty() { None } else { HeaderValue::try_from(all.join(", ")).ok() }
    }
}

/// A number of seconds; 0 if it is none (RFC 9111, 4.2.1: then the reply is stale).
pub(super) fn seconds(text: &str) -> u64 {
    let digits = !text.is_empty() && text.bytes().all(|c| c.is_ascii_digit());
    if digits { text.parse().unwrap_or(MAX_SECONDS).min(MAX_SECONDS) } else { 0 }
}

/// The elements of a list. A comma within quotes is part of one (RFC 9110, 5.6.1 and 5.6.4).
pub(super) fn elements(list: &str) -> impl Iterator<Item = &str> {
    let (mut quoted, mut escaped) = (false, false);
    let pieces = list.split(move |c| {
        let ends = c == ',' && !quoted;
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = quoted,
            '"' => quoted = !quoted,
            _ => {}
        }
        ends
    });
    pieces.map(str::trim).filter(|piece| !piece.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn directives_have_one_form() {
        for (lines, form) in [
            (&["max-age=60"][..], "max-age=60"),
            (&["Max-Age=60, PUBLIC"], "max-age=60, public"),
            (&["No-Store"], "no-store"),
            (&["max-age=\"60\""], "max-age=60"),
            (&["max-age=60", "s-maxage=5"], "max-age=60, s-maxage=5"),
            (&["max-age=60, max-age=5"], "max-age=5"),
            (&["max-age=99999999999999999999"], "max-age=2147483648"),
            (&["max-age=-1"], "max-age=0"),
            (&["max-age"], "max-age=0"),
            (&["max-age=1.5"], "max-age=0"),
            (&["private=\"x, max-age=9\", max-age=1"], "private, max-age=1"),
            (&["ext=\"a\\\", no-store\", no-cache"], "ext, no-cache"),
            (&["max-stale"], "max-stale"),
            (&[", ,\t,"], ""),
            (&["a b, =1"], ""),
        ] {
            let mut headers = HeaderMap::new();
            for line in lines {
                headers.append(header::CACHE_CONTROL, line.parse().unwrap());
            }
            let value = Directives::of(&headers).to_value();
            assert_eq!(value.as_ref().map_or("", |value| value.to_str().unwrap()), form, "{lines:?}");
        }
    }
}
