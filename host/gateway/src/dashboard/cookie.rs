//! The cookie of a session.

use http::header::COOKIE;
use http::{HeaderMap, HeaderValue};

/// What begins the names of the cookies of all hosts. The listener for callers takes such cookies out of what it hands on:
/// a browser sends a cookie to every port of a machine, and services are no business of a session.
const PREFIX: &str = "patchbay-session-";

/// The name of the cookie of one host. Cookies know no ports, so the name has it: two hosts on one machine would end each
/// other's sessions otherwise.
#[derive(Debug, Clone)]
pub(super) struct CookieName {
    name: String,
    encrypted: bool,
}

impl CookieName {
    /// The name for the listener at `port`. A browser takes `__Host-` only from who speaks TLS, and then believes that
    /// nobody else could have set it (RFC 6265bis, 4.1.3.2).
    pub(super) fn new(port: u16, encrypted: bool) -> Self {
        let host = if encrypted { "__Host-" } else { "" };
        Self { name: format!("{host}{PREFIX}{port}"), encrypted }
    }

    /// The value of the cookie in a request; `None` also if it is there twice, since only one of them can be ours.
    pub(super) fn find<'h>(&self, headers: &'h HeaderMap) -> Option<&'h str> {
        let mut found = headers
            .get_all(COOKIE)
            .iter()
            .filter_map(|value| value.to_str().ok())
            .flat_map(|value| value.split(';'))
            .filter_map(|pair| pair.trim().split_once('='))
            .filter(|(name, _)| *name == self.name)
            .map(|(_, value)| value);
        found.next().filter(|_| found.next().is_none())
    }

    /// Gives a browser the cookie. It goes with the browser, and no script sees it.
    pub(super) fn set(&self, id: &str) -> Option<HeaderValue> {
        self.header(id, "")
    }

    /// Takes it away.
    pub(super) fn clear(&self) -> Option<HeaderValue> {
        self.header("", "; Max-Age=0")
    }

    fn header(&self, value: &str, also: &str) -> Option<HeaderValue> {
        let secure = if self.encrypted { "; Secure" } else { "" };
        let name = &self.name;
        HeaderValue::try_from(format!("{name}={value}; Path=/; HttpOnly; SameSite=Strict{secure}{also}")).ok()
    }
}

/// Takes the cookies of sessions out of a request for a service.
pub(crate) fn strip(headers: &mut HeaderMap) {
    let is_ours = |pair: &str| pair.trim_start().trim_start_matches("__Host-").starts_with(PREFIX);
    let ours = |value: &HeaderValue| value.to_str().is_ok_and(|value| value.split(';').any(is_ours));
    if !headers.get_all(COOKIE).iter().any(ours) {
        return;
    }
    let http::header::Entry::Occupied(entry) = headers.entry(COOKIE) else { return };
    let (_, values) = entry.remove_entry_mult();
    let kept: Vec<_> = values.filter_map(|value| without(&value, is_ours)).collect();
    for value in kept {
        headers.append(COOKIE, value);
    }
}

/// A `Cookie` header without some of its pairs; `None` if there are no others.
fn without(value: &HeaderValue, is_ours: impl Fn(&str) -> bool) -> Option<HeaderValue> {
    let Ok(text) = value.to_str() else { return Some(value.clone()) };
    let kept: Vec<_> = text.split(';').filter(|pair| !is_ours(pair)).map(str::trim).collect();
    let text = kept.join("; ");
    HeaderValue::try_from(text).ok().filter(|value| !value.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(values: &[&str]) -> HeaderMap {
        values.iter().map(|value| (COOKIE, value.parse().unwrap())).collect()
    }

    #[test]
    fn the_cookie_is_found_by_its_whole_name() {
        let name = CookieName::new(9090, false);
        for (values, found) in [
            (&["patchbay-session-9090=a"][..], Some("a")),
            (&["x=1; patchbay-session-9090=a;y=2"], Some("a")),
            (&["x=1", "patchbay-session-9090=a"], Some("a")),
            (&["patchbay-session-9090=a; patchbay-session-9090=b"], None),
            (&["patchbay-session-9090=a", "patchbay-session-9090=a"], None),
            (&["patchbay-session-9091=a"], None),
            (&["__Host-patchbay-session-9090=a"], None),
            (&["Patchbay-Session-9090=a"], None),
            (&["patchbay-session-9090"], None),
            (&[], None),
        ] {
            assert_eq!(name.find(&headers(values)), found, "{values:?}");
        }
    }

    #[test]
    fn no_script_and_no_other_site_gets_it() {
        for (encrypted, set, cleared) in [
            (
                false,
                "patchbay-session-1=ab; Path=/; HttpOnly; SameSite=Strict",
                "patchbay-session-1=; Path=/; HttpOnly; SameSite=Strict; Max-Age=0",
            ),
            (
                true,
                "__Host-patchbay-session-1=ab; Path=/; HttpOnly; SameSite=Strict; Secure",
                "__Host-patchbay-session-1=; Path=/; HttpOnly; SameSite=Strict; Secure; Max-Age=0",
            ),
        ] {
            let name = CookieName::new(1, encrypted);
            assert_eq!(name.set("ab").unwrap(), set);
            assert_eq!(name.clear().unwrap(), cleared);
        }
    }

    #[test]
    fn services_never_see_it() {
        for (before, after) in [
            (&["a=1; b=2"][..], &["a=1; b=2"][..]),
            (&["a=1;b=2", "c=3"], &["a=1;b=2", "c=3"]),
            (&["patchbay-session-9090=x"], &[]),
            (&["a=1; patchbay-session-9090=x; b=2"], &["a=1; b=2"]),
            (&["a=1", "__Host-patchbay-session-1=x; c=3"], &["a=1", "c=3"]),
            (&["patchbay-session-1", "my-patchbay-session-1=x"], &["my-patchbay-session-1=x"]),
        ] {
            let mut found = headers(before);
            strip(&mut found);
            assert_eq!(found, headers(after), "{before:?}");
        }
    }
}
