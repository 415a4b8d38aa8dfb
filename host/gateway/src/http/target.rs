//! Whom a request is for: its host and path, whichever of the forms of RFC 9112 (3.2) or RFC 9113 (8.3.1) it came in.

use http::header::HOST;
use http::uri::{Authority, PathAndQuery, Scheme};
use http::{HeaderValue, Method, Request, Uri, Version};
use patchbay_model::{Fault, FaultKind};

/// Where a request goes.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Target {
    /// To a service.
    Path,
    /// To the server as a whole: `OPTIONS *`.
    Server,
}

/// Brings a request into the one form that services see: a path, and one `Host` that is valid. `local` stands in for
/// the host where HTTP/1.0 gave none. `scheme` is that of the listener if it is not `http`; it is what counts, whatever
/// the request says of itself, and stays in the URI.
pub(super) fn normalize<B>(
    request: &mut Request<B>,
    local: &HeaderValue,
    scheme: Option<&Scheme>,
) -> Result<Target, Fault> {
    if *request.method() == Method::CONNECT {
        return Err(Fault::new(FaultKind::MethodNotAllowed, "this is no proxy: CONNECT is not served here"));
    }
    if let Some(host) = host(request, local)? {
        request.headers_mut().insert(HOST, host);
    }
    let target = path(request)?;
    if let (Target::Path, Some(scheme), Some(host)) = (&target, scheme, request.headers().get(HOST)) {
        *request.uri_mut() = absolute(scheme, host, request.uri())?;
    }
    Ok(target)
}

/// The URI of a path, as a whole.
fn absolute(scheme: &Scheme, host: &HeaderValue, path: &Uri) -> Result<Uri, Fault> {
    let mut parts = path.clone().into_parts();
    parts.scheme = Some(scheme.clone());
    parts.authority = Some(authority_of(host)?);
    Uri::from_parts(parts).map_err(|_| invalid("the target of the request is no path"))
}

/// Leaves the path in the URI, and nothing else.
fn path<B>(request: &mut Request<B>) -> Result<Target, Fault> {
    let uri = request.uri();
    match uri.path_and_query() {
        Some(path) if path.as_str() == "*" && *request.method() == Method::OPTIONS => Ok(Target::Server),
        Some(path) if path.as_str().starts_with('/') => {
            if uri.scheme().is_some() || uri.authority().is_some() {
                *request.uri_mut() = Uri::from(path.clone());
            }
            Ok(Target::Path)
        }
        // `http://host` without a path (RFC 9112, 3.2.1), and `OPTIONS http://host` (3.2.4).
        None if uri.authority().is_some() => {
            *request.uri_mut() = Uri::from(PathAndQuery::from_static("/"));
            Ok(Target::Path)
        }
        _ => Err(invalid("the target of the request is no path")),
    }
}

fn invalid(message: &'static str) -> Fault {
    Fault::new(FaultKind::Invalid, message)
}

/// The one host a request names; `None` if that stands in its `Host` already. HTTP/1.0 need not name any.
fn host<B>(request: &Request<B>, local: &HeaderValue) -> Result<Option<HeaderValue>, Fault> {
    let mut hosts = request.headers().get_all(HOST).iter();
    let (first, second) = (hosts.next(), hosts.next());
    if second.is_some() {
        return Err(invalid("the request names several hosts"));
    }
    if let (Some(host), None) = (first, request.uri().authority())
        && is_plain(host.as_bytes())
    {
        return Ok(None);
    }
    let in_header = first.map(authority_of).transpose()?;
    match (request.uri().authority(), in_header) {
        (Some(target), in_header) => {
            // In HTTP/1.1 the target wins over the header (RFC 9112, 3.2.2); in HTTP/2 they have to agree.
            let differs = in_header.is_some_and(|host| host != *target);
            if differs && request.version() == Version::HTTP_2 {
                return Err(invalid("the request names several hosts"));
            }
            valid(target)?;
            HeaderValue::from_str(target.as_str()).map(Some).map_err(|_| invalid("the host is not valid"))
        }
        (None, Some(_)) => Ok(None),
        (None, None) if request.version() < Version::HTTP_11 => Ok(Some(local.clone())),
        (None, None) => Err(invalid("the request names no host")),
    }
}

/// A name or an IPv4 address, with or without a port, as nearly all hosts are: valid without being taken apart.
fn is_plain(host: &[u8]) -> bool {
    let end = host.iter().position(|byte| *byte == b':').unwrap_or(host.len());
    let (name, port) = host.split_at(end);
    let is_name = name.iter().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-'));
    let is_port = port.is_empty() || (port.len() > 1 && port.iter().skip(1).all(u8::is_ascii_digit));
    !name.is_empty() && is_name && is_port
}

fn authority_of(value: &HeaderValue) -> Result<Authority, Fault> {
    let authority = Authority::try_from(value.as_bytes()).map_err(|_| invalid("the host is not valid"))?;
    valid(&authority)?;
    Ok(authority)
}

/// User names do not belong into the authority of a request (RFC 9110, 4.2.4), and a host has a name.
fn valid(authority: &Authority) -> Result<(), Fault> {
    let is_valid = !authority.host().is_empty() && !authority.as_str().contains('@');
    if is_valid { Ok(()) } else { Err(invalid("the host is not valid")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_of_target_comes_out_the_same() {
        use Version as V;
        for (version, method, uri, hosts, expected) in [
            (V::HTTP_11, "GET", "/a?b=c", &["x.test"][..], Some(("x.test", "/a?b=c"))),
            (V::HTTP_11, "GET", "/a", &["x.test:8080"], Some(("x.test:8080", "/a"))),
            (V::HTTP_11, "GET", "/a", &["[::1]:80"], Some(("[::1]:80", "/a"))),
            (V::HTTP_11, "GET", "/a", &["x_1.test"], Some(("x_1.test", "/a"))),
            (V::HTTP_11, "GET", "/a", &[":80"], None),
            (V::HTTP_11, "GET", "http://y.test/a", &["x.test"], Some(("y.test", "/a"))),
            (V::HTTP_11, "GET", "http://y.test", &["x.test"], Some(("y.test", "/"))),
            (V::HTTP_11, "GET", "/a", &[], None),
            (V::HTTP_11, "GET", "/a", &[""], None),
            (V::HTTP_11, "GET", "/a", &["x.test", "x.test"], None),
            (V::HTTP_11, "GET", "/a", &["x test"], None),
            (V::HTTP_11, "GET", "/a", &["u@x.test"], None),
            (V::HTTP_11, "GET", "http://u@x.test/a", &["x.test"], None),
            (V::HTTP_11, "GET", "*", &["x.test"], None),
            (V::HTTP_11, "CONNECT", "x.test:443", &["x.test"], None),
            (V::HTTP_10, "GET", "/a", &[], Some(("local:1", "/a"))),
            (V::HTTP_2, "GET", "http://x.test/a", &[], Some(("x.test", "/a"))),
            (V::HTTP_2, "GET", "http://x.test/a", &["x.test"], Some(("x.test", "/a"))),
            (V::HTTP_2, "GET", "http://x.test/a", &["y.test"], None),
        ] {
            let mut request = Request::builder().version(version).method(method).uri(uri);
            for host in hosts {
                request = request.header(HOST, *host);
            }
            let mut request = request.body(()).unwrap();
            let found = normalize(&mut request, &HeaderValue::from_static("local:1"), None).ok().map(|target| {
                assert_eq!(target, Target::Path);
                (request.headers()[HOST].to_str().unwrap().to_owned(), request.uri().to_string())
            });
            let expected = expected.map(|(host, uri)| (host.to_owned(), uri.to_owned()));
            assert_eq!(found, expected, "{version:?} {method} {uri} {hosts:?}");
        }
    }

    #[test]
    fn the_scheme_of_the_listener_counts() {
        for uri in ["/a?b=c", "http://x.test/a?b=c", "https://x.test/a?b=c"] {
            let mut request = Request::builder().uri(uri).header(HOST, "x.test").body(()).unwrap();
            normalize(&mut request, &HeaderValue::from_static("local"), Some(&Scheme::HTTPS)).unwrap();
            assert_eq!(*request.uri(), "https://x.test/a?b=c", "{uri}");
            assert_eq!(request.headers()[HOST], "x.test");
        }
    }

    #[test]
    fn options_can_ask_the_server() {
        let mut request = Request::builder().method("OPTIONS").uri("*").header(HOST, "x").body(()).unwrap();
        assert_eq!(normalize(&mut request, &HeaderValue::from_static("local"), None).unwrap(), Target::Server);
    }
}
