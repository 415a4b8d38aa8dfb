//! What may be kept, for how long, and for whom: RFC 9111 for a shared cache, as http-cache-semantics has it, and RFC 5861 for
//! what is stale. Pure functions of a request, a reply and a time.
//!
//! The library is given requests and replies with those fields only that it decides on, in one form, and none of its output is
//! sent: it keeps one line of fields that have several, and writes dates that are none of HTTP.

use std::time::{Duration, SystemTime};

use http::header::{
    AGE, AUTHORIZATION, CACHE_CONTROL, CONTENT_RANGE, COOKIE, DATE, ETAG, EXPIRES, LAST_MODIFIED, PRAGMA, SET_COOKIE,
    VARY,
};
use http::{HeaderMap, HeaderName, HeaderValue, Request, Response, StatusCode};
use http_cache_semantics::{BeforeRequest, CacheOptions, CachePolicy};

use super::directives::{Directives, elements, seconds};

/// A shared cache that guesses nothing.
const OPTIONS: CacheOptions = CacheOptions {
    shared: true,
    cache_heuristic: 0.0,
    immutable_min_time_to_live: Duration::ZERO,
    ignore_cargo_cult: false,
};

/// What a request says to a cache.
#[derive(Debug, Clone)]
pub(super) struct Asked {
    pub(super) headers: HeaderMap,
    pub(super) directives: Directives,
    /// Whether it may be answered in a way that is meant for one caller only.
    for_one: bool,
}

/// What a kept reply is to a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Match {
    /// Its answer.
    Fresh,
    /// Its answer, if the service says so.
    Stale,
    /// The answer to another request.
    Other,
}

/// The rules for one kept reply.
#[derive(Debug, Clone)]
pub(super) struct Rules {
    policy: CachePolicy,
    /// The fields of a request that the reply depends on, with what they were.
    pub(super) selected_by: Vec<(HeaderName, Option<HeaderValue>)>,
    /// How long it is fresh in all, counted like its age.
    lifetime: Duration,
    stale_if_error: Duration,
    stale_while_revalidate: Duration,
}

impl Asked {
    /// `known` is whether the host knows who the caller is.
    pub(super) fn new(headers: &HeaderMap, known: bool) -> Self {
        let for_one = known || headers.contains_key(AUTHORIZATION) || headers.contains_key(COOKIE);
        Self { headers: headers.clone(), directives: Directives::of(headers), for_one }
    }

    /// The request as far as a reply that depends on `fields` goes.
    fn reduced<'f>(&self, fields: impl Iterator<Item = &'f HeaderName>) -> Request<()> {
        let mut request = Request::new(());
        let reduced = request.headers_mut();
        for name in fields {
            if let Some(value) = joined(&self.headers, name) {
                reduced.insert(name, value);
            }
        }
        // Who is content with something stale may get something newer.
        if let Some(value) = self.directives.clone().without("max-stale").to_value() {
            reduced.insert(CACHE_CONTROL, value);
        } else if let Some(pragma) = self.headers.get(PRAGMA).filter(|_| !self.headers.contains_key(CACHE_CONTROL)) {
            reduced.insert(PRAGMA, pragma.clone());
        }
        if self.for_one && !reduced.contains_key(AUTHORIZATION) {
            reduced.insert(AUTHORIZATION, HeaderValue::from_static("somebody"));
        }
        request
    }

    /// Whether the caller wants to hear it from the service.
    pub(super) fn wants_news(&self) -> bool {
        let pragma = self.headers.get(PRAGMA).and_then(|value| value.to_str().ok());
        let says = |name| self.directives.has(name);
        says("no-cache")
            || says("max-age")
            || says("min-fresh")
            || pragma.is_some_and(|value| value.contains("no-cache"))
    }
}

impl Rules {
    /// The rules for a reply to a request that was sent at `sent`; `None` if it must not be kept, or it would be of no use.
    pub(super) fn of(
        asked: &Asked,
        status: StatusCode,
        headers: &HeaderMap,
        sent: SystemTime,
        default_ttl: Duration,
    ) -> Option<Self> {
        let directives = Directives::of(headers);
        let fields = selecting(headers)?;
        // A cookie that is set is for one caller, unless the service says that it is for all.
        if headers.contains_key(CONTENT_RANGE) || (headers.contains_key(SET_COOKIE) && !directives.has("public")) {
            return None;
        }
        let directives = with_default(directives, status, headers, default_ttl);
        let request = asked.reduced(fields.iter());
        let policy = CachePolicy::new_options(&request, &reduced(status, headers, &directives), sent, OPTIONS);
        let lifetime = policy.age(sent) + policy.time_to_live(sent);
        let is_fresh = !policy.time_to_live(sent).is_zero();
        let can_be_asked_for = headers.contains_key(ETAG) || headers.contains_key(LAST_MODIFIED);
        if !policy.is_storable() || !(is_fresh || can_be_asked_for) {
            return None;
        }
        let selected_by = fields.into_iter().map(|name| (name.clone(), request.headers().get(name).cloned())).collect();
        let stale = |name| stale_for(&directives, name);
        let (stale_if_error, stale_while_revalidate) = (stale("stale-if-error"), stale("stale-while-revalidate"));
        Some(Self { policy, selected_by, lifetime, stale_if_error, stale_while_revalidate })
    }

    /// What the reply is to a request at `now`.
    pub(super) fn match_at(&self, asked: &Asked, now: SystemTime) -> Match {
        let request = asked.reduced(self.selected_by.iter().map(|(name, _)| name));
        match self.policy.before_request(&request, now) {
            BeforeRequest::Fresh(_) => Match::Fresh,
            BeforeRequest::Stale { matches: true, .. } => Match::Stale,
            BeforeRequest::Stale { matches: false, .. } => Match::Other,
        }
    }

    /// How old the reply is (RFC 9111, 4.2.3).
    pub(super) fn age(&self, now: SystemTime) -> Duration {
        self.policy.age(now)
    }

    /// For how many seconds more the reply is fresh; below zero if it is stale.
    pub(super) fn ttl(&self, now: SystemTime) -> i64 {
        let seconds = |time: Duration| i64::try_from(time.as_secs()).unwrap_or(i64::MAX);
        seconds(self.lifetime).saturating_sub(seconds(self.age(now)))
    }

    /// Whether the reply may stand in for one that failed (RFC 5861, 4).
    pub(super) fn serves_on_error(&self, now: SystemTime) -> bool {
        self.staleness(now) < self.stale_if_error
    }

    /// Whether the reply may be given while somebody asks for a newer one (RFC 5861, 3).
    pub(super) fn serves_meanwhile(&self, now: SystemTime) -> bool {
        self.staleness(now) < self.stale_while_revalidate
    }

    fn staleness(&self, now: SystemTime) -> Duration {
        self.age(now).saturating_sub(self.lifetime)
    }
}

/// How long a stale reply may be used for something. What forbids it comes first (RFC 9111, 4.2.4).
fn stale_for(directives: &Directives, name: &str) -> Duration {
    let forbidden = ["no-cache", "must-revalidate", "proxy-revalidate", "s-maxage"];
    let seconds = directives.seconds(name).filter(|_| !forbidden.iter().any(|forbidden| directives.has(forbidden)));
    Duration::from_secs(seconds.unwrap_or(0))
}

/// The directives of a reply that says nothing of how long it is fresh, with what the route says. The statuses are those that a
/// cache may have an opinion on (RFC 9110, 15.1).
fn with_default(directives: Directives, status: StatusCode, headers: &HeaderMap, ttl: Duration) -> Directives {
    let says = ["max-age", "s-maxage", "no-cache"].iter().any(|name| directives.has(name));
    let quiet = !says && !headers.contains_key(EXPIRES) && !headers.contains_key(PRAGMA);
    let open = matches!(status.as_u16(), 200 | 203 | 204 | 300 | 301 | 308 | 404 | 410);
    if quiet && open && !ttl.is_zero() { directives.with("max-age", ttl.as_secs()) } else { directives }
}

/// The reply as far as the rules go.
fn reduced(status: StatusCode, headers: &HeaderMap, directives: &Directives) -> Response<()> {
    let mut reply = Response::new(());
    *reply.status_mut() = status;
    let reduced = reply.headers_mut();
    for name in [DATE, ETAG, EXPIRES, LAST_MODIFIED, PRAGMA] {
        if let Some(value) = headers.get(&name) {
            reduced.insert(name, value.clone());
        }
    }
    if let Some(value) = joined(headers, &VARY) {
        reduced.insert(VARY, value);
    }
    if let Some(value) = directives.to_value() {
        reduced.insert(CACHE_CONTROL, value);
    }
    // An age that is none is ignored (RFC 9111, 5.1).
    let age = headers.get(AGE).and_then(|value| value.to_str().ok()).map(|text| seconds(text.trim()));
    if let Some(age) = age {
        reduced.insert(AGE, HeaderValue::from(age));
    }
    reply
}

/// The fields of a request that a reply depends on; `None` if it depends on what nobody can know.
fn selecting(headers: &HeaderMap) -> Option<Vec<HeaderName>> {
    let mut fields = Vec::new();
    for value in headers.get_all(VARY) {
        for name in elements(value.to_str().ok()?) {
            // `*` is no name.
            let name = HeaderName::from_bytes(name.as_bytes()).ok().filter(|name| name.as_str() != "*")?;
            if !fields.contains(&name) {
                fields.push(name);
            }
        }
    }
    Some(fields)
}

/// All lines of a field as one (RFC 9110, 5.3).
fn joined(headers: &HeaderMap, name: &HeaderName) -> Option<HeaderValue> {
    let mut lines = headers.get_all(name).iter();
    let (first, second) = (lines.next()?, lines.next());
    match second {
        None => Some(first.clone()),
        Some(_) => {
            let lines: Vec<_> = headers.get_all(name).iter().map(HeaderValue::as_bytes).collect();
            HeaderValue::from_bytes(&lines.join(&b", "[..])).ok()
        }
    }
}
