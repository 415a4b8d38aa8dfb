//! Tokens whose signature was verified a moment ago, by the SHA-256 of all of their bytes.
//!
//! Only what was accepted is remembered, so nobody can fill it without a key of an issuer. An entry says which keys the
//! token was verified with and when it is good; both are looked at again at every call.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use patchbay_model::{Digest, User};
use tokio::time::Instant;

use super::claims::Times;

/// Tokens that are remembered, at most.
const MOST: usize = 16_384;

/// How long one is, at most.
const LONGEST: Duration = Duration::from_secs(60);

/// Parts of the memory, so that calls seldom wait for each other.
const PARTS: usize = 16;

/// What is known of a token.
#[derive(Clone)]
pub(super) struct Entry {
    pub(super) user: Arc<User>,
    pub(super) times: Times,
    /// The keys that it was verified with.
    pub(super) keys: Digest,
}

/// Tokens that were verified.
pub(super) struct Remembered(Vec<Mutex<Part>>);

/// Two maps: what is found in the older one moves to the newer one, and when that is full, the older one goes. So what
/// is not asked for is forgotten, without a look at each.
#[derive(Default)]
struct Part {
    newer: HashMap<Digest, (Instant, Entry)>,
    older: HashMap<Digest, (Instant, Entry)>,
}

impl Remembered {
    pub(super) fn new() -> Self {
        Self((0..PARTS).map(|_| Mutex::default()).collect())
    }

    /// What is known of a token.
    pub(super) fn find(&self, token: &Digest, now: Instant) -> Option<Entry> {
        let mut part = self.part(token)?.lock().unwrap_or_else(PoisonError::into_inner);
        let is_good = |since: Instant| now.duration_since(since) < LONGEST;
        if let Some((since, entry)) = part.newer.get(token) {
            return is_good(*since).then(|| entry.clone());
        }
        let (since, entry) = part.older.remove(token).filter(|(since, _)| is_good(*since))?;
        part.put(*token, since, entry.clone());
        Some(entry)
    }

    /// Remembers that a token was verified just now.
    pub(super) fn put(&self, token: Digest, now: Instant, entry: Entry) {
        if let Some(part) = self.part(&token) {
            part.lock().unwrap_or_else(PoisonError::into_inner).put(token, now, entry);
        }
    }

    /// Forgets a token.
    pub(super) fn forget(&self, token: &Digest) {
        if let Some(part) = self.part(token) {
            let mut part = part.lock().unwrap_or_else(PoisonError::into_inner);
            part.newer.remove(token);
            part.older.remove(token);
        }
    }

    fn part(&self, token: &Digest) -> Option<&Mutex<Part>> {
        self.0.get(usize::from(token.as_bytes()[0]) % PARTS)
    }
}

impl Part {
    fn put(&mut self, token: Digest, since: Instant, entry: Entry) {
        if self.newer.len() >= MOST / PARTS / 2 && !self.newer.contains_key(&token) {
            self.older = std::mem::take(&mut self.newer);
        }
        self.newer.insert(token, (since, entry));
    }
}
