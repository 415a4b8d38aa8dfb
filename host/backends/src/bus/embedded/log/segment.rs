//! One file of a log: records one after the other, from a place on.
//!
//! A file is only ever added to. One that could not be written to is left as it is, and the log goes on in another one,
//! whose first place says where the records of the first end.

use std::fs::File;
use std::io;
use std::ops::ControlFlow;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::record::{self, Found, Record};
use crate::disk::Disk;

/// What a file begins with; the digits are its format.
pub(super) const MAGIC: [u8; 8] = *b"PBLOG001";

/// How much is read at a time, in bytes.
const CHUNK: usize = 256 << 10;

/// How far the places are apart that the index knows, in bytes.
const STRIDE: u64 = 64 << 10;

/// One file of a log.
#[derive(Debug)]
pub(super) struct Segment {
    pub(super) path: PathBuf,
    /// The first place that it can have.
    pub(super) base: u64,
    file: File,
    salt: u64,
    extent: Mutex<Extent>,
}

/// How far a file is used.
#[derive(Debug, Default)]
struct Extent {
    /// Where its last record ends.
    end: u64,
    /// The place of its last record.
    last: Option<u64>,
    /// Whether nothing more is added.
    sealed: bool,
    /// Some places, and where their records begin.
    index: Vec<(u64, u64)>,
}

/// What was found behind the last record of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tail {
    /// Nothing.
    Clean,
    /// The beginning of a record that was never acknowledged.
    Torn,
    /// What was a record once.
    Damaged,
}

impl Segment {
    /// Begins a file in `folder`.
    pub(super) fn create(folder: &Path, base: u64, disk: &Disk) -> io::Result<Self> {
        let salt = getrandom::u64().map_err(io::Error::other)?;
        let path = folder.join(name(base, salt));
        let file = disk.create(&path)?;
        disk.append(&file, &path, 0, &MAGIC)?;
        let extent = Extent { end: MAGIC.len() as u64, ..Extent::default() };
        Ok(Self { path, base, file, salt, extent: Mutex::new(extent) })
    }

    /// Opens the file at `path`, if its name is that of one.
    pub(super) fn open(path: &Path) -> io::Result<Option<Self>> {
        let Some((base, salt)) = path.file_name().and_then(|name| parse_name(name.to_str()?)) else {
            return Ok(None);
        };
        let file = File::options().read(true).write(true).open(path)?;
        let extent = Extent { end: file.metadata()?.len(), ..Extent::default() };
        Ok(Some(Self { path: path.to_owned(), base, file, salt, extent: Mutex::new(extent) }))
    }

    /// The format that the file says it has, if it is another one than this host knows.
    pub(super) fn foreign_format(&self) -> io::Result<Option<u32>> {
        let mut magic = [0; MAGIC.len()];
        match self.file.read_exact_at(&mut magic, 0) {
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(None),
            Err(error) => Err(error),
            Ok(()) if magic == MAGIC => Ok(None),
            Ok(()) => {
                Ok(magic.strip_prefix(b"PBLOG").and_then(|digits| std::str::from_utf8(digits).ok()?.parse().ok()))
            }
        }
    }

    /// The place of its last record, if it has one.
    pub(super) fn last(&self) -> Option<u64> {
        self.extent().last
    }

    /// Whether `more` bytes can be added, so that it gets no larger than `limit`.
    pub(super) fn has_room(&self, more: usize, limit: u64) -> bool {
        let extent = self.extent();
        !extent.sealed && (extent.last.is_none() || extent.end + more as u64 <= limit)
    }

    /// Adds nothing more.
    pub(super) fn seal(&self) {
        self.extent().sealed = true;
    }

    /// Adds records, and makes them durable. If it cannot, the file has ended where it did before.
    pub(super) fn append(&self, records: &[Record<'_>], disk: &Disk) -> io::Result<()> {
        let begin = self.extent().end;
        let mut bytes = Vec::new();
        let mut places = Vec::with_capacity(records.len());
        for record in records {
            places.push((record.sequence, begin + bytes.len() as u64));
            record.write(self.salt, &mut bytes);
        }
        let written =
            disk.append(&self.file, &self.path, begin, &bytes).and_then(|()| disk.sync(&self.file, &self.path));
        if let Err(error) = written {
            self.seal();
            // So that a restart does not find what was refused. If it does all the same, nothing that was acknowledged
            // is lost by it.
            let _ = self.file.set_len(begin).and_then(|()| self.file.sync_data());
            return Err(error);
        }
        let mut extent = self.extent();
        places.into_iter().for_each(|(sequence, at)| extent.note(sequence, at));
        extent.end = begin + bytes.len() as u64;
        Ok(())
    }

    /// Reads every record of a file that was just opened, and notes how far it goes. Records from place `limit` on were
    /// refused, and are not shown.
    pub(super) fn survey(&self, limit: u64, mut each: impl FnMut(Record<'_>)) -> io::Result<Tail> {
        let mut found = Extent { end: MAGIC.len() as u64, ..Extent::default() };
        let to = self.extent().end;
        let tail = self.walk(MAGIC.len() as u64, to, |at, size, record| {
            if record.sequence < limit {
                found.note(record.sequence, at);
                found.end = at + size;
                each(record);
            }
            ControlFlow::Continue(())
        })?;
        found.sealed = tail != Tail::Clean || found.end < to;
        *self.extent() = found;
        Ok(tail)
    }

    /// Shows the records from place `from` on.
    pub(super) fn read(
        &self,
        from: u64,
        mut each: impl FnMut(Record<'_>) -> ControlFlow<()>,
    ) -> io::Result<ControlFlow<()>> {
        let (at, to) = {
            let extent = self.extent();
            let known = extent.index.partition_point(|(sequence, _)| *sequence <= from);
            let before = known.checked_sub(1).and_then(|known| extent.index.get(known));
            (before.map_or(MAGIC.len() as u64, |(_, at)| *at), extent.end)
        };
        let mut flow = ControlFlow::Continue(());
        self.walk(at, to, |_, _, record| {
            if record.sequence >= from {
                flow = each(record);
            }
            flow
        })?;
        Ok(flow)
    }

    /// Shows the records between two places of the file: where they begin, what they take, and what they say. Finds its
    /// way behind what is damaged.
    fn walk(
        &self,
        from: u64,
        to: u64,
        mut each: impl FnMut(u64, u64, Record<'_>) -> ControlFlow<()>,
    ) -> io::Result<Tail> {
        let mut window = Window { file: &self.file, to, begin: from, bytes: Vec::new(), at: 0 };
        let mut tail = Tail::Clean;
        loop {
            if window.rest().is_empty() && !window.read_on(CHUNK)? {
                return Ok(tail);
            }
            let noise = match record::find(window.rest(), self.salt) {
                Found::Record(record, size) => {
                    if each(window.place(), size as u64, record).is_break() {
                        return Ok(Tail::Clean);
                    }
                    tail = Tail::Clean;
                    window.at += size;
                    continue;
                }
                Found::Short(size) if window.place() + size as u64 <= to => {
                    if window.read_on(size.max(CHUNK))? {
                        continue;
                    }
                    Tail::Torn
                }
                Found::Short(_) => Tail::Torn,
                Found::Noise if window.rest().iter().all(|byte| *byte == 0) => Tail::Torn,
                Found::Noise | Found::Damaged => Tail::Damaged,
            };
            if tail == Tail::Clean {
                tail = noise;
            }
            if !window.skip_to_mark()? {
                return Ok(tail);
            }
        }
    }

    fn extent(&self) -> MutexGuard<'_, Extent> {
        self.extent.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Extent {
    fn note(&mut self, sequence: u64, at: u64) {
        self.last = Some(sequence);
        if self.index.last().is_none_or(|(_, known)| at >= known + STRIDE) {
            self.index.push((sequence, at));
        }
    }
}

/// The part of a file that is looked at.
struct Window<'f> {
    file: &'f File,
    /// Where it is not read any further.
    to: u64,
    /// Where `bytes` begin in the file.
    begin: u64,
    bytes: Vec<u8>,
    /// How much of `bytes` was looked at.
    at: usize,
}

impl Window<'_> {
    fn rest(&self) -> &[u8] {
        self.bytes.get(self.at..).unwrap_or_default()
    }

    /// Where the rest begins in the file.
    fn place(&self) -> u64 {
        self.begin + self.at as u64
    }

    /// Reads on, so that up to `wanted` bytes are there. Returns whether there are more than before.
    fn read_on(&mut self, wanted: usize) -> io::Result<bool> {
        self.bytes.drain(..self.at.min(self.bytes.len()));
        self.begin += self.at as u64;
        self.at = 0;
        let had = self.bytes.len();
        let left = usize::try_from(self.to.saturating_sub(self.begin)).unwrap_or(usize::MAX);
        let size = wanted.max(had).min(left).max(had);
        self.bytes.resize(size, 0);
        let mut read = had;
        while let Some(space) = self.bytes.get_mut(read..).filter(|space| !space.is_empty()) {
            match self.file.read_at(space, self.begin + read as u64) {
                Ok(0) => break,
                Ok(more) => read += more,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        self.bytes.truncate(read);
        Ok(read > had)
    }

    /// Goes to the next place where a record may begin. Returns whether there is one.
    fn skip_to_mark(&mut self) -> io::Result<bool> {
        self.at += 1;
        loop {
            if let Some(mark) = record::next_mark(&self.bytes, self.at) {
                self.at = mark;
                return Ok(true);
            }
            // A mark may begin in the last bytes.
            self.at = self.at.max(self.bytes.len().saturating_sub(3));
            if !self.read_on(CHUNK)? {
                self.at = self.bytes.len();
                return Ok(false);
            }
        }
    }
}

fn name(base: u64, salt: u64) -> String {
    format!("{base:020}-{salt:016x}.log")
}

fn parse_name(name: &str) -> Option<(u64, u64)> {
    let (base, salt) = name.strip_suffix(".log")?.split_once('-')?;
    Some((base.parse().ok()?, u64::from_str_radix(salt, 16).ok()?))
}
