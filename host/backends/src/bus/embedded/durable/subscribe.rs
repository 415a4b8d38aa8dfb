//! Opening a durable topic, and subscribing to it.

use std::collections::HashMap;
use std::io;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, Weak};
use std::time::SystemTime;

use patchbay_model::bus::{BusError, Start, Topic, TopicFilter, TopicSettings};
use patchbay_model::ports::{Consumer, Interest};

use super::dedupe::Seen;
use super::group::{DurableGroup, Position};
use super::keep::Kept;
use super::positions::{self, GroupState};
use super::retention::Oldest;
use super::{DurableTopic, Ledger, folder_of};
use crate::bus::embedded::codec;
use crate::bus::embedded::log::{Census, Entry, Log, Record, size_of};
use crate::bus::embedded::options::{Damage, EmbeddedOptions};
use crate::disk::Disk;

/// What is learnt about a topic while its log is read.
struct Survey {
    kept: Kept,
    seen: Seen,
    groups: Vec<(GroupState, u64)>,
    topics: HashMap<String, Option<Topic>>,
    /// The places of messages that were removed one by one.
    removals: Vec<u64>,
}

impl DurableTopic {
    /// Opens a topic under `directory`, and reads all that is stored. Blocks.
    pub(in crate::bus::embedded) fn open(
        directory: &Path,
        topic: &TopicFilter,
        settings: &TopicSettings,
        options: &EmbeddedOptions,
        disk: &Disk,
        now: SystemTime,
    ) -> Result<Arc<Self>, BusError> {
        let folder = folder_of(directory, topic);
        let cannot = |error: io::Error| {
            let advice = crate::blocking::advice(error.kind());
            BusError::Storage(format!("cannot open the topic `{topic}` in {}: {error}{advice}", folder.display()))
        };
        disk.create_folder(&folder).and_then(|()| disk.remove_remnants(&folder)).map_err(cannot)?;
        let state = load_positions(&folder, options.damage)?;
        let (first, next, newest) = state.as_ref().map_or((1, 1, 0), |state| (state.first, state.next, state.newest));
        let seen = Seen::new(settings.dedupe, options.remembered);
        let groups = state.into_iter().flat_map(|state| state.groups).map(|group| (group, 0)).collect();
        let mut survey = Survey { kept: Kept::new(first), seen, groups, topics: HashMap::new(), removals: Vec::new() };
        let (log, census) = Log::open(&folder, disk, |record| survey.note(&record)).map_err(cannot)?;
        survey.remove(&log).map_err(cannot)?;
        let Survey { mut kept, mut seen, groups, .. } = survey;
        // A place is never used twice, even if the records behind it are gone.
        kept.next = kept.next.max(census.places.end).max(next);
        kept.set_newest(newest);
        report(topic, &census, &mut kept, options.damage, &folder)?;
        seen.tidy(now);
        let opened = Arc::new_cyclic(|this| Self {
            topic: topic.clone(),
            settings: settings.clone(),
            options: options.clone(),
            folder,
            disk: disk.clone(),
            log,
            kept: Mutex::new(kept),
            ledger: Mutex::new(Ledger { seen, oldest: Oldest::default() }),
            groups: Mutex::new(groups.into_iter().map(|(state, pending)| group_of(this, &state, pending)).collect()),
            next_member: AtomicU64::new(1),
            is_moved: AtomicBool::new(true),
            saving: Mutex::new(()),
            trouble: Mutex::new(None),
        });
        {
            let mut ledger = opened.ledger();
            opened.find_first(&mut ledger)?;
            opened.tidy(&mut ledger, now)?;
        }
        Ok(opened)
    }

    /// Joins a group, which is made if there is none, or begins to watch. Returns the group and the member. Blocks.
    pub(in crate::bus::embedded) fn subscribe(
        self: &Arc<Self>,
        interest: &Interest,
    ) -> Result<(Arc<DurableGroup>, u64), BusError> {
        let member = self.next_member.fetch_add(1, Ordering::Relaxed);
        let (name, start) = match &interest.consumer {
            Consumer::Group { name, start, .. } => (Some(Arc::clone(name)), *start),
            Consumer::Watcher { start } => (None, *start),
        };
        if let Some(name) = &name
            && let Some(group) = self.groups().iter().find(|group| group.is(name, &interest.filter))
        {
            group.join(member, interest.window);
            return Ok((Arc::clone(group), member));
        }
        let (mut cursor, mut pending) = self.begin(start, &interest.filter)?;
        let group = {
            let mut groups = self.groups();
            if start == Start::New {
                cursor = self.kept().next;
                pending = 0;
            }
            // Somebody else may have made it in the meantime.
            let same = name.as_ref().and_then(|name| groups.iter().find(|group| group.is(name, &interest.filter)));
            let group = same.cloned().unwrap_or_else(|| {
                let position = Position { cursor, ..Position::default() };
                let this = Arc::downgrade(self);
                let group = DurableGroup::new(this, name.clone(), interest.filter.clone(), &position, pending);
                let group = Arc::new(group);
                groups.push(Arc::clone(&group));
                group
            });
            group.join(member, interest.window);
            group
        };
        if name.is_some()
            && let Err(error) = self.save()
        {
            self.groups().retain(|other| !Arc::ptr_eq(other, &group));
            return Err(error);
        }
        Ok((group, member))
    }

    /// Forgets a group. Blocks.
    pub(in crate::bus::embedded) fn forget_group(&self, name: &str, filter: &TopicFilter) -> Result<(), BusError> {
        let forgotten: Vec<_> = self.groups().extract_if(.., |group| group.is(name, filter)).collect();
        forgotten.iter().for_each(|group| group.dismiss());
        if forgotten.is_empty() { Ok(()) } else { self.save() }
    }

    /// Whether a consumer group gets the messages of `topic` and is served by somebody.
    pub(in crate::bus::embedded) fn is_served(&self, topic: &Topic) -> bool {
        self.groups().iter().any(|group| group.answers(topic))
    }

    /// The place that somebody begins at, and how many messages of `filter` there are from there on.
    fn begin(&self, start: Start, filter: &TopicFilter) -> Result<(u64, u64), BusError> {
        let (first, next) = {
            let kept = self.kept();
            (kept.first, kept.next)
        };
        let since = match start {
            Start::New => return Ok((next, 0)),
            Start::Beginning => SystemTime::UNIX_EPOCH,
            Start::At(time) => time,
        };
        let (mut cursor, mut places) = (None, Vec::new());
        let mut topics = HashMap::new();
        let read = self.log.read(first, |record| {
            if record.sequence >= next {
                return ControlFlow::Break(());
            }
            if let Entry::Message(content) = record.entry
                && (cursor.is_some() || record.stored >= since)
            {
                cursor.get_or_insert(record.sequence);
                let topic = known_topic(&mut topics, content);
                if topic.is_some_and(|topic| filter.matches(topic)) {
                    places.push(record.sequence);
                }
            }
            ControlFlow::Continue(())
        });
        read.map_err(|error| self.refused("read", &error))?;
        let kept = self.kept();
        let pending = places.iter().filter(|place| **place >= kept.first && !kept.is_removed(**place)).count();
        // Messages that were stored meanwhile are counted by those who store them only if the group is there already.
        let cursor = cursor.unwrap_or(next);
        Ok((cursor, pending as u64))
    }
}

impl Survey {
    fn note(&mut self, record: &Record<'_>) {
        match record.entry {
            Entry::Message(content) if record.sequence >= self.kept.first => {
                self.kept.add(record.sequence, size_of(record.entry));
                for (group, pending) in &mut self.groups {
                    if record.sequence >= group.cursor {
                        let topic = known_topic(&mut self.topics, content);
                        *pending += u64::from(topic.is_some_and(|topic| group.filter.matches(topic)));
                    }
                }
                if let Some((source, id)) = codec::identity_of(content) {
                    let fingerprint = self.seen.fingerprint(source, id);
                    self.seen.note(fingerprint, record.stored, record.sequence);
                }
            }
            Entry::Message(_) => {}
            Entry::Removal(sequence) => self.removals.push(sequence),
        }
        self.kept.next = record.sequence + 1;
    }

    /// Takes out what was removed.
    fn remove(&mut self, log: &Log) -> io::Result<()> {
        for sequence in std::mem::take(&mut self.removals) {
            log.read(sequence, |record| {
                if let (Entry::Message(content), true) = (record.entry, record.sequence == sequence) {
                    self.take_out(sequence, size_of(record.entry), content);
                }
                ControlFlow::Break(())
            })?;
        }
        Ok(())
    }

    fn take_out(&mut self, sequence: u64, size: usize, content: &[u8]) {
        if !self.kept.remove(sequence, size) {
            return;
        }
        for (group, pending) in &mut self.groups {
            let topic = known_topic(&mut self.topics, content);
            if sequence >= group.cursor && topic.is_some_and(|topic| group.filter.matches(topic)) {
                *pending = pending.saturating_sub(1);
            }
        }
    }
}

/// The topic of a stored message; each is taken apart once.
fn known_topic<'t>(topics: &'t mut HashMap<String, Option<Topic>>, content: &[u8]) -> Option<&'t Topic> {
    let topic = codec::topic_of(content)?;
    if !topics.contains_key(topic) {
        topics.insert(topic.to_owned(), topic.parse().ok());
    }
    topics.get(topic)?.as_ref()
}

fn group_of(topic: &Weak<DurableTopic>, state: &GroupState, pending: u64) -> Arc<DurableGroup> {
    let name = Some(state.name.as_str().into());
    Arc::new(DurableGroup::new(Weak::clone(topic), name, state.filter.clone(), &state.position(), pending))
}

/// Where the groups stood. What is damaged is refused, or the groups begin anew.
fn load_positions(folder: &Path, damage: Damage) -> Result<Option<positions::State>, BusError> {
    match positions::load(folder) {
        Err(error) if damage == Damage::Skip => {
            tracing::error!("{error}");
            Ok(None)
        }
        loaded => loaded,
    }
}

/// Counts and logs the damaged records of a log, or refuses it.
fn report(
    topic: &TopicFilter,
    census: &Census,
    kept: &mut Kept,
    damage: Damage,
    folder: &Path,
) -> Result<(), BusError> {
    let behind = census.places.end..kept.next;
    let lost = (!behind.is_empty()).then(|| (behind, folder.to_owned()));
    for (places, path) in census.damaged.iter().cloned().chain(lost) {
        let found = kept.note_damage(places.clone());
        let (Some(first), Some(last)) = (found.first(), found.last()) else { continue };
        let path = path.display();
        if damage == Damage::Refuse {
            return Err(BusError::Storage(format!(
                "records {first} to {last} of the topic `{topic}` in {path} are damaged or gone; restore the file, or set the \
                 bus to pass over damaged records"
            )));
        }
        tracing::error!(%topic, file = %path, first, last, "{} records are damaged and are passed over", found.len());
    }
    Ok(())
}
