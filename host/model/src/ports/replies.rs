//! The port for replies that are kept by a key, so that what carries the key again does not run again.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, StatusCode};

use super::BoxFuture;
use crate::Digest;

/// What a request is known by: whose it is, and which of theirs. Nothing of either can be read from it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ReplyKey {
    /// The caller.
    pub caller: Digest,
    /// The caller's own key, with the route that it was for.
    pub key: Digest,
}

/// What a store may hold, and for how long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReplyTerms {
    /// How long a reply is kept, from the end of its request.
    pub ttl: Duration,
    /// Keys at a time.
    pub keys: u32,
    /// Keys of one caller at a time.
    pub keys_per_caller: u32,
    /// Bodies of all replies together, in bytes.
    pub memory: u64,
}

/// A reply that is kept. Its body is whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptReply {
    /// Its status.
    pub status: StatusCode,
    /// Its header.
    pub headers: HeaderMap,
    /// Its body.
    pub body: Bytes,
}

/// The right to run, and the duty to say what came of it: by [`ReplyStore::keep`] or [`ReplyStore::release`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Claimed {
    /// The key.
    pub key: ReplyKey,
    /// Tells this claim from others of the same key.
    pub number: u64,
}

/// What became of a claim.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Claim {
    /// The key is new: the request may run.
    New(Claimed),
    /// A request with the key is running.
    Running,
    /// The request ran, and this is its reply.
    Done(KeptReply),
    /// The request ran, and its reply was not kept.
    Lost,
    /// The key was used for another request.
    Other,
    /// No more keys can be had now, by this caller or by any.
    Full {
        /// Whether the caller has all that one caller may have.
        of_caller: bool,
    },
}

/// Keeps replies by key.
pub trait ReplyStore: Send + Sync {
    /// Claims a key for a request with this fingerprint. Of all that claim the same key, one gets it, until it is
    /// released or its time is over.
    fn claim<'a>(&'a self, key: ReplyKey, fingerprint: Digest, terms: &'a ReplyTerms) -> BoxFuture<'a, Claim>;

    /// Keeps the reply of a request that ran; `None`: that it ran, and no more.
    fn keep<'a>(&'a self, claimed: Claimed, reply: Option<KeptReply>, terms: &'a ReplyTerms) -> BoxFuture<'a, ()>;

    /// Lets the key be claimed anew. Must not block: it is called where a call is dropped.
    fn release(&self, claimed: Claimed);

    /// Keeps that the request ran, and no more. Must not block: it is called where a call is dropped.
    fn lose(&self, claimed: Claimed, terms: &ReplyTerms);
}
