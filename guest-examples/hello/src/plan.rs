//! What a request asks for.

use std::time::Duration;

use crate::problem::Problem;
use crate::query;

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
    /// Say which services there are.
    Services {
        /// The interface that they export.
        exporting: String,
    },
    /// Ask another service, and pass its answer on.
    Ask {
        /// Its name.
        service: String,
        /// What to ask for, with a query where there is one.
        path: String,
    },
    /// Say what is known of the call.
    WhoAmI,
    /// Say what is wrong.
    Refuse(Problem),
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
            ("/echo", _) => Self::Refuse(Problem::not_allowed("POST")),
            (_, "GET" | "HEAD") => {
                Self::read(path, query).unwrap_or_else(|detail| Self::Refuse(Problem::new(400, detail)))
            }
            _ => Self::Refuse(Problem::not_allowed("GET, HEAD")),
        }
    }

    fn read(path: &str, query: &str) -> Result<Self, String> {
        match path {
            "/hello/services" => Self::services(query),
            "/hello/ask" => Self::ask(query),
            "/hello/whoami" => Ok(Self::WhoAmI),
            _ => Self::greet(query),
        }
    }

    fn greet(query: &str) -> Result<Self, String> {
        let count = number(query, "count", 1, 1..=MOST_LINES)?;
        let interval = number(query, "interval", 0, 0..=LONGEST_PAUSE)?;
        Ok(Self::Greet { count, interval: Duration::from_millis(interval.into()) })
    }

    fn services(query: &str) -> Result<Self, String> {
        let exporting = text(query, "exporting", "an interface such as `shop:inventory/stock`")?;
        Ok(Self::Services { exporting })
    }

    fn ask(query: &str) -> Result<Self, String> {
        let service = text(query, "service", "the name of a service")?;
        let path = text(query, "path", "what to ask for")?;
        if !path.starts_with('/') {
            return Err(format!("path: expected one that begins with `/`, not `{path}`"));
        }
        Ok(Self::Ask { service, path })
    }
}

fn text(query: &str, key: &str, expected: &str) -> Result<String, String> {
    query::value(query, key).filter(|text| !text.is_empty()).ok_or_else(|| format!("{key}: expected {expected}"))
}

fn number(query: &str, key: &str, default: u32, range: std::ops::RangeInclusive<u32>) -> Result<u32, String> {
    let Some(text) = query::value(query, key) else {
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
        for (method, path, allowed) in
            [("GET", "/echo", "POST"), ("POST", "/hello", "GET, HEAD"), ("POST", "/hello/ask", "GET, HEAD")]
        {
            assert_eq!(Plan::new(method, path), Plan::Refuse(Problem::not_allowed(allowed)), "{method} {path}");
        }
    }

    #[test]
    fn services_are_found_and_asked() {
        let exporting = "shop:inventory/stock@0.1.0".to_owned();
        let path = "/hello/services?exporting=shop:inventory%2Fstock@0.1.0";
        assert_eq!(Plan::new("GET", path), Plan::Services { exporting });
        let (service, path) = ("inventory".to_owned(), "/api/inventory/tea?a=1&b=2".to_owned());
        let asked = Plan::new("HEAD", "/hello/ask?service=inventory&path=/api/inventory/tea?a=1%26b=2");
        assert_eq!(asked, Plan::Ask { service, path });
        assert_eq!(Plan::new("GET", "/hello/whoami"), Plan::WhoAmI);
    }

    #[test]
    fn what_makes_no_sense_is_refused_by_name() {
        let cases = [
            ("/?count=0", "count"),
            ("/?count=x", "count"),
            ("/?count=2&interval=60001", "interval"),
            ("/hello/services", "exporting"),
            ("/hello/services?exporting=", "exporting"),
            ("/hello/ask?path=/", "service"),
            ("/hello/ask?service=inventory", "path"),
            ("/hello/ask?service=inventory&path=api", "path"),
        ];
        for (path, key) in cases {
            let Plan::Refuse(Problem { status, detail, .. }) = Plan::new("GET", path) else { panic!("{path}") };
            assert_eq!(status, 400, "{path}");
            assert!(detail.starts_with(key), "{path}: {detail}");
        }
    }
}
