//! How much a durable topic keeps: what has to go, and when.

use std::collections::VecDeque;
use std::io;
use std::ops::ControlFlow;
use std::time::SystemTime;

use patchbay_model::bus::{BusError, Retention, Topic, WhenFull};
use patchbay_model::units::format_size;

use super::{DurableTopic, Ledger};
use crate::bus::embedded::codec;
use crate::bus::embedded::log::{Entry, size_of};

/// How many of the oldest messages are looked at ahead.
const AHEAD: usize = 512;

/// The oldest messages, read ahead.
#[derive(Debug, Default)]
pub(super) struct Oldest {
    briefs: VecDeque<Brief>,
    /// The place to read on from.
    next: u64,
}

/// What has to be known of a message to let it go.
#[derive(Debug, Clone)]
struct Brief {
    sequence: u64,
    stored: SystemTime,
    size: usize,
    topic: Option<Topic>,
}

impl Oldest {
    pub(super) fn forget(&mut self, sequence: u64) {
        self.briefs.retain(|brief| brief.sequence != sequence);
    }
}

/// Which limit a topic reaches that holds this much, for people.
pub(super) fn reached(retention: &Retention, messages: u64, bytes: u64) -> Option<String> {
    if bytes > retention.size {
        return Some(format!("its messages take {}", format_size(retention.size)));
    }
    let count = retention.count.filter(|count| messages > *count)?;
    Some(format!("it keeps {count} messages"))
}

impl DurableTopic {
    /// Lets go what is too old, and what is too much.
    pub(super) fn tidy(&self, ledger: &mut Ledger, now: SystemTime) -> Result<(), BusError> {
        ledger.seen.tidy(now);
        let retention = &self.settings.retention;
        let before = self.kept().first;
        loop {
            let is_too_much = retention.when_full == WhenFull::DropOldest && {
                let kept = self.kept();
                reached(retention, kept.messages, kept.bytes).is_some()
            };
            let Some(age) = retention.age.filter(|_| !is_too_much) else {
                if is_too_much && self.let_go(ledger, |_| true)? {
                    continue;
                }
                break;
            };
            let is_old = |stored: SystemTime| now.duration_since(stored).is_ok_and(|passed| passed >= age);
            if !self.let_go(ledger, is_old)? {
                break;
            }
        }
        let first = self.kept().first;
        if first > before {
            self.moved();
            self.log.drop_before(first).map_err(|error| self.refused("remove old messages of", &error))?;
        }
        Ok(())
    }

    /// Lets the oldest message go, if it is stored at such a time. Returns whether it did.
    fn let_go(&self, ledger: &mut Ledger, goes: impl Fn(SystemTime) -> bool) -> Result<bool, BusError> {
        self.look_ahead(&mut ledger.oldest, 1)?;
        let Some(oldest) = ledger.oldest.briefs.pop_front_if(|oldest| goes(oldest.stored)) else { return Ok(false) };
        self.look_ahead(&mut ledger.oldest, 1)?;
        let next = ledger.oldest.briefs.front().map(|next| next.sequence);
        {
            let mut kept = self.kept();
            let next = next.unwrap_or(kept.next);
            kept.drop_oldest(oldest.size, next);
        }
        let groups = self.groups().clone();
        groups.iter().for_each(|group| group.gone(oldest.sequence, oldest.topic.as_ref()));
        Ok(true)
    }

    /// Notes where the oldest message is.
    pub(super) fn find_first(&self, ledger: &mut Ledger) -> Result<(), BusError> {
        self.look_ahead(&mut ledger.oldest, 1)?;
        let mut kept = self.kept();
        let first = ledger.oldest.briefs.front().map_or(kept.next, |oldest| oldest.sequence);
        kept.advance(first);
        Ok(())
    }

    /// Sees to it that at least `n` of the oldest messages are known, if there are that many.
    fn look_ahead(&self, oldest: &mut Oldest, n: usize) -> Result<(), BusError> {
        loop {
            let (from, next) = {
                let kept = self.kept();
                (oldest.next.max(kept.first), kept.next)
            };
            if oldest.briefs.len() >= n || from >= next {
                return Ok(());
            }
            let found = self.briefs(from, next).map_err(|error| self.refused("read", &error))?;
            // What is between is damaged, or was removed.
            oldest.next = if found.len() < AHEAD { next } else { found.back().map_or(next, |last| last.sequence + 1) };
            let kept = self.kept();
            oldest.briefs.extend(found.into_iter().filter(|brief| !kept.is_removed(brief.sequence)));
        }
    }

    /// Some of the messages from place `from` on and before `next`.
    fn briefs(&self, from: u64, next: u64) -> io::Result<VecDeque<Brief>> {
        let mut found = VecDeque::new();
        self.log.read(from, |record| {
            if record.sequence >= next || found.len() >= AHEAD {
                return ControlFlow::Break(());
            }
            if let Entry::Message(content) = record.entry {
                let (sequence, stored, size) = (record.sequence, record.stored, size_of(record.entry));
                let topic = codec::topic_of(content).and_then(|topic| topic.parse().ok());
                found.push_back(Brief { sequence, stored, size, topic });
            }
            ControlFlow::Continue(())
        })?;
        Ok(found)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_say_which_one_is_reached() {
        let retention = Retention { size: 1024, count: Some(2), ..Retention::default() };
        for (messages, bytes, said) in
            [(2, 1024, None), (2, 1025, Some("its messages take 1KiB")), (3, 0, Some("it keeps 2 messages"))]
        {
            assert_eq!(reached(&retention, messages, bytes).as_deref(), said, "{messages} {bytes}");
        }
    }
}
