//! Where volatile messages wait until they are taken, and until those that are out are settled. Decides, and does nothing
//! itself.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::SystemTime;

use patchbay_model::bus::Message;
use patchbay_model::ports::{Incoming, Settlement};
use tokio::time::Instant;

/// Messages on their way through a feed.
pub(super) struct Lobby {
    window: usize,
    /// Whether messages are settled. Those of a watcher are not.
    tracked: bool,
    most_messages: usize,
    most_bytes: usize,
    bytes: usize,
    tokens: u64,
    waiting: VecDeque<Incoming>,
    out: HashMap<u64, Incoming>,
    /// Those that come again later, by when.
    later: BTreeMap<(Instant, u64), Incoming>,
}

impl Lobby {
    pub(super) fn new(window: u32, tracked: bool, most_messages: usize, most_bytes: usize) -> Self {
        Self {
            window: usize::try_from(window).unwrap_or(usize::MAX).max(1),
            tracked,
            most_messages,
            most_bytes,
            bytes: 0,
            tokens: 0,
            waiting: VecDeque::new(),
            out: HashMap::new(),
            later: BTreeMap::new(),
        }
    }

    /// Takes a message in, unless too much is waiting already.
    pub(super) fn enter(&mut self, message: Message, stored: SystemTime) -> bool {
        let size = message.size();
        if self.waiting.len() + self.later.len() >= self.most_messages
            || self.bytes.saturating_add(size) > self.most_bytes
        {
            return false;
        }
        self.bytes += size;
        self.tokens += 1;
        let message = Arc::new(message);
        self.waiting.push_back(Incoming { token: self.tokens, message, sequence: None, attempt: 1, stored });
        true
    }

    /// Hands out up to `max`, and no more than the window allows.
    pub(super) fn take(&mut self, max: NonZeroUsize, now: Instant) -> Vec<Incoming> {
        while let Some(due) = self.later.first_entry().filter(|due| due.key().0 <= now) {
            // It came before those that wait.
            self.waiting.push_front(due.remove());
        }
        let room = if self.tracked { self.window.saturating_sub(self.out.len()) } else { usize::MAX };
        let count = max.get().min(room).min(self.waiting.len());
        let taken: Vec<Incoming> = self.waiting.drain(..count).collect();
        for incoming in &taken {
            self.bytes = self.bytes.saturating_sub(incoming.message.size());
            if self.tracked {
                self.out.insert(incoming.token, incoming.clone());
            }
        }
        taken
    }

    /// When the next one comes again, unless there is no room for it.
    pub(super) fn wakes_at(&self) -> Option<Instant> {
        let is_full = self.tracked && self.out.len() >= self.window;
        self.later.keys().next().map(|(at, _)| *at).filter(|_| !is_full)
    }

    /// Carries out what becomes of a message. One that is not out is left alone.
    pub(super) fn settle(&mut self, token: u64, settlement: Settlement, now: Instant) {
        let Some(mut incoming) = self.out.remove(&token) else { return };
        let after = match settlement {
            Settlement::Acknowledge => return,
            Settlement::Retry(after) => {
                incoming.attempt = incoming.attempt.saturating_add(1);
                after
            }
            Settlement::Release(after) => after,
        };
        self.bytes += incoming.message.size();
        self.later.insert((now + after, token), incoming);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const MANY: NonZeroUsize = NonZeroUsize::new(100).unwrap();

    fn message(id: &str) -> Message {
        let headers = [("ce-id", id), ("ce-source", "/s"), ("ce-time", "2026-01-31T12:00:00Z")];
        Message::from_headers("t".parse().unwrap(), headers, bytes::Bytes::new(), || panic!("all is there")).unwrap()
    }

    fn enter(lobby: &mut Lobby, ids: &[&str]) -> Vec<bool> {
        ids.iter().map(|id| lobby.enter(message(id), SystemTime::UNIX_EPOCH)).collect()
    }

    fn ids(taken: &[Incoming]) -> Vec<(&str, u32)> {
        taken.iter().map(|incoming| (incoming.message.id.as_str(), incoming.attempt)).collect()
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_not_taken_in_time_is_dropped() {
        let mut lobby = Lobby::new(8, true, 2, 1000);
        assert_eq!(enter(&mut lobby, &["1", "2", "3"]), [true, true, false]);
        assert_eq!(ids(&lobby.take(MANY, Instant::now())), [("1", 1), ("2", 1)]);
        let mut small = Lobby::new(8, true, 100, message("1").size() * 2);
        assert_eq!(enter(&mut small, &["1", "2", "3"]), [true, true, false]);
        assert_eq!(small.take(MANY, Instant::now()).len(), 2);
        assert_eq!(small.bytes, 0);
    }

    #[tokio::test(start_paused = true)]
    async fn no_more_are_out_than_the_window_allows() {
        let now = Instant::now();
        let mut lobby = Lobby::new(2, true, 10, 1000);
        enter(&mut lobby, &["1", "2", "3"]);
        let taken = lobby.take(MANY, now);
        assert_eq!((taken.len(), lobby.take(MANY, now).len()), (2, 0));
        lobby.settle(taken[0].token, Settlement::Acknowledge, now);
        lobby.settle(taken[0].token, Settlement::Acknowledge, now);
        assert_eq!(ids(&lobby.take(MANY, now)), [("3", 1)]);
        let mut watcher = Lobby::new(1, false, 10, 1000);
        enter(&mut watcher, &["1", "2"]);
        assert_eq!(watcher.take(MANY, now).len(), 2);
    }

    #[tokio::test(start_paused = true)]
    async fn what_failed_comes_again() {
        let now = Instant::now();
        let mut lobby = Lobby::new(2, true, 10, 1000);
        enter(&mut lobby, &["1", "2"]);
        let taken = lobby.take(MANY, now);
        lobby.settle(taken[0].token, Settlement::Retry(Duration::from_secs(2)), now);
        lobby.settle(taken[1].token, Settlement::Release(Duration::from_secs(1)), now);
        let at = |seconds| now + Duration::from_secs(seconds);
        assert_eq!((lobby.take(MANY, now).len(), lobby.wakes_at()), (0, Some(at(1))));
        assert_eq!(ids(&lobby.take(MANY, at(1))), [("2", 1)]);
        assert_eq!(ids(&lobby.take(MANY, at(2))), [("1", 2)]);
        assert_eq!((lobby.wakes_at(), lobby.bytes), (None, 0));
    }
}
