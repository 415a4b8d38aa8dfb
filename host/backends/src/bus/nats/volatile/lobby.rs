//! Where volatile messages wait until they are taken, and until those that are out are settled. The feeds of a group share
//! what comes, so that one that is busy or ends leaves its messages to the others. Decides, and does nothing itself.

use std::collections::{BTreeMap, HashMap};
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::SystemTime;

use patchbay_model::bus::Message;
use patchbay_model::ports::{Incoming, Settlement};
use tokio::time::Instant;

/// One of the feeds.
struct Seat {
    window: usize,
    /// Messages that it was handed and did not settle.
    out: usize,
}

/// Messages on their way through the feeds of a group.
pub(super) struct Lobby {
    /// Whether messages are settled. Those of a watcher are not.
    tracked: bool,
    most_messages: usize,
    most_bytes: usize,
    bytes: usize,
    tokens: u64,
    seats: HashMap<u64, Seat>,
    /// Whether the last feed left, so that none can join any more.
    left: bool,
    /// Not handed out, in their order.
    waiting: BTreeMap<u64, Incoming>,
    /// Handed out and not settled, with the seat.
    out: HashMap<u64, (u64, Incoming)>,
    /// Those that come again later, by when.
    later: BTreeMap<(Instant, u64), Incoming>,
}

impl Lobby {
    pub(super) fn new(tracked: bool, most_messages: usize, most_bytes: usize) -> Self {
        Self {
            tracked,
            most_messages,
            most_bytes,
            bytes: 0,
            tokens: 0,
            seats: HashMap::new(),
            left: false,
            waiting: BTreeMap::new(),
            out: HashMap::new(),
            later: BTreeMap::new(),
        }
    }

    /// Gives a feed a seat; none if the last one left.
    pub(super) fn join(&mut self, window: u32) -> Option<u64> {
        if self.left {
            return None;
        }
        self.tokens += 1;
        let window = usize::try_from(window).unwrap_or(usize::MAX).max(1);
        self.seats.insert(self.tokens, Seat { window, out: 0 });
        Some(self.tokens)
    }

    /// Takes a feed's seat. What it has goes to the others. Returns whether it was the last.
    pub(super) fn leave(&mut self, seat: u64) -> bool {
        if self.seats.remove(&seat).is_none() {
            return false;
        }
        let back: Vec<u64> =
            self.out.iter().filter(|(_, (owner, _))| *owner == seat).map(|(token, _)| *token).collect();
        for (_, incoming) in back.into_iter().filter_map(|token| self.out.remove(&token)) {
            self.bytes += incoming.message.size();
            self.waiting.insert(incoming.token, incoming);
        }
        self.left = self.seats.is_empty();
        self.left
    }

    /// Lets nobody join any more, and ends all feeds.
    pub(super) fn close(&mut self) {
        self.left = true;
        self.seats.clear();
    }

    /// Whether a feed has a seat.
    pub(super) fn has(&self, seat: u64) -> bool {
        self.seats.contains_key(&seat)
    }

    /// Takes a message in, unless too much is waiting already.
    pub(super) fn enter(&mut self, message: Message, stored: SystemTime) -> bool {
        let size = message.size();
        let count = self.waiting.len() + self.later.len();
        if count >= self.most_messages || self.bytes.saturating_add(size) > self.most_bytes {
            return false;
        }
        self.bytes += size;
        self.tokens += 1;
        let message = Arc::new(message);
        self.waiting.insert(self.tokens, Incoming { token: self.tokens, message, sequence: None, attempt: 1, stored });
        true
    }

    /// Hands out up to `max` to a feed, and no more than its window has room for.
    pub(super) fn take(&mut self, seat: u64, max: NonZeroUsize, now: Instant) -> Vec<Incoming> {
        while let Some(due) = self.later.first_entry().filter(|due| due.key().0 <= now) {
            let incoming = due.remove();
            self.waiting.insert(incoming.token, incoming);
        }
        let Some(own) = self.seats.get_mut(&seat) else { return Vec::new() };
        let room = if self.tracked { own.window.saturating_sub(own.out) } else { usize::MAX };
        let mut taken = Vec::new();
        while taken.len() < max.get().min(room) {
            let Some((token, incoming)) = self.waiting.pop_first() else { break };
            self.bytes = self.bytes.saturating_sub(incoming.message.size());
            if self.tracked {
                self.out.insert(token, (seat, incoming.clone()));
            }
            taken.push(incoming);
        }
        if self.tracked {
            own.out += taken.len();
        }
        taken
    }

    /// When the next one comes again.
    pub(super) fn wakes_at(&self, now: Instant) -> Option<Instant> {
        self.later.keys().next().map(|(at, _)| *at).filter(|at| *at > now)
    }

    /// Carries out what becomes of a message. One that the feed was not handed is left alone.
    pub(super) fn settle(&mut self, seat: u64, token: u64, settlement: Settlement, now: Instant) {
        if self.out.get(&token).is_none_or(|(owner, _)| *owner != seat) {
            return;
        }
        let Some((_, mut incoming)) = self.out.remove(&token) else { return };
        if let Some(own) = self.seats.get_mut(&seat) {
            own.out = own.out.saturating_sub(1);
        }
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

    fn joined(window: u32, tracked: bool, most_messages: usize, most_bytes: usize) -> (Lobby, u64) {
        let mut lobby = Lobby::new(tracked, most_messages, most_bytes);
        let seat = lobby.join(window).unwrap();
        (lobby, seat)
    }

    fn enter(lobby: &mut Lobby, ids: &[&str]) -> Vec<bool> {
        ids.iter().map(|id| lobby.enter(message(id), SystemTime::UNIX_EPOCH)).collect()
    }

    fn ids(taken: &[Incoming]) -> Vec<(&str, u32)> {
        taken.iter().map(|incoming| (incoming.message.id.as_str(), incoming.attempt)).collect()
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_not_taken_in_time_is_dropped() {
        let (mut lobby, seat) = joined(8, true, 2, 1000);
        assert_eq!(enter(&mut lobby, &["1", "2", "3"]), [true, true, false]);
        assert_eq!(ids(&lobby.take(seat, MANY, Instant::now())), [("1", 1), ("2", 1)]);
        let (mut small, small_seat) = joined(8, true, 100, message("1").size() * 2);
        assert_eq!(enter(&mut small, &["1", "2", "3"]), [true, true, false]);
        assert_eq!(small.take(small_seat, MANY, Instant::now()).len(), 2);
        assert_eq!(small.bytes, 0);
    }

    #[tokio::test(start_paused = true)]
    async fn no_more_are_out_than_the_window_allows() {
        let now = Instant::now();
        let (mut lobby, seat) = joined(2, true, 10, 1000);
        enter(&mut lobby, &["1", "2", "3"]);
        let taken = lobby.take(seat, MANY, now);
        assert_eq!((taken.len(), lobby.take(seat, MANY, now).len()), (2, 0));
        lobby.settle(seat, taken[0].token, Settlement::Acknowledge, now);
        lobby.settle(seat, taken[0].token, Settlement::Acknowledge, now);
        assert_eq!(ids(&lobby.take(seat, MANY, now)), [("3", 1)]);
        let (mut watcher, watching) = joined(1, false, 10, 1000);
        enter(&mut watcher, &["1", "2"]);
        assert_eq!(watcher.take(watching, MANY, now).len(), 2);
    }

    #[tokio::test(start_paused = true)]
    async fn what_failed_comes_again() {
        let now = Instant::now();
        let (mut lobby, seat) = joined(2, true, 10, 1000);
        enter(&mut lobby, &["1", "2"]);
        let taken = lobby.take(seat, MANY, now);
        lobby.settle(seat, taken[0].token, Settlement::Retry(Duration::from_secs(2)), now);
        lobby.settle(seat, taken[1].token, Settlement::Release(Duration::from_secs(1)), now);
        let at = |seconds| now + Duration::from_secs(seconds);
        assert_eq!((lobby.take(seat, MANY, now).len(), lobby.wakes_at(now)), (0, Some(at(1))));
        assert_eq!(ids(&lobby.take(seat, MANY, at(1))), [("2", 1)]);
        assert_eq!(ids(&lobby.take(seat, MANY, at(2))), [("1", 2)]);
        assert_eq!((lobby.wakes_at(now), lobby.bytes), (None, 0));
    }

    #[tokio::test(start_paused = true)]
    async fn what_one_leaves_goes_to_the_others() {
        let now = Instant::now();
        let (mut lobby, seat) = joined(2, true, 10, 1000);
        let other = lobby.join(10).unwrap();
        enter(&mut lobby, &["1", "2", "3"]);
        let taken = lobby.take(seat, MANY, now);
        lobby.settle(other, taken[0].token, Settlement::Acknowledge, now);
        lobby.settle(seat, taken[1].token, Settlement::Acknowledge, now);
        assert!(!lobby.leave(seat) && !lobby.leave(seat) && !lobby.has(seat));
        assert_eq!(ids(&lobby.take(other, MANY, now)), [("1", 1), ("3", 1)]);
        assert!(lobby.take(seat, MANY, now).is_empty());
        assert!(lobby.leave(other) && lobby.join(1).is_none());
    }
}
