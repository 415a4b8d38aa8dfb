//! Where a request of a browser comes from. A cookie goes with every request to this host, whoever's page makes it; what
//! is here tells the requests of the dashboard from those of others.

use http::header::{HOST, HeaderName, ORIGIN};
use http::{HeaderMap, Uri};

/// Says that a script of the page made the request. Pages of others cannot send it without asking first, and the answer
/// is no.
const PROOF_HEADER: HeaderName = HeaderName::from_static("x-patchbay-dashboard");

const FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// Whether a request that changes nothing may use a session: it is not one that a page of others made. Browsers say so
/// where they trust the connection (W3C Fetch Metadata); elsewhere nobody could read the answer anyway.
pub(crate) fn may_read(headers: &HeaderMap) -> bool {
    match headers.get(FETCH_SITE) {
        None => true,
        Some(site) => site == "same-origin" || site == "none",
    }
}

/// Whether a request comes from a script of the page itself, so that it may change something: it has what only a script
/// of the same origin can send, and the browser names no other origin.
pub(crate) fn is_from_the_page(headers: &HeaderMap, uri: &Uri) -> bool {
    let site = headers.get(FETCH_SITE).map(|site| site == "same-origin");
    let origin = headers.get(ORIGIN).map(|origin| is_own(origin.as_bytes(), headers, uri));
    let said = [site, origin];
    headers.contains_key(PROOF_HEADER) && said.contains(&Some(true)) && !said.contains(&Some(false))
}

/// Whether an `Origin` is that of the request itself. The scheme does not count: who ends TLS in front of this host
/// changes it.
fn is_own(origin: &[u8], headers: &HeaderMap, uri: &Uri) -> bool {
    let of_uri = uri.authority().map(|authority| authority.as_str().as_bytes());
    let own = of_uri.or_else(|| headers.get(HOST).map(http::HeaderValue::as_bytes));
    let named = origin.strip_prefix(b"http://").or_else(|| origin.strip_prefix(b"https://"));
    named.zip(own).is_some_and(|(named, own)| named.eq_ignore_ascii_case(own))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(lines: &[(&str, &str)]) -> HeaderMap {
        lines.iter().map(|(name, value)| (name.parse::<HeaderName>().unwrap(), value.parse().unwrap())).collect()
    }

    #[test]
    fn only_the_page_may_change_something() {
        const PROOF: (&str, &str) = ("x-patchbay-dashboard", "1");
        const OURS: (&str, &str) = ("host", "127.0.0.1:9090");
        for (lines, uri, may) in [
            (&[PROOF, OURS, ("origin", "http://127.0.0.1:9090")][..], "/", true),
            (&[PROOF, OURS, ("origin", "https://127.0.0.1:9090")], "/", true),
            (&[PROOF, OURS, ("sec-fetch-site", "same-origin")], "/", true),
            (&[PROOF, OURS, ("origin", "http://127.0.0.1:9090"), ("sec-fetch-site", "same-origin")], "/", true),
            (&[PROOF, ("origin", "https://Ops.example")], "https://ops.example/v1", true),
            (&[OURS, ("origin", "http://127.0.0.1:9090"), ("sec-fetch-site", "same-origin")], "/", false),
            (&[PROOF, OURS], "/", false),
            (&[PROOF, OURS, ("origin", "http://127.0.0.1:8080")], "/", false),
            (&[PROOF, OURS, ("origin", "http://evil.example")], "/", false),
            (&[PROOF, OURS, ("origin", "http://127.0.0.1:9090.evil.example")], "/", false),
            (&[PROOF, OURS, ("origin", "null")], "/", false),
            (&[PROOF, OURS, ("origin", "null"), ("sec-fetch-site", "same-origin")], "/", false),
            (&[PROOF, OURS, ("origin", "http://127.0.0.1:9090"), ("sec-fetch-site", "same-site")], "/", false),
            (&[PROOF, OURS, ("sec-fetch-site", "cross-site")], "/", false),
            (&[PROOF, OURS, ("sec-fetch-site", "none")], "/", false),
            (&[PROOF, ("origin", "http://127.0.0.1:9090")], "/", false),
        ] {
            assert_eq!(is_from_the_page(&headers(lines), &uri.parse().unwrap()), may, "{lines:?}");
        }
    }

    #[test]
    fn pages_of_others_do_not_read() {
        for (site, may) in [
            (None, true),
            (Some("same-origin"), true),
            (Some("none"), true),
            (Some("same-site"), false),
            (Some("cross-site"), false),
            (Some("later"), false),
        ] {
            let lines: Vec<_> = site.into_iter().map(|site| ("sec-fetch-site", site)).collect();
            assert_eq!(may_read(&headers(&lines)), may, "{site:?}");
        }
    }
}
