//! Keeps replies in the memory of this host. They end with it.

use std::sync::{Mutex, MutexGuard, PoisonError};

use patchbay_model::Digest;
use patchbay_model::ports::{BoxFuture, Claim, Claimed, KeptReply, ReplyKey, ReplyStore, ReplyTerms};
use tokio::time::Instant;

use super::table::Table;

/// Replies in memory.
#[derive(Debug, Default)]
pub(in crate::edge) struct MemoryReplies(Mutex<Table>);

impl MemoryReplies {
    fn table(&self) -> MutexGuard<'_, Table> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ReplyStore for MemoryReplies {
    fn claim<'a>(&'a self, key: ReplyKey, fingerprint: Digest, terms: &'a ReplyTerms) -> BoxFuture<'a, Claim> {
        let claim = self.table().claim(key, fingerprint, terms, Instant::now());
        Box::pin(std::future::ready(claim))
    }

    fn keep<'a>(&'a self, claimed: Claimed, reply: Option<KeptReply>, terms: &'a ReplyTerms) -> BoxFuture<'a, ()> {
        self.table().keep(claimed, reply, terms, Instant::now());
        Box::pin(std::future::ready(()))
    }

    fn release(&self, claimed: Claimed) {
        self.table().release(claimed);
    }

    fn lose(&self, claimed: Claimed, terms: &ReplyTerms) {
        self.table().keep(claimed, None, terms, Instant::now());
    }
}
