//! The log of a durable topic: its messages in files, in the order of their places.
//!
//! Places follow each other without a gap: removing a message takes a place of its own. So a gap between two records
//! is damage, and its width is how many records are damaged.

mod record;
mod segment;
#[cfg(test)]
mod tests;

use std::fs;
use std::io;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

pub(super) use record::{Entry, Record};
use segment::{Segment, Tail};

use crate::disk::Disk;

/// How large a file gets before the next one is begun, in bytes.
const SEGMENT: u64 = 32 << 20;

/// The log of a durable topic.
#[derive(Debug)]
pub(super) struct Log {
    folder: PathBuf,
    disk: Disk,
    /// In the order of their places. The last one is added to.
    segments: Mutex<Vec<Arc<Segment>>>,
}

/// What was found when a log was opened.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Census {
    /// The first place that there can be a record at, and the next one that there is none at.
    pub(super) places: std::ops::Range<u64>,
    /// The places of damaged records, each with the file that it is in.
    pub(super) damaged: Vec<(std::ops::Range<u64>, PathBuf)>,
}

impl Log {
    /// Opens the log in `folder`, which is made if there is none, and shows every record. A record that was on its way to
    /// the disk when the host ended is passed over.
    pub(super) fn open(folder: &Path, disk: &Disk, mut each: impl FnMut(Record<'_>)) -> io::Result<(Self, Census)> {
        disk.create_folder(folder)?;
        let mut opened = segments_in(folder)?;
        if let Some((segment, format)) = foreign(&opened)? {
            let shown = segment.path.display();
            let problem = format!("{shown} has format {format}, and this host knows 1; start the newer Patchbay");
            return Err(io::Error::other(problem));
        }
        let mut census = Census { places: 1..1, ..Census::default() };
        if let Some(first) = opened.first() {
            census.places = first.base..first.base;
        }
        let bases: Vec<u64> = opened.iter().map(|segment| segment.base).skip(1).chain([u64::MAX]).collect();
        for (segment, limit) in opened.iter().zip(bases) {
            census.expect(segment.base, &segment.path);
            let tail = segment.survey(limit, |record| {
                if record.sequence >= census.places.end {
                    census.expect(record.sequence, &segment.path);
                    census.places.end = record.sequence + 1;
                    each(record);
                }
            })?;
            if tail == Tail::Damaged && limit == u64::MAX {
                census.expect(census.places.end + 1, &segment.path);
            }
        }
        opened.retain(|segment| segment.last().is_some() || remove_empty(segment, disk).is_err());
        opened.iter().rev().skip(1).for_each(|segment| segment.seal());
        let segments = Mutex::new(opened.into_iter().map(Arc::new).collect());
        Ok((Self { folder: folder.to_owned(), disk: disk.clone(), segments }, census))
    }

    /// Adds records, whose places follow each other, and makes them durable. If it cannot, none was added.
    pub(super) fn append(&self, records: &[Record<'_>]) -> io::Result<()> {
        let Some(first) = records.first() else { return Ok(()) };
        let size = records.iter().map(|record| size_of(record.entry)).sum();
        let segment = self.segment(first.sequence, size)?;
        let appended = segment.append(records, &self.disk);
        if appended.is_err() && segment.last().is_none() {
            self.segments().retain(|other| !Arc::ptr_eq(other, &segment));
            // The next one begins at the same place. If this one stays, the next attempt finds it and tries again.
            let _ = remove_empty(&segment, &self.disk);
        }
        appended
    }

    /// Shows the records from place `from` on, for as long as `each` wants more. What is damaged is passed over.
    pub(super) fn read(&self, from: u64, mut each: impl FnMut(Record<'_>) -> ControlFlow<()>) -> io::Result<()> {
        let segments: Vec<Arc<Segment>> = {
            let segments = self.segments();
            let behind = segments.partition_point(|segment| segment.base <= from);
            segments.iter().skip(behind.saturating_sub(1)).cloned().collect()
        };
        for segment in segments {
            if segment.read(from, &mut each)?.is_break() {
                break;
            }
        }
        Ok(())
    }

    /// Removes the files that only have records before place `first`.
    pub(super) fn drop_before(&self, first: u64) -> io::Result<()> {
        loop {
            let old = {
                let segments = self.segments();
                match segments.as_slice() {
                    [old, next, ..] if next.base <= first => Arc::clone(old),
                    _ => return Ok(()),
                }
            };
            self.disk.remove(&old.path)?;
            self.segments().retain(|segment| !Arc::ptr_eq(segment, &old));
        }
    }

    /// The file that the next records are added to, from place `next` on.
    fn segment(&self, next: u64, size: usize) -> io::Result<Arc<Segment>> {
        if let Some(last) = self.segments().last().filter(|last| last.has_room(size, SEGMENT)) {
            return Ok(Arc::clone(last));
        }
        // What an earlier attempt left behind that failed.
        for remnant in segments_in(&self.folder)?.into_iter().filter(|segment| segment.base >= next) {
            self.disk.remove(&remnant.path)?;
        }
        let segment = Arc::new(Segment::create(&self.folder, next, &self.disk)?);
        let mut segments = self.segments();
        segments.retain(|segment| segment.base < next);
        segments.iter().for_each(|segment| segment.seal());
        segments.push(Arc::clone(&segment));
        Ok(segment)
    }

    fn segments(&self) -> MutexGuard<'_, Vec<Arc<Segment>>> {
        self.segments.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Census {
    /// Notes that the places up to `sequence` are damaged, from the one on that comes next.
    fn expect(&mut self, sequence: u64, path: &Path) {
        if sequence > self.places.end {
            self.damaged.push((self.places.end..sequence, path.to_owned()));
            self.places.end = sequence;
        }
    }
}

/// What a record takes on the disk, in bytes.
pub(super) fn size_of(entry: Entry<'_>) -> usize {
    let content = match entry {
        Entry::Message(content) => content.len(),
        Entry::Removal(_) => std::mem::size_of::<u64>(),
    };
    record::HEADER + 1 + content
}

fn segments_in(folder: &Path) -> io::Result<Vec<Segment>> {
    let mut opened = Vec::new();
    for entry in fs::read_dir(folder)? {
        opened.extend(Segment::open(&entry?.path())?);
    }
    opened.sort_by_key(|segment| segment.base);
    Ok(opened)
}

fn foreign(segments: &[Segment]) -> io::Result<Option<(&Segment, u32)>> {
    for segment in segments {
        if let Some(format) = segment.foreign_format()? {
            return Ok(Some((segment, format)));
        }
    }
    Ok(None)
}

fn remove_empty(segment: &Segment, disk: &Disk) -> io::Result<()> {
    disk.remove(&segment.path)
}
