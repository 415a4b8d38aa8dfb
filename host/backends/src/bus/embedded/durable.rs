//! A durable topic: its log, what is kept of it, and its consumer groups.

mod dedupe;
mod group;
mod keep;
mod positions;
mod publish;
mod retention;
mod subscribe;

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use patchbay_model::Digest;
use patchbay_model::bus::{BusError, TopicFilter, TopicSettings};
use patchbay_model::ports::{GroupInfo, Stored, TopicInfo};

use super::log::Log;
use super::options::EmbeddedOptions;
use crate::disk::Disk;
use dedupe::Seen;
use group::DurableGroup;
use keep::Kept;
use retention::Oldest;

pub(super) use publish::Wanted;

/// A durable topic.
#[derive(Debug)]
pub(super) struct DurableTopic {
    topic: TopicFilter,
    settings: TopicSettings,
    options: EmbeddedOptions,
    folder: PathBuf,
    disk: Disk,
    log: Log,
    kept: Mutex<Kept>,
    /// Only for the thread that writes.
    ledger: Mutex<Ledger>,
    groups: Mutex<Vec<Arc<DurableGroup>>>,
    next_member: AtomicU64,
    /// Whether a position changed since they were written down.
    is_moved: AtomicBool,
    /// Held while positions are written down.
    saving: Mutex<()>,
    /// What the disk said last, if it refused.
    trouble: Mutex<Option<String>>,
}

/// What only the thread that writes needs to know.
#[derive(Debug)]
struct Ledger {
    seen: Seen,
    oldest: Oldest,
}

impl DurableTopic {
    /// As it is declared.
    pub(super) const fn topic(&self) -> &TopicFilter {
        &self.topic
    }

    /// How it is, for people.
    pub(super) fn info(&self) -> TopicInfo {
        let stored = Some(self.kept().stored());
        TopicInfo { topic: self.topic.clone(), settings: self.settings.clone(), stored, drift: Vec::new() }
    }

    /// Its consumer groups.
    pub(super) fn group_infos(&self) -> Vec<GroupInfo> {
        self.groups().iter().filter_map(|group| group.info(&self.topic)).collect()
    }

    /// Up to `limit` of its messages that `filter` chooses, from place `from` on. Blocks.
    pub(super) fn list(&self, filter: &TopicFilter, from: u64, limit: usize) -> Result<Vec<Stored>, BusError> {
        let mut listed = Vec::new();
        let mut from = from;
        while listed.len() < limit {
            let read = self.read(from, filter, limit - listed.len())?;
            let messages = read.parcels.into_iter().map(|(sequence, parcel)| Stored {
                sequence,
                stored: parcel.stored,
                message: Arc::unwrap_or_clone(parcel.message),
            });
            listed.extend(messages);
            if read.next <= from || read.is_end {
                break;
            }
            from = read.next;
        }
        Ok(listed)
    }

    /// What is wrong with it, if anything is.
    pub(super) fn trouble(&self) -> Option<String> {
        let trouble = self.troubled().clone();
        let damaged = self.kept().damaged();
        let refused = (damaged > 0 && self.options.damage == super::Damage::Refuse)
            .then(|| format!("{damaged} records of the topic `{}` are damaged", self.topic));
        trouble.or(refused)
    }

    /// Ends all feeds.
    pub(super) fn dismiss(&self) {
        let groups = self.groups().clone();
        groups.iter().for_each(|group| group.dismiss());
    }

    /// What the disk does not let it do, as an error.
    fn refused(&self, what: &str, error: &std::io::Error) -> BusError {
        let advice = crate::blocking::advice(error.kind());
        let problem = format!("cannot {what} the topic `{}` in {}: {error}{advice}", self.topic, self.folder.display());
        *self.troubled() = Some(problem.clone());
        BusError::Storage(problem)
    }

    fn recovered(&self) {
        *self.troubled() = None;
    }

    fn moved(&self) {
        self.is_moved.store(true, Ordering::Release);
    }

    fn troubled(&self) -> MutexGuard<'_, Option<String>> {
        self.trouble.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn ledger(&self) -> MutexGuard<'_, Ledger> {
        self.ledger.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn groups(&self) -> MutexGuard<'_, Vec<Arc<DurableGroup>>> {
        self.groups.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The folder of a declaration: a name that people recognise, and one that no other declaration has.
fn folder_of(directory: &Path, topic: &TopicFilter) -> PathBuf {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    let shown: String = topic.as_str().chars().take(40).map(|c| if is_plain(c) { c } else { '_' }).collect();
    let digest = Digest::of(topic.as_str().as_bytes()).to_string();
    let short: String = digest.chars().filter(char::is_ascii_hexdigit).take(16).collect();
    directory.join(format!("{shown}-{short}"))
}
