//! Has what carries the same `Idempotency-Key` run once (draft-ietf-httpapi-idempotency-key-header): the reply to the first
//! request is kept, and told to those that follow.
//!
//! A key is claimed before the service is asked. It is let go of if the request did no good: a fault, a status of 500 or
//! more, one that asks to come again, or a caller that went away. With `keep_errors` it stays claimed then, because nobody knows
//! how far the service came.

mod key;
mod memory;
mod refusal;
mod table;

use std::future::Future;
use std::sync::Arc;

use http::{HeaderName, HeaderValue, Method, Request, StatusCode};
use patchbay_model::policy::IdempotencySettings;
use patchbay_model::ports::{Claim, Claimed, KeptReply, ReplyStore, ReplyTerms};
use patchbay_model::{Body, BodyError, Fault, FaultKind, Reply, full_body, units};

use self::refusal::Refusal;
use super::EdgeCaller;
use super::budget::Budget;
use super::collect::{Collected, collect, is_as_announced};
use crate::http::strip_reply;
use crate::problem::{Faulted, reply_to};

pub(super) use memory::MemoryReplies;

/// Tells in a reply that it is one from before.
const REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");

/// The keys of one route.
pub(super) struct Idempotency {
    settings: IdempotencySettings,
    terms: ReplyTerms,
    /// For bodies that are being read.
    bodies: Arc<Budget>,
    /// The route as it is written, which is a part of each key.
    route: String,
    pub(super) store: Arc<dyn ReplyStore>,
}

impl Idempotency {
    pub(super) fn new(settings: &IdempotencySettings, route: String, store: Arc<dyn ReplyStore>) -> Self {
        let IdempotencySettings { ttl, keys, keys_per_caller, memory, .. } = *settings;
        let terms = ReplyTerms { ttl, keys, keys_per_caller, memory };
        Self { settings: settings.clone(), terms, bodies: Budget::new(memory), route, store }
    }

    /// Whether requests with this method have keys.
    pub(super) fn is_for(&self, method: &Method) -> bool {
        self.settings.methods.contains(method)
    }

    /// Answers with the reply from before, or by `next`.
    pub(super) async fn answer<F: Future<Output = Reply>>(
        &self,
        request: Request<Body>,
        from: &EdgeCaller<'_>,
        next: impl FnOnce(Request<Body>) -> F,
    ) -> Reply {
        let key = match key::of_headers(request.headers()) {
            Ok(Some(key)) => key,
            Ok(None) if self.settings.required => return Refusal::Missing.reply(from.call),
            Ok(None) => return next(request).await,
            Err(()) => return Refusal::Invalid.reply(from.call),
        };
        let Some(caller) = key::caller(from, self.settings.anonymous) else {
            return Refusal::Anonymous.reply(from.call);
        };
        let (head, body) = request.into_parts();
        let mut share = self.bodies.share();
        let reading = collect(body, self.settings.max_request, &mut share);
        let body = match tokio::time::timeout_at(from.deadline, reading).await {
            Ok(Collected::Whole(body)) => body,
            Ok(Collected::NoRoom(_)) => return Refusal::Full { of_caller: false }.reply(from.call),
            Ok(Collected::More(_)) => return reply_to(&too_large(self.settings.max_request), from.call),
            Ok(Collected::Broken(error)) => return reply_to(&broken_request(&error), from.call),
            Err(_) => return reply_to(&Fault::new(FaultKind::Deadline, "the request did not come in time"), from.call),
        };
        let (key, fingerprint) = (key::reply_key(caller, &self.route, &key), key::fingerprint(&head, &body));
        let claimed = match self.store.claim(key, fingerprint, &self.terms).await {
            Claim::New(claimed) => claimed,
            Claim::Done(kept) => return replay(kept),
            Claim::Running => return Refusal::Running.reply(from.call),
            Claim::Lost => return Refusal::Lost.reply(from.call),
            Claim::Other => return Refusal::Other.reply(from.call),
            Claim::Full { of_caller } => return Refusal::Full { of_caller }.reply(from.call),
        };
        let held = Held { of: self, claimed: Some(claimed) };
        let reply = next(Request::from_parts(head, full_body(body))).await;
        self.settle(held, reply, from).await
    }

    /// Says what came of a claim, and gives the reply back.
    async fn settle(&self, mut held: Held<'_>, reply: Reply, from: &EdgeCaller<'_>) -> Reply {
        if !self.is_done(&reply) {
            held.release();
            return reply;
        }
        let (mut head, body) = reply.into_parts();
        strip_reply(&mut head.headers);
        let mut share = self.bodies.share();
        match collect(body, self.settings.max_reply, &mut share).await {
            Collected::Whole(body) if !is_as_announced(&head.headers, body.len() as u64) => {
                let details = "the body has another length than its header says";
                reply_to(&broken_reply(BodyError::Failed(details.to_owned())), from.call)
            }
            Collected::Whole(body) => {
                let kept = KeptReply { status: head.status, headers: head.headers.clone(), body: body.clone() };
                held.keep(Some(kept)).await;
                Reply::from_parts(head, full_body(body))
            }
            // It runs no more, but to write what is left of its reply.
            Collected::More(body) | Collected::NoRoom(body) => {
                held.keep(None).await;
                Reply::from_parts(head, body)
            }
            // `held` decides what becomes of the key.
            Collected::Broken(error) => reply_to(&broken_reply(error), from.call),
        }
    }

    /// Whether what the request asked for was done, so that it must not be done again.
    fn is_done(&self, reply: &Reply) -> bool {
        let again = [StatusCode::REQUEST_TIMEOUT, StatusCode::TOO_EARLY, StatusCode::TOO_MANY_REQUESTS];
        match reply.extensions().get::<Faulted>() {
            Some(fault) => self.settings.keep_errors && may_have_run(*fault),
            None if reply.status().is_server_error() => self.settings.keep_errors,
            None => !again.contains(&reply.status()),
        }
    }
}

/// Whether a service may have worked on a call before it ended in this fault.
const fn may_have_run(fault: Faulted) -> bool {
    if fault.unprocessed {
        return false;
    }
    match fault.kind {
        FaultKind::Deadline
        | FaultKind::Exhausted
        | FaultKind::Trapped
        | FaultKind::Failed
        | FaultKind::Cancelled
        | FaultKind::Internal => true,
        FaultKind::NotFound
        | FaultKind::MethodNotAllowed
        | FaultKind::Unauthenticated
        | FaultKind::Denied
        | FaultKind::Invalid
        | FaultKind::TooLarge
        | FaultKind::Overloaded
        | FaultKind::RateLimited
        | FaultKind::Unavailable
        | FaultKind::Loop => false,
    }
}

fn replay(kept: KeptReply) -> Reply {
    let mut reply = Reply::new(full_body(kept.body));
    *reply.status_mut() = kept.status;
    *reply.headers_mut() = kept.headers;
    reply.headers_mut().insert(REPLAYED, HeaderValue::from_static("true"));
    reply
}

fn too_large(limit: u64) -> Fault {
    let limit = units::format_size(limit);
    Fault::new(FaultKind::TooLarge, format!("a request with an idempotency key may have a body of at most {limit}"))
}

fn broken_request(error: &BodyError) -> Fault {
    let (kind, message) = match error {
        BodyError::TooLarge { .. } => (FaultKind::TooLarge, "the body of the request is too large"),
        BodyError::Deadline => (FaultKind::Deadline, "the request did not come in time"),
        BodyError::Aborted(_) | BodyError::Failed(_) | BodyError::Lost(_) => {
            (FaultKind::Invalid, "the body of the request broke off")
        }
    };
    Fault::new(kind, message).with_details(error).unprocessed()
}

fn broken_reply(error: BodyError) -> Fault {
    match error {
        BodyError::Lost(fault) => fault,
        BodyError::Deadline => Fault::new(FaultKind::Deadline, "the service did not answer in time"),
        other => Fault::new(FaultKind::Failed, "the service broke off its answer").with_details(other),
    }
}

/// A claim that has to be settled. One that is dropped, because the call is, is settled as one that failed.
struct Held<'i> {
    of: &'i Idempotency,
    claimed: Option<Claimed>,
}

impl Held<'_> {
    fn release(&mut self) {
        if let Some(claimed) = self.claimed.take() {
            self.of.store.release(claimed);
        }
    }

    async fn keep(&mut self, reply: Option<KeptReply>) {
        if let Some(claimed) = self.claimed {
            self.of.store.keep(claimed, reply, &self.of.terms).await;
            self.claimed = None;
        }
    }
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        if let Some(claimed) = self.claimed.take() {
            if self.of.settings.keep_errors {
                self.of.store.lose(claimed, &self.of.terms);
            } else {
                self.of.store.release(claimed);
            }
        }
    }
}
