//! What may be on a disk after the power failed, for every moment at which it can fail.
//!
//! [`Recorder`] is a hazard that writes down what is done to a folder. [`Recorder::outcomes`] makes, from each beginning
//! of that record, every folder that may be found afterwards: names that were not made durable are there or not, in
//! any combination; bytes that were not made durable are there, or half of them, or none. This is what POSIX leaves
//! open, and more than file systems do.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use patchbay_model::{Act, Hazard};

/// Changes of names that may be pending at a time; more would make too many combinations.
const MAX_PENDING: usize = 10;

/// Writes down what is done.
#[derive(Debug, Default)]
pub struct Recorder(Mutex<Record>);

#[derive(Debug, Default)]
struct Record {
    acts: Vec<Done>,
    /// How many acts were done at each [`Recorder::mark`].
    marks: Vec<usize>,
}

/// An act that was done.
#[derive(Debug, Clone)]
enum Done {
    CreateFolder(PathBuf),
    CreateFile(PathBuf),
    Write(PathBuf, Vec<u8>),
    Sync(PathBuf),
    Rename(PathBuf, PathBuf),
    SyncFolder(PathBuf),
    Remove(PathBuf),
}

impl Hazard for Recorder {
    fn meet(&self, act: Act<'_>) -> io::Result<()> {
        let done = match act {
            Act::CreateFolder(path) => Done::CreateFolder(path.into()),
            Act::CreateFile(path) => Done::CreateFile(path.into()),
            Act::Write(path, bytes) => Done::Write(path.into(), bytes.into()),
            Act::Sync(path) => Done::Sync(path.into()),
            Act::Rename(from, to) => Done::Rename(from.into(), to.into()),
            Act::SyncFolder(path) => Done::SyncFolder(path.into()),
            Act::Remove(path) => Done::Remove(path.into()),
            Act::Call(_) | Act::Return(_) => return Ok(()),
        };
        self.lock().acts.push(done);
        Ok(())
    }
}

impl Recorder {
    /// Notes that something is done that has to last from now on.
    pub fn mark(&self) {
        let mut record = self.lock();
        let n_acts = record.acts.len();
        record.marks.push(n_acts);
    }

    /// Makes every folder that may be there in place of `recorded` after the power failed, one after the other, and
    /// shows it to `look`, with the number of marks that were set before the failure. Returns how many there were.
    ///
    /// # Errors
    /// If a folder cannot be made.
    ///
    /// # Panics
    /// If `look` does.
    pub fn outcomes(&self, recorded: &Path, mut look: impl FnMut(&Path, usize)) -> io::Result<usize> {
        let record = self.lock();
        let mut n_outcomes = 0;
        for n_done in 0..=record.acts.len() {
            let n_marks = record.marks.iter().filter(|mark| **mark <= n_done).count();
            let mut disk = Disk::default();
            record.acts.iter().take(n_done).for_each(|act| disk.apply(act));
            for lost in 0_usize..1 << disk.pending.len().min(MAX_PENDING) {
                for torn in [Torn::All, Torn::Half, Torn::Nothing] {
                    let found = tempfile::tempdir()?;
                    disk.materialize(lost, torn, recorded, found.path())?;
                    look(found.path(), n_marks);
                    n_outcomes += 1;
                }
            }
        }
        Ok(n_outcomes)
    }

    fn lock(&self) -> MutexGuard<'_, Record> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What is lost of bytes that were written and not made durable.
#[derive(Clone, Copy)]
enum Torn {
    All,
    Half,
    Nothing,
}

/// What a name stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Node {
    Folder,
    File(usize),
}

#[derive(Debug, Default, Clone)]
struct Content {
    written: Vec<u8>,
    durable: usize,
}

/// The disk as it is seen before the failure, and what of it is durable.
#[derive(Debug, Default)]
struct Disk {
    files: Vec<Content>,
    seen: BTreeMap<PathBuf, Node>,
    durable: BTreeMap<PathBuf, Node>,
    /// Changes of names that are not durable: those of one act together.
    pending: Vec<Vec<(PathBuf, Option<Node>)>>,
}

impl Disk {
    fn apply(&mut self, act: &Done) {
        match act {
            Done::CreateFolder(path) => self.rename(vec![(path.clone(), Some(Node::Folder))]),
            Done::CreateFile(path) => {
                self.files.push(Content::default());
                self.rename(vec![(path.clone(), Some(Node::File(self.files.len() - 1)))]);
            }
            Done::Write(path, bytes) => {
                if let Some(file) = self.file(path) {
                    file.written.extend_from_slice(bytes);
                }
            }
            Done::Sync(path) => {
                if let Some(file) = self.file(path) {
                    file.durable = file.written.len();
                }
            }
            Done::Rename(from, to) => {
                let node = self.seen.get(from).copied();
                self.rename(vec![(from.clone(), None), (to.clone(), node)]);
            }
            Done::Remove(path) => {
                if self.seen.contains_key(path) {
                    self.rename(vec![(path.clone(), None)]);
                }
            }
            Done::SyncFolder(folder) => {
                for changes in std::mem::take(&mut self.pending) {
                    if changes.iter().any(|(path, _)| path.parent() == Some(folder)) {
                        apply(&mut self.durable, &changes);
                    } else {
                        self.pending.push(changes);
                    }
                }
            }
        }
    }

    fn rename(&mut self, changes: Vec<(PathBuf, Option<Node>)>) {
        apply(&mut self.seen, &changes);
        self.pending.push(changes);
    }

    fn file(&mut self, path: &Path) -> Option<&mut Content> {
        match self.seen.get(path) {
            Some(Node::File(number)) => self.files.get_mut(*number),
            Some(Node::Folder) | None => None,
        }
    }

    /// Makes the folder in which the pending changes whose bit is set in `lost` were lost.
    fn materialize(&self, lost: usize, torn: Torn, recorded: &Path, found: &Path) -> io::Result<()> {
        let mut names = self.durable.clone();
        for (number, changes) in self.pending.iter().enumerate() {
            if number >= MAX_PENDING || lost & (1 << number) == 0 {
                apply(&mut names, changes);
            }
        }
        for (path, node) in names {
            let Ok(inside) = path.strip_prefix(recorded) else { continue };
            let path = found.join(inside);
            // What is in a folder that was lost is lost with it.
            if !path.parent().is_some_and(Path::is_dir) {
                continue;
            }
            match node {
                Node::Folder => fs::create_dir(&path)?,
                Node::File(number) => {
                    fs::write(&path, self.files.get(number).map(|file| file.after(torn)).unwrap_or_default())?;
                }
            }
        }
        Ok(())
    }
}

impl Content {
    fn after(&self, torn: Torn) -> &[u8] {
        let kept = match torn {
            Torn::All => self.durable,
            Torn::Half => usize::midpoint(self.durable, self.written.len()),
            Torn::Nothing => self.written.len(),
        };
        self.written.get(..kept).unwrap_or_default()
    }
}

fn apply(names: &mut BTreeMap<PathBuf, Node>, changes: &[(PathBuf, Option<Node>)]) {
    for (path, node) in changes {
        match node {
            Some(node) => names.insert(path.clone(), *node),
            None => names.remove(path),
        };
    }
}

#[cfg(test)]
mod tests;
