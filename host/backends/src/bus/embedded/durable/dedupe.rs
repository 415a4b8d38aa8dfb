//! Which messages were stored lately, to find out that another one is the same.

use std::collections::{HashMap, VecDeque};
use std::hash::{BuildHasher, RandomState};
use std::time::{Duration, SystemTime};

/// What a message is recognised by: two keyed hashes of its source and id, which nobody can foresee.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Fingerprint(u64, u64);

/// The messages of the last while.
#[derive(Debug)]
pub(super) struct Seen {
    keys: (RandomState, RandomState),
    span: Duration,
    most: usize,
    places: HashMap<Fingerprint, u64>,
    order: VecDeque<(SystemTime, Fingerprint, u64)>,
}

impl Seen {
    /// Remembers messages for `span`, and `most` of them at a time.
    pub(super) fn new(span: Duration, most: usize) -> Self {
        let keys = (RandomState::new(), RandomState::new());
        Self { keys, span, most, places: HashMap::new(), order: VecDeque::new() }
    }

    pub(super) fn fingerprint(&self, source: &str, id: &str) -> Fingerprint {
        Fingerprint(self.keys.0.hash_one((source, id)), self.keys.1.hash_one((source, id)))
    }

    /// Where the message was stored that this one is the same as.
    pub(super) fn find(&self, message: Fingerprint) -> Option<u64> {
        self.places.get(&message).copied()
    }

    /// Remembers a message.
    pub(super) fn note(&mut self, message: Fingerprint, stored: SystemTime, sequence: u64) {
        if self.span == Duration::ZERO {
            return;
        }
        self.places.insert(message, sequence);
        self.order.push_back((stored, message, sequence));
        while self.order.len() > self.most {
            self.forget_oldest();
        }
    }

    /// Forgets the messages from place `first` on: they were not stored after all.
    pub(super) fn take_back(&mut self, first: u64) {
        while let Some((_, message, _)) = self.order.pop_back_if(|(_, _, sequence)| *sequence >= first) {
            self.places.remove(&message);
        }
    }

    /// Forgets what is too old by now.
    pub(super) fn tidy(&mut self, now: SystemTime) {
        let span = self.span;
        let is_old = |stored: SystemTime| now.duration_since(stored).is_ok_and(|age| age >= span);
        while self.order.front().is_some_and(|(stored, _, _)| is_old(*stored)) {
            self.forget_oldest();
        }
    }

    fn forget_oldest(&mut self) {
        if let Some((_, message, sequence)) = self.order.pop_front()
            && self.places.get(&message) == Some(&sequence)
        {
            self.places.remove(&message);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_remembered_for_a_while_and_not_too_many() {
        let at = |seconds| SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
        let mut seen = Seen::new(Duration::from_secs(10), 3);
        let of = |seen: &Seen, id: &str| seen.find(seen.fingerprint("/a", id));
        for (place, id) in (1..).zip(["a", "b", "c"]) {
            seen.note(seen.fingerprint("/a", id), at(place), place);
        }
        assert_eq!(["a", "b", "c", "d"].map(|id| of(&seen, id)), [Some(1), Some(2), Some(3), None]);
        assert_eq!(seen.find(seen.fingerprint("/b", "a")), None, "the source counts too");
        seen.note(seen.fingerprint("/a", "d"), at(4), 4);
        assert_eq!(of(&seen, "a"), None, "there are too many");
        seen.tidy(at(12));
        assert_eq!([of(&seen, "b"), of(&seen, "c")], [None, Some(3)], "one is too old");
        seen.take_back(4);
        assert_eq!([of(&seen, "c"), of(&seen, "d")], [Some(3), None], "one was not stored after all");
    }
}
