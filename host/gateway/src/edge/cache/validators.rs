//! Conditional requests (RFC 9110, 13), to the service and of callers.

use http::header::{
    AGE, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_LOCATION, CONTENT_RANGE, DATE, ETAG, EXPIRES,
    IF_MODIFIED_SINCE, IF_NONE_MATCH, LAST_MODIFIED, TRANSFER_ENCODING, VARY,
};
use http::{HeaderMap, HeaderName};

use super::directives::elements;

/// What a reply without a body says of the one that the caller has (RFC 9110, 15.4.5).
const OF_NOT_MODIFIED: [HeaderName; 8] =
    [AGE, CACHE_CONTROL, CONTENT_LOCATION, DATE, ETAG, EXPIRES, LAST_MODIFIED, VARY];

/// What belongs to the body that is kept, and is not replaced (RFC 9111, 3.2).
const OF_BODY: [HeaderName; 4] = [CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_RANGE, TRANSFER_ENCODING];

/// Asks, in the header of a request to the service, whether the kept reply is still right. Returns whether that can be asked.
pub(super) fn ask(request: &mut HeaderMap, kept: &HeaderMap) -> bool {
    let asked = [(ETAG, IF_NONE_MATCH), (LAST_MODIFIED, IF_MODIFIED_SINCE)];
    if !asked.iter().any(|(validator, _)| kept.contains_key(validator)) {
        return false;
    }
    for (validator, condition) in asked {
        match kept.get(validator) {
            Some(value) => request.insert(condition, value.clone()),
            None => request.remove(condition),
        };
    }
    true
}

/// Whether the caller has the kept reply already. Entity tags are compared weakly (RFC 9110, 13.1.2); a date has to be the one
/// that the reply had.
pub(super) fn has_already(request: &HeaderMap, kept: &HeaderMap) -> bool {
    if request.contains_key(IF_NONE_MATCH) {
        let text = |value: &http::HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
        let own = kept.get(ETAG).map(text);
        let lines = request.get_all(IF_NONE_MATCH).iter().map(text);
        return lines.into_iter().any(|line| {
            elements(&line).any(|tag| tag == "*" || own.as_deref().is_some_and(|own| opaque(own) == opaque(tag)))
        });
    }
    request.get(IF_MODIFIED_SINCE).is_some_and(|since| kept.get(LAST_MODIFIED) == Some(since))
}

fn opaque(tag: &str) -> &str {
    tag.trim().trim_start_matches("W/")
}

/// The header of a reply that says that the caller has it already.
pub(super) fn of_not_modified(headers: &HeaderMap) -> HeaderMap {
    let mut reduced = HeaderMap::new();
    for name in OF_NOT_MODIFIED {
        for value in headers.get_all(&name) {
            reduced.append(&name, value.clone());
        }
    }
    reduced
}

/// The header of a kept reply after the service has said that it is still right: what it says now, and what it has not said
/// anything of.
pub(super) fn updated(kept: &HeaderMap, news: &HeaderMap) -> HeaderMap {
    let mut updated = kept.clone();
    // The age was that of the old one.
    updated.remove(AGE);
    for name in news.keys().filter(|name| !OF_BODY.contains(name)) {
        updated.remove(name);
        for value in news.get_all(name) {
            updated.append(name, value.clone());
        }
    }
    updated
}
