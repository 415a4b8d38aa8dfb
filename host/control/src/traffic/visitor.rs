//! The cookie by which the host knows a caller again, where a split is sticky by one.

use http::header::SET_COOKIE;
use http::uri::Scheme;
use http::{HeaderMap, HeaderValue, Request};
use patchbay_channel::chance;
use patchbay_model::traffic::CallerMark;
use patchbay_model::{Body, Reply};

/// How long a caller is known by its cookie, in seconds: a week, longer than most canaries.
const MAX_AGE: u32 = 7 * 24 * 60 * 60;

/// A caller, by its cookie.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Visitor {
    /// The number that the cookie holds.
    pub(crate) number: u64,
    /// What is to be set in the reply, for a caller that came without one.
    set: Option<HeaderValue>,
}

impl Visitor {
    /// The caller of a request, if a cookie of this name is what it is kept by. `seed` is random, and another one for every call.
    pub(crate) fn of(cookie: Option<&str>, request: &Request<Body>, seed: u64) -> Option<Self> {
        let name = cookie?;
        if let Some(number) = known(request.headers(), name) {
            return Some(Self { number, set: None });
        }
        let number = chance(seed, 1);
        let secure = if request.uri().scheme() == Some(&Scheme::HTTPS) { "; Secure" } else { "" };
        let cookie = format!("{name}={number:016x}; Path=/; Max-Age={MAX_AGE}; HttpOnly; SameSite=Lax{secure}");
        // The name is a token, and everything else is written here.
        Some(Self { number, set: HeaderValue::from_str(&cookie).ok() })
    }

    /// Gives the caller its cookie, if it has none.
    pub(crate) fn mark(self, reply: &mut Reply) {
        if let Some(cookie) = self.set {
            reply.headers_mut().append(SET_COOKIE, cookie);
        }
    }
}

/// The number in the cookie of this name.
fn known(headers: &HeaderMap, name: &str) -> Option<u64> {
    let digits = std::str::from_utf8(CallerMark::cookie(headers, name)?).ok()?;
    let is_number = digits.len() == 16 && digits.bytes().all(|digit| digit.is_ascii_hexdigit());
    u64::from_str_radix(digits, 16).ok().filter(|_| is_number)
}

#[cfg(test)]
mod tests {
    use http::header::COOKIE;
    use patchbay_model::empty_body;

    use super::*;

    fn request(uri: &str, cookie: Option<&str>) -> Request<Body> {
        let request = cookie.into_iter().fold(Request::get(uri), |request, cookie| request.header(COOKIE, cookie));
        request.body(empty_body()).unwrap()
    }

    #[test]
    fn callers_are_given_a_number_once() {
        let sticky = Some("sid");
        let first = Visitor::of(sticky, &request("https://shop.test/", None), 7).unwrap();
        let number = first.number;
        let mut reply = Reply::new(empty_body());
        first.mark(&mut reply);
        let cookie = reply.headers()[SET_COOKIE].to_str().unwrap().to_owned();
        assert!(cookie.starts_with(&format!("sid={number:016x}; ")), "{cookie}");
        assert!(cookie.ends_with("; HttpOnly; SameSite=Lax; Secure"), "{cookie}");

        let pair = cookie.split(';').next();
        let again = Visitor::of(sticky, &request("/", pair), 8).unwrap();
        assert_eq!(again, Visitor { number, set: None });
        for (cookie, uri) in [(Some("sid=xyz"), "/"), (Some("sid=+00000000000007f"), "/"), (None, "http://shop.test/")]
        {
            let other = Visitor::of(sticky, &request(uri, cookie), 9).unwrap();
            assert!(!other.set.unwrap().to_str().unwrap().contains("Secure"), "{cookie:?}");
        }
    }
}
