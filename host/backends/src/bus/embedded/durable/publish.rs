//! What the thread that writes does with a durable topic: stores messages, many at a time, and removes them.

use std::sync::Arc;
use std::time::SystemTime;

use patchbay_model::bus::{BusError, Level, Message, Receipt, WhenFull};
use tokio::sync::oneshot;

use super::dedupe::Fingerprint;
use super::retention::reached;
use super::{DurableTopic, Ledger};
use crate::bus::embedded::log::{Entry, Record, size_of};
use crate::bus::embedded::pool::Parcel;

/// A message that somebody wants to be stored.
#[derive(Debug)]
pub(in crate::bus::embedded) struct Wanted {
    pub(in crate::bus::embedded) message: Arc<Message>,
    /// The message as bytes.
    pub(in crate::bus::embedded) content: Vec<u8>,
    pub(in crate::bus::embedded) answer: oneshot::Sender<Result<Receipt, BusError>>,
}

/// Messages on their way into the log together.
struct Batch {
    now: SystemTime,
    first: u64,
    next: u64,
    messages: u64,
    bytes: u64,
    stored: Vec<(u64, Wanted)>,
    /// The same as others of the batch.
    duplicates: Vec<(u64, Wanted)>,
}

impl DurableTopic {
    /// Stores messages, and answers those who want them to be stored. Blocks until they are durable.
    pub(in crate::bus::embedded) fn store(&self, wanted: Vec<Wanted>, now: SystemTime) {
        let mut ledger = self.ledger();
        if let Err(error) = self.tidy(&mut ledger, now) {
            tracing::warn!("{error}");
        }
        let mut batch = {
            let kept = self.kept();
            let (messages, bytes, next) = (kept.messages, kept.bytes, kept.next);
            Batch { now, first: next, next, messages, bytes, stored: Vec::new(), duplicates: Vec::new() }
        };
        for wanted in wanted {
            self.admit(&mut batch, &mut ledger, wanted);
        }
        let records: Vec<Record<'_>> = batch
            .stored
            .iter()
            .map(|(sequence, wanted)| Record {
                sequence: *sequence,
                stored: now,
                entry: Entry::Message(&wanted.content),
            })
            .collect();
        match self.log.append(&records) {
            Ok(()) => self.stored(batch, &mut ledger),
            Err(error) => {
                ledger.seen.take_back(batch.first);
                let error = self.refused("write to", &error);
                tracing::error!("{error}");
                for (_, wanted) in batch.stored.into_iter().chain(batch.duplicates) {
                    let _ = wanted.answer.send(Err(error.clone()));
                }
            }
        }
    }

    /// Gives a message its place in the batch, unless it was there already or there is no room for it.
    fn admit(&self, batch: &mut Batch, ledger: &mut Ledger, wanted: Wanted) {
        let fingerprint = self.fingerprint(ledger, &wanted.message);
        if let Some(sequence) = ledger.seen.find(fingerprint) {
            if sequence >= batch.first {
                batch.duplicates.push((sequence, wanted));
            } else {
                let _ = wanted.answer.send(Ok(receipt(sequence, true)));
            }
            return;
        }
        let size = size_of(Entry::Message(&wanted.content)) as u64;
        let retention = &self.settings.retention;
        let full = match retention.when_full {
            WhenFull::Refuse => reached(retention, batch.messages + 1, batch.bytes + size),
            // The oldest make room once it is stored.
            WhenFull::DropOldest => reached(retention, 1, size),
        };
        if let Some(reached) = full {
            let _ = wanted.answer.send(Err(BusError::Full { topic: self.topic.to_string(), reached }));
            return;
        }
        ledger.seen.note(fingerprint, batch.now, batch.next);
        batch.stored.push((batch.next, wanted));
        batch.next += 1;
        batch.messages += 1;
        batch.bytes += size;
    }

    /// Makes what is durable by now known to all.
    fn stored(&self, batch: Batch, ledger: &mut Ledger) {
        let Batch { now, stored, duplicates, .. } = batch;
        if !stored.is_empty() {
            self.recovered();
        }
        {
            let mut kept = self.kept();
            for (sequence, wanted) in &stored {
                kept.add(*sequence, size_of(Entry::Message(&wanted.content)));
                kept.remember(*sequence, Parcel { message: Arc::clone(&wanted.message), stored: now });
            }
        }
        let groups = self.groups().clone();
        for group in &groups {
            group.arrived(stored.iter().map(|(sequence, wanted)| (*sequence, &wanted.message.topic)));
        }
        for (sequence, wanted) in stored {
            let _ = wanted.answer.send(Ok(receipt(sequence, false)));
        }
        for (sequence, wanted) in duplicates {
            let _ = wanted.answer.send(Ok(receipt(sequence, true)));
        }
        if let Err(error) = self.tidy(ledger, now) {
            tracing::warn!("{error}");
        }
    }

    /// Removes a message. Blocks until it is durable.
    pub(in crate::bus::embedded) fn remove(&self, sequence: u64, now: SystemTime) -> Result<(), BusError> {
        let mut ledger = self.ledger();
        let Some(parcel) = self.read_one(sequence)? else { return Ok(()) };
        let next = self.kept().next;
        let entry = Entry::Removal(sequence);
        self.log
            .append(&[Record { sequence: next, stored: now, entry }])
            .map_err(|error| self.refused("remove a message of", &error))?;
        self.recovered();
        let content = crate::bus::embedded::codec::encode(&parcel.message);
        {
            let mut kept = self.kept();
            kept.next = next + 1;
            kept.remove(sequence, size_of(Entry::Message(&content)));
        }
        ledger.oldest.forget(sequence);
        let groups = self.groups().clone();
        groups.iter().for_each(|group| group.gone(sequence, Some(&parcel.message.topic)));
        self.find_first(&mut ledger)
    }

    /// Lets go what is too old.
    pub(in crate::bus::embedded) fn sweep(&self, now: SystemTime) {
        if let Err(error) = self.tidy(&mut self.ledger(), now) {
            tracing::warn!("{error}");
        }
    }

    fn fingerprint(&self, ledger: &Ledger, message: &Message) -> Fingerprint {
        ledger.seen.fingerprint(&message.source, &message.id)
    }
}

const fn receipt(sequence: u64, duplicate: bool) -> Receipt {
    Receipt { level: Level::Durable, sequence: Some(sequence), duplicate }
}
