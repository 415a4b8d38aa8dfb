//! What a request asks for.

use std::time::Duration;

/// What the service will do for a request.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Plan {
    /// Say the greeting.
    Greet {
        /// How many times; a line each.
        count: u32,
        /// The time between two lines.
        interval: Duration,
    },
    /// Send the body back.
    Echo,
    /// Say what is wrong.
    Refuse {
        status: u16,
        /// The methods that the path has, where that is what is wrong.
        allow: Option<&'static str>,
        detail: String,
    },
}

/// The longest greeting, in lines.
const MOST_LINES: u32 = 10_000;

/// The longest pause between two lines, in milliseconds.
const LONGEST_PAUSE: u32 = 60_000;

impl Plan {
    /// `method` as on the wire; `path` with its query.
    pub(crate) fn new(method: &str, path: &str) -> Self {
        let (path, query) = path.split_once('?').unwrap_or((path, ""));
        match (path, method) {
            ("/echo", "POST") => Self::Echo,
            ("/echo", _) => Self::not_allowed("POST"),
            (_, "GET" | "HEAD") => Self::greet(query).unwrap_or_else(|detail| Self::refuse(400, detail)),
            _ => Self::not_allowed("GET, HEAD"),
        }
    }

    fn greet(query: &str) -> Result<Self, String> {
        let count = number(query, "count", 1, 1..=MOST_LINES)?;
        let interval = number(query, "interval", 0, 0..=LONGEST_PAUSE)?;
        Ok(Self::Greet { count, interval: Duration::from_millis(interval.into()) })
    }

    fn refuse(status: u16, detail: String) -> Self {
        Self::Refuse { status, allow: None, detail }
    }

    fn not_allowed(allow: &'static str) -> Self {
        Self::Refuse { status: 405, allow: Some(allow), detail: format!("this path answers to {allow}") }
    }
}

fn number(query: &str, key: &str, default: u32, range: std::ops::RangeInclusive<u32>) -> Result<u32, String> {
    let Some((_, text)) = query.split('&').filter_map(|pair| pair.split_once('=')).find(|(name, _)| *name == key)
    else {
        return Ok(default);
    };
    text.parse()
        .ok()
        .filter(|number| range.contains(number))
        .ok_or_else(|| format!("{key}: expected a number from {} to {}, not `{text}`", range.start(), range.end()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn greetings_are_counted_and_paced() {
        let cases = [
            ("/", 1, 0),
            ("/hello", 1, 0),
            ("/hello?count=3", 3, 0),
            ("/hello?interval=250&count=10000", 10_000, 250),
            ("/hello?other=1&count=2", 2, 0),
        ];
        for (path, count, millis) in cases {
            let expected = Plan::Greet { count, interval: Duration::from_millis(millis) };
            assert_eq!(Plan::new("GET", path), expected, "{path}");
        }
    }

    #[test]
    fn only_a_post_is_echoed() {
        assert_eq!(Plan::new("POST", "/echo?x=1"), Plan::Echo);
        for (method, path, allowed) in [("GET", "/echo", "POST"), ("POST", "/hello", "GET, HEAD")] {
            let Plan::Refuse { status, allow, .. } = Plan::new(method, path) else { panic!("{method} {path}") };
            assert_eq!((status, allow), (405, Some(allowed)), "{method} {path}");
        }
    }

    #[test]
    fn numbers_that_make_no_sense_are_refused_by_name() {
        for (path, key) in [("/?count=0", "count"), ("/?count=x", "count"), ("/?count=2&interval=60001", "interval")] {
            let Plan::Refuse { status, detail, .. } = Plan::new("GET", path) else { panic!("{path}") };
            assert_eq!(status, 400, "{path}");
            assert!(detail.starts_with(key), "{path}: {detail}");
        }
    }
}
