//! Where the consumer groups of a durable topic stand, in a file beside its log.
//!
//! The file is replaced whole, now and then and when the bus is closed. What was settled since then is delivered again
//! after a crash.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::PoisonError;
use std::sync::atomic::Ordering;

use patchbay_model::Digest;
use patchbay_model::bus::{BusError, TopicFilter};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::DurableTopic;
use super::group::Position;

/// The format of the file that this host reads and writes.
const FORMAT: u32 = 1;

/// What stands in the file.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Envelope<'a> {
    format: u32,
    /// Of the text of `state`, exactly as it stands in the file.
    checksum: Digest,
    #[serde(borrow)]
    state: &'a RawValue,
}

/// Where a topic and its groups stood.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct State {
    /// As it is declared.
    pub(super) topic: TopicFilter,
    /// Everything before this place was gone.
    pub(super) first: u64,
    /// The place that came next.
    pub(super) next: u64,
    /// The place of the newest message that there ever was.
    pub(super) newest: u64,
    /// The consumer groups.
    pub(super) groups: Vec<GroupState>,
}

/// Where a group stood.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct GroupState {
    pub(super) name: String,
    pub(super) filter: TopicFilter,
    pub(super) cursor: u64,
    outstanding: BTreeMap<u64, u32>,
}

impl GroupState {
    pub(super) fn position(&self) -> Position {
        Position { cursor: self.cursor, outstanding: self.outstanding.clone() }
    }
}

pub(super) fn path_in(folder: &Path) -> PathBuf {
    folder.join("groups.json")
}

/// What stands in the file of a folder, if there is one.
pub(super) fn load(folder: &Path) -> Result<Option<State>, BusError> {
    let path = path_in(folder);
    let content = match fs::read(&path) {
        Ok(content) => content,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(BusError::Storage(format!("cannot read {}: {error}", path.display()))),
    };
    parse(&content).map(Some).map_err(|problem| {
        let path = path.display();
        BusError::Storage(format!(
            "{path}, which says where the consumer groups stand, is damaged: {problem}; with the host stopped, remove it: \
             then the groups begin anew where their subscriptions say"
        ))
    })
}

fn parse(content: &[u8]) -> Result<State, String> {
    let envelope: Envelope<'_> = serde_json::from_slice(content).map_err(|error| error.to_string())?;
    if envelope.format != FORMAT {
        return Err(format!("it has format {}, and this host knows {FORMAT}", envelope.format));
    }
    if Digest::of(envelope.state.get().as_bytes()) != envelope.checksum {
        return Err("its content is not what was written to it".to_owned());
    }
    serde_json::from_str(envelope.state.get()).map_err(|error| error.to_string())
}

fn render(state: &State) -> serde_json::Result<Vec<u8>> {
    let state = RawValue::from_string(serde_json::to_string(state)?)?;
    let checksum = Digest::of(state.get().as_bytes());
    let mut content = serde_json::to_vec(&Envelope { format: FORMAT, checksum, state: &state })?;
    content.push(b'\n');
    Ok(content)
}

impl DurableTopic {
    /// Writes down where the groups stand, if that changed. Blocks.
    pub(in crate::bus::embedded) fn save_if_moved(&self) -> Result<(), BusError> {
        if self.is_moved.load(Ordering::Acquire) || self.troubled().is_some() { self.save() } else { Ok(()) }
    }

    /// Writes down where the groups stand. Blocks until it is durable.
    pub(super) fn save(&self) -> Result<(), BusError> {
        let _turn = self.saving.lock().unwrap_or_else(PoisonError::into_inner);
        self.is_moved.store(false, Ordering::Release);
        let written = render(&self.state())
            .map_err(io::Error::from)
            .and_then(|content| self.disk.replace(&path_in(&self.folder), &content));
        match written {
            Ok(()) => {
                self.recovered();
                Ok(())
            }
            Err(error) => {
                self.moved();
                Err(self.refused("write down where the groups stand of", &error))
            }
        }
    }

    fn state(&self) -> State {
        // The groups first: what they have not got is at or after `next` then, or counted.
        let groups = self.groups().clone();
        let positions = groups.iter().filter_map(|group| group.position());
        let groups = positions
            .map(|(name, filter, Position { cursor, outstanding })| {
                let name = name.to_string();
                GroupState { name, filter, cursor, outstanding }
            })
            .collect();
        let kept = self.kept();
        State { topic: self.topic.clone(), first: kept.first, next: kept.next, newest: kept.newest(), groups }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_are_read_as_they_were_written_and_damage_is_found() {
        let topic: TopicFilter = "shop.>".parse().unwrap();
        let group = GroupState {
            name: "group".to_owned(),
            filter: topic.clone(),
            cursor: 7,
            outstanding: BTreeMap::from([(3, 2), (5, 1)]),
        };
        let state = State { topic, first: 2, next: 9, newest: 8, groups: vec![group] };
        let content = render(&state).unwrap();
        assert_eq!(parse(&content), Ok(state));
        for at in 0..content.len() - 1 {
            let mut flipped = content.clone();
            flipped[at] ^= 1;
            assert!(parse(&flipped).is_err(), "byte {at}");
        }
    }
}
