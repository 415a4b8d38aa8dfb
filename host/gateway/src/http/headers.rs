//! Header fields that belong to one connection and not to the message (RFC 9110, 7.6.1).

use http::header::{
    CONNECTION, CONTENT_LENGTH, HeaderMap, HeaderName, HeaderValue, PROXY_AUTHENTICATE, PROXY_AUTHORIZATION, TE,
    TRANSFER_ENCODING, UPGRADE,
};
use patchbay_model::{Fault, FaultKind};

const KEEP_ALIVE: HeaderName = HeaderName::from_static("keep-alive");
const PROXY_CONNECTION: HeaderName = HeaderName::from_static("proxy-connection");
const PROXY_AUTHENTICATION_INFO: HeaderName = HeaderName::from_static("proxy-authentication-info");

/// Whether a field belongs to one hop, in a request or in a reply. Nearly no message has one, and a look at the names of those that
/// are there costs less than looking for each of these.
fn is_of_hop(name: &HeaderName) -> bool {
    matches!(
        name.as_str(),
        "connection"
            | "keep-alive"
            | "proxy-authenticate"
            | "proxy-authentication-info"
            | "proxy-authorization"
            | "proxy-connection"
            | "te"
            | "transfer-encoding"
            | "upgrade"
    )
}

/// Refuses a body that came in a transfer coding other than the one that was taken off. Others are not served here, and a
/// proxy that lets odd ones pass is likely to see another end of the request than this host does (RFC 9112, 6.1 and 11.2).
pub(super) fn check_coding(headers: &HeaderMap) -> Result<(), Fault> {
    let mut codings = headers.get_all(TRANSFER_ENCODING).iter();
    if let Some(first) = codings.next()
        && (codings.next().is_some() || !first.as_bytes().eq_ignore_ascii_case(b"chunked"))
    {
        return Err(Fault::new(FaultKind::Invalid, "the only transfer coding that is served here is `chunked`"));
    }
    Ok(())
}

/// Takes out of a request what was meant for this hop.
pub(crate) fn strip_request(headers: &mut HeaderMap) {
    let wants_trailers = strip(headers, &[PROXY_AUTHORIZATION]);
    if wants_trailers {
        headers.insert(TE, HeaderValue::from_static("trailers"));
    }
}

/// Takes out of a reply what is not the service's to say.
pub(crate) fn strip_reply(headers: &mut HeaderMap) {
    strip(headers, &[PROXY_AUTHENTICATE, PROXY_AUTHENTICATION_INFO]);
}

/// Returns whether `TE` asked for trailers, the one thing in it that is passed on.
fn strip(headers: &mut HeaderMap, also: &[HeaderName]) -> bool {
    if !headers.keys().any(is_of_hop) {
        return false;
    }
    if headers.contains_key(CONNECTION) {
        for name in named_by_connection(headers) {
            headers.remove(name);
        }
        headers.remove(CONNECTION);
    }
    if headers.remove(TRANSFER_ENCODING).is_some() {
        // A length next to a transfer coding is a lie or an attack (RFC 9112, 6.3).
        headers.remove(CONTENT_LENGTH);
    }
    let wants_trailers = headers.get_all(TE).iter().flat_map(tokens).any(|coding| {
        // `trailers` has no parameters; anything else has to do with transfer codings.
        coding.eq_ignore_ascii_case("trailers")
    });
    for name in [KEEP_ALIVE, PROXY_CONNECTION, TE, UPGRADE].iter().chain(also) {
        headers.remove(name);
    }
    wants_trailers
}

/// The fields that `Connection` names. What the message needs to be understood is not up to it.
fn named_by_connection(headers: &HeaderMap) -> Vec<HeaderName> {
    let needed = [CONTENT_LENGTH, TRANSFER_ENCODING, TE, http::header::HOST];
    headers
        .get_all(CONNECTION)
        .iter()
        .flat_map(tokens)
        .filter_map(|name| HeaderName::from_bytes(name.as_bytes()).ok())
        .filter(|name| !needed.contains(name))
        .collect()
}

/// The elements of a comma-separated list; none of a value that is no text.
fn tokens(value: &HeaderValue) -> impl Iterator<Item = &str> {
    value.to_str().unwrap_or_default().split(',').map(str::trim).filter(|token| !token.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(lines: &[(&str, &str)]) -> HeaderMap {
        lines
            .iter()
            .map(|(name, value)| (HeaderName::from_bytes(name.as_bytes()).unwrap(), value.parse().unwrap()))
            .collect()
    }

    #[test]
    fn what_is_meant_for_one_hop_stays_there() {
        for (before, after) in [
            (&[("accept", "*/*"), ("x-a", "1")][..], &[("accept", "*/*"), ("x-a", "1")][..]),
            (&[("connection", "close, X-A"), ("x-a", "1"), ("x-b", "2")], &[("x-b", "2")]),
            (&[("connection", "x-a"), ("connection", "x-b"), ("x-a", "1"), ("x-b", "2")], &[]),
            (&[("connection", "content-length, host"), ("content-length", "3")], &[("content-length", "3")]),
            (&[("connection", "\u{7f}x, , x-a"), ("x-a", "1")], &[]),
            (&[("keep-alive", "timeout=5"), ("proxy-connection", "keep-alive")], &[]),
            (&[("transfer-encoding", "chunked"), ("content-length", "3")], &[]),
            (&[("te", "trailers"), ("connection", "te")], &[("te", "trailers")]),
            (&[("te", "gzip, Trailers")], &[("te", "trailers")]),
            (&[("te", "gzip;q=0.5")], &[]),
            (&[("upgrade", "websocket"), ("connection", "upgrade")], &[]),
            (&[("proxy-authorization", "Basic eA=="), ("authorization", "Bearer y")], &[("authorization", "Bearer y")]),
        ] {
            let mut headers = match before {
                [("connection", odd), rest @ ..] if odd.contains('\u{7f}') => {
                    let mut headers = map(rest);
                    headers.insert(CONNECTION, HeaderValue::from_bytes(b"\xffx, , x-a").unwrap());
                    headers.append(CONNECTION, "x-a".parse().unwrap());
                    headers
                }
                lines => map(lines),
            };
            strip_request(&mut headers);
            assert_eq!(headers, map(after), "{before:?}");
        }
    }

    #[test]
    fn only_chunked_is_taken_off() {
        for (lines, served) in [
            (&["chunked"][..], true),
            (&["Chunked"], true),
            (&["gzip, chunked"], false),
            (&["chunked, chunked"], false),
            (&["chunked", "chunked"], false),
            (&["chunked;q=1"], false),
            (&[""], false),
        ] {
            let lines: Vec<_> = lines.iter().map(|line| ("transfer-encoding", *line)).collect();
            assert_eq!(check_coding(&map(&lines)).is_ok(), served, "{lines:?}");
        }
    }

    #[test]
    fn replies_are_stripped_too() {
        let mut headers = map(&[
            ("connection", "x-a"),
            ("x-a", "1"),
            ("proxy-authenticate", "Basic"),
            ("transfer-encoding", "chunked"),
            ("www-authenticate", "Basic"),
        ]);
        strip_reply(&mut headers);
        assert_eq!(headers, map(&[("www-authenticate", "Basic")]));
    }
}
