//! A shared cache of the replies of one route (RFC 9111). `rules.rs` says what may be kept and told, `store.rs` holds it.
//!
//! Of several that ask for the same at the same time, one asks the service, and the others wait for a while for what it gets.

mod counts;
mod directives;
mod recorder;
mod registry;
mod rules;
mod status;
mod store;
mod validators;

use std::future::Future;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use http::header::{AGE, IF_MATCH, IF_MODIFIED_SINCE, IF_NONE_MATCH, IF_RANGE, IF_UNMODIFIED_SINCE, RANGE};
use http::{HeaderValue, Method, Request, StatusCode, request, response};
use http_body::Body as _;
use patchbay_model::policy::CacheSettings;
use patchbay_model::ports::Clock;
use patchbay_model::{Body, Reply, empty_body, full_body};
use tokio::time::Instant;

pub(crate) use registry::Caches;

use self::counts::CacheCounts;
use self::recorder::{Draft, record};
use self::registry::key_of;
use self::rules::{Asked, Rules};
use self::status::{Forward, Status, note};
use self::store::{Found, Kept, Leader, Store, Turn};
use super::budget::Budget;
use super::{EdgeCaller, EdgeParts};
use crate::http::strip_reply;
use crate::problem::{Faulted, Problem};

/// How often a request waits for others before it asks by itself.
const MAX_WAITS: u32 = 2;

/// The cache of one route.
pub(super) struct Cache {
    store: Arc<Store>,
    clock: Arc<dyn Clock>,
    max_reply: u64,
    default_ttl: Duration,
    collapse: Duration,
    /// For bodies that are on their way into the cache.
    bodies: Arc<Budget>,
    counts: CacheCounts,
}

/// What is to be asked of the service, and what is known already.
struct Question {
    asked: Asked,
    why: Forward,
    /// What may still be right.
    stale: Option<Arc<Kept>>,
    /// The right to keep what comes.
    leader: Option<Leader>,
}

/// What there is to say without the service, or what to ask it.
enum Looked {
    Answer(Reply),
    Ask(Question),
}

impl Cache {
    pub(super) fn new(settings: &CacheSettings, parts: &EdgeParts) -> Self {
        let CacheSettings { memory, max_reply, default_ttl, collapse } = *settings;
        let store = Arc::new(Store::new(memory));
        parts.caches.add(&store);
        let (clock, bodies, counts) = (Arc::clone(&parts.clock), Budget::new(memory), CacheCounts::default());
        Self { store, clock, max_reply, default_ttl, collapse, bodies, counts }
    }

    /// What it did, by the names in metrics.
    pub(super) fn counts(&self) -> impl Iterator<Item = (&'static str, u64)> {
        self.counts.read()
    }

    /// Answers with what is kept, or by `next`.
    pub(super) async fn answer<F: Future<Output = Reply>>(
        &self,
        request: Request<Body>,
        from: &EdgeCaller<'_>,
        next: impl FnOnce(Request<Body>) -> F,
    ) -> Reply {
        let (mut head, body) = request.into_parts();
        let asked = Asked::new(&head.headers, from.user.is_some());
        if let Some(why) = passes_by(&head, &asked, &body, from) {
            self.counts.forwarded(why);
            let mut reply = next(Request::from_parts(head, body)).await;
            note(reply.headers_mut(), Status::Forwarded { why, status: None, stored: false });
            return reply;
        }
        let question = match self.look(&head, asked, from).await {
            Looked::Answer(reply) => return reply,
            Looked::Ask(question) => question,
        };
        self.counts.forwarded(question.why);
        let validated = question.stale.as_ref().is_some_and(|kept| validators::ask(&mut head.headers, &kept.headers));
        let sent = self.clock.now();
        let reply = next(Request::from_parts(head, body)).await;
        self.take(question, validated, sent, reply)
    }

    /// Looks for what is kept, and waits for others that ask for the same.
    async fn look(&self, head: &request::Parts, asked: Asked, from: &EdgeCaller<'_>) -> Looked {
        let key = key_of(head);
        let mut waits = 0;
        loop {
            let now = self.clock.now();
            let (why, stale) = match self.store.find(&key, &asked, now, from.generation) {
                Found::Fresh(kept) => {
                    self.counts.hit(waits > 0);
                    return Looked::Answer(hit(&kept, &asked, now, waits > 0));
                }
                Found::Stale(kept) => (stale_because(&asked), Some(kept)),
                Found::Others => (Forward::Varied, None),
                Found::Nothing => (Forward::Miss, None),
                Found::Outdated => (Forward::Bypass, None),
            };
            if asked.directives.has("only-if-cached") {
                return Looked::Answer(nothing_kept(from));
            }
            // What is asked for with HEAD is not all there is to keep.
            if head.method == Method::HEAD || why == Forward::Bypass {
                return Looked::Ask(Question { asked, why, stale: None, leader: None });
            }
            match self.store.join(&key, now, from.generation) {
                Turn::First(leader) => return Looked::Ask(Question { asked, why, stale, leader: Some(leader) }),
                Turn::Wait(waiting) if waits < MAX_WAITS && !self.collapse.is_zero() => {
                    let meanwhile = stale.filter(|kept| kept.rules.serves_meanwhile(now) && !asked.wants_news());
                    if let Some(kept) = meanwhile {
                        self.counts.hit(false);
                        return Looked::Answer(hit(&kept, &asked, now, false));
                    }
                    waits += 1;
                    let until = from.deadline.min(Instant::now() + self.collapse);
                    // However it ends, the next look tells what there is.
                    self.store.wait(&key, waiting, until, &*self.clock).await;
                }
                Turn::Wait(_) | Turn::Alone => {
                    return Looked::Ask(Question { asked, why, stale, leader: None });
                }
            }
        }
    }

    /// Makes of what the service has said, and of what is kept, the reply; and keeps what may be.
    fn take(&self, question: Question, validated: bool, sent: SystemTime, reply: Reply) -> Reply {
        let now = self.clock.now();
        let Question { asked, why, stale, leader } = question;
        if let Some(kept) = &stale {
            if validated && reply.status() == StatusCode::NOT_MODIFIED {
                return self.still_right(kept, &asked, leader, why, sent, reply);
            }
            if reply.status().is_server_error() && kept.rules.serves_on_error(now) {
                let status = Status::Forwarded { why, status: Some(reply.status().as_u16()), stored: false };
                return told(kept, &asked, now, status);
            }
        }
        self.passed_on(&asked, leader, why, sent, reply)
    }

    /// The service has said that a kept reply is still right.
    fn still_right(
        &self,
        kept: &Kept,
        asked: &Asked,
        leader: Option<Leader>,
        why: Forward,
        sent: SystemTime,
        news: Reply,
    ) -> Reply {
        let (mut news, _) = news.into_parts();
        strip_reply(&mut news.headers);
        let headers = validators::updated(&kept.headers, &news.headers);
        let now = self.clock.now();
        let status = |stored| Status::Forwarded { why, status: Some(304), stored };
        let Some(rules) = Rules::of(asked, kept.status, &headers, sent, self.default_ttl) else {
            if let Some(leader) = leader {
                leader.give_up(true, now);
            }
            let rules = kept.rules.clone();
            return told(&Kept::new(rules, kept.status, headers, kept.body.clone()), asked, now, status(false));
        };
        let again = || Kept::new(rules.clone(), kept.status, headers.clone(), kept.body.clone());
        let reply = told(&again(), asked, now, status(leader.is_some()));
        if let Some(leader) = leader {
            leader.keep(again());
        }
        reply
    }

    /// A reply of the service on its way to the caller.
    fn passed_on(&self, asked: &Asked, leader: Option<Leader>, why: Forward, sent: SystemTime, reply: Reply) -> Reply {
        let (mut head, body) = reply.into_parts();
        let now = self.clock.now();
        let fits = body.size_hint().lower() <= self.max_reply;
        let rules = leader.as_ref().filter(|_| fits);
        let rules = rules.and_then(|_| Rules::of(asked, head.status, &head.headers, sent, self.default_ttl));
        let (body, stored) = match (leader, rules) {
            (Some(leader), Some(rules)) => {
                strip_reply(&mut head.headers);
                let (status, headers) = (head.status, head.headers.clone());
                (
                    record(
                        body,
                        Draft { leader, rules, status, headers, limit: self.max_reply, share: self.bodies.share() },
                    ),
                    true,
                )
            }
            // That the caller has it already says nothing of what others get.
            (Some(leader), None) if head.status != StatusCode::NOT_MODIFIED => {
                leader.give_up(is_instead(&head), now);
                (body, false)
            }
            _ => (body, false),
        };
        note(&mut head.headers, Status::Forwarded { why, status: None, stored });
        Reply::from_parts(head, body)
    }
}

/// Whether a reply that cannot be kept is what all others would get now in place of what is kept. What failed is not, and what is
/// refused may be so for this caller only.
fn is_instead(head: &response::Parts) -> bool {
    let gone = matches!(head.status, StatusCode::NOT_FOUND | StatusCode::GONE);
    let said = head.status.is_success() || head.status.is_redirection() || gone;
    said && head.extensions.get::<Faulted>().is_none()
}

/// Why a request is none for a cache; `None` if it is one.
fn passes_by(head: &request::Parts, asked: &Asked, body: &Body, from: &EdgeCaller<'_>) -> Option<Forward> {
    if head.method != Method::GET && head.method != Method::HEAD {
        return Some(Forward::Method);
    }
    let odd = [RANGE, IF_RANGE, IF_MATCH, IF_UNMODIFIED_SINCE].iter().any(|name| head.headers.contains_key(name));
    (odd || from.split || asked.directives.has("no-store") || !body.is_end_stream()).then_some(Forward::Bypass)
}

fn stale_because(asked: &Asked) -> Forward {
    if asked.wants_news() { Forward::Request } else { Forward::Stale }
}

fn hit(kept: &Kept, asked: &Asked, now: SystemTime, collapsed: bool) -> Reply {
    told(kept, asked, now, Status::Hit { ttl: kept.rules.ttl(now), collapsed })
}

/// A kept reply as it is told to a caller, or that the caller has it already.
fn told(kept: &Kept, asked: &Asked, now: SystemTime, status: Status) -> Reply {
    let conditional = [IF_NONE_MATCH, IF_MODIFIED_SINCE].iter().any(|name| asked.headers.contains_key(name));
    let is_known =
        conditional && kept.status == StatusCode::OK && validators::has_already(&asked.headers, &kept.headers);
    let mut reply = Reply::new(if is_known { empty_body() } else { full_body(kept.body.clone()) });
    *reply.status_mut() = if is_known { StatusCode::NOT_MODIFIED } else { kept.status };
    let headers = if is_known { validators::of_not_modified(&kept.headers) } else { kept.headers.clone() };
    *reply.headers_mut() = headers;
    reply.headers_mut().insert(AGE, HeaderValue::from(kept.rules.age(now).as_secs()));
    note(reply.headers_mut(), status);
    reply
}

/// The answer to who wants nothing but what is kept (RFC 9111, 5.2.1.7).
fn nothing_kept(from: &EdgeCaller<'_>) -> Reply {
    let detail = "nothing is kept that answers this request, and it asks for nothing else";
    let kind = "urn:patchbay:cache:nothing-kept";
    Problem::new(StatusCode::GATEWAY_TIMEOUT, kind, "Not in the cache", detail).of_call(from.call).into_reply()
}
