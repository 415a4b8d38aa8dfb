//! How large the head of an HTTP/1 request is.
//!
//! hyper takes one size for all that it keeps of what a client sent. So that a body can be read in one piece with its head,
//! that is more than a head may have; and the head is measured when it is there.

use http::{StatusCode, Uri, request};
use patchbay_model::FaultKind;
use patchbay_model::units::format_size;

use crate::problem::{Problem, entry_of};

/// Marks a request whose head is larger than it may be, for whoever answers it to refuse.
#[derive(Debug, Clone, Copy)]
pub(crate) struct HeadTooLarge {
    /// Of the head, in bytes.
    size: usize,
    /// How large it may be, in bytes.
    limit: u32,
}

impl HeadTooLarge {
    /// Whether that holds for `head`.
    pub(super) fn of(head: &request::Parts, limit: u32) -> Option<Self> {
        let size = size(head);
        (size > limit as usize).then_some(Self { size, limit })
    }

    /// What the client may read of it (RFC 6585, 5).
    pub(crate) fn problem(self) -> Problem {
        let entry = entry_of(FaultKind::TooLarge);
        let (size, limit) = (self.size, format_size(self.limit.into()));
        let detail = format!(
            "the head of the request has {size} bytes, and may have {limit} here: send fewer fields, or shorter ones"
        );
        Problem::new(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE, entry.urn, entry.title, detail)
    }
}

/// The bytes of a head on the wire, with no more space between its parts than there has to be.
fn size(head: &request::Parts) -> usize {
    const END_OF_LINE: usize = "\r\n".len();
    let line = head.method.as_str().len() + " ".len() + target_size(&head.uri) + " HTTP/1.1".len() + END_OF_LINE;
    let fields = head.headers.iter().map(|(name, value)| name.as_str().len() + ": ".len() + value.len() + END_OF_LINE);
    line + fields.sum::<usize>() + END_OF_LINE
}

fn target_size(uri: &Uri) -> usize {
    let scheme = uri.scheme_str().map_or(0, |scheme| scheme.len() + "://".len());
    let authority = uri.authority().map_or(0, |authority| authority.as_str().len());
    scheme + authority + uri.path_and_query().map_or(0, |path| path.as_str().len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_has_as_many_bytes_as_it_is_sent_in() {
        for (uri, line) in [
            ("/a/b?c=d", "GET /a/b?c=d HTTP/1.1\r\n"),
            ("http://orders.test/a", "GET http://orders.test/a HTTP/1.1\r\n"),
            ("*", "GET * HTTP/1.1\r\n"),
        ] {
            let request = http::Request::get(uri).header("host", "orders.test").header("x", "").body(()).unwrap();
            let (head, ()) = request.into_parts();
            let sent = format!("{line}host: orders.test\r\nx: \r\n\r\n").len();
            assert_eq!(size(&head), sent, "{uri}");
            assert!(HeadTooLarge::of(&head, sent as u32).is_none(), "{uri}");
            let problem = HeadTooLarge::of(&head, sent as u32 - 1).unwrap().problem();
            assert!(
                problem.detail.contains(&format!("has {sent} bytes, and may have {}B", sent - 1)),
                "{}",
                problem.detail
            );
        }
    }
}
