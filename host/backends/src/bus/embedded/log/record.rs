//! A record of a log on the disk: how it is framed, and how one is told from noise.
//!
//! | bytes | content |
//! |---|---|
//! | 4 | [`MARK`], by which records are found again behind damage |
//! | 4 | length of the payload |
//! | 4 | CRC-32 of the salt of the file, the length, and all that follows |
//! | 8 | place in the log |
//! | 8 | when it was stored, in microseconds since 1970 |
//! | 1 | what it is |
//! | any | its content |
//!
//! Numbers are little-endian. The salt is chosen at random for every file, and nobody who publishes can know it: what
//! looks like a record inside of a message is not taken for one.

use std::time::{Duration, SystemTime};

/// What every record begins with.
const MARK: [u8; 4] = *b"\xffPBr";

/// Bytes before the payload.
pub(super) const HEADER: usize = 28;

/// The longest payload there can be: more is not a length.
const LONGEST: usize = 256 << 20;

const MESSAGE: u8 = 0;
const REMOVAL: u8 = 1;

/// A record, as it stands in a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Record<'b> {
    /// Its place in the log.
    pub(crate) sequence: u64,
    /// When it was stored.
    pub(crate) stored: SystemTime,
    /// What it says.
    pub(crate) entry: Entry<'b>,
}

/// What a record says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Entry<'b> {
    /// A message was published.
    Message(&'b [u8]),
    /// The message at this place was removed.
    Removal(u64),
}

/// What there is at some place of a file.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Found<'b> {
    /// A record, and how many bytes it takes.
    Record(Record<'b>, usize),
    /// The beginning of a record that takes this many bytes.
    Short(usize),
    /// Something that begins like a record and whose checksum is not its own.
    Damaged,
    /// No record.
    Noise,
}

impl Record<'_> {
    /// Adds it to `to`, for a file with this salt. Returns how many bytes it takes.
    pub(super) fn write(&self, salt: u64, to: &mut Vec<u8>) -> usize {
        let removed;
        let (kind, content) = match self.entry {
            Entry::Message(content) => (MESSAGE, content),
            Entry::Removal(sequence) => {
                removed = sequence.to_le_bytes();
                (REMOVAL, &removed[..])
            }
        };
        let length = u32::try_from(content.len() + 1).unwrap_or(u32::MAX).to_le_bytes();
        let place = self.sequence.to_le_bytes();
        let stored = micros(self.stored).to_le_bytes();
        let checksum = checksum(salt, &[&length, &place, &stored, &[kind], content]).to_le_bytes();
        let begin = to.len();
        for part in [&MARK[..], &length, &checksum, &place, &stored, &[kind], content] {
            to.extend_from_slice(part);
        }
        to.len() - begin
    }
}

/// Reads what `bytes` begin with.
pub(super) fn find(bytes: &[u8], salt: u64) -> Found<'_> {
    let Some((header, rest)) = bytes.split_first_chunk::<HEADER>() else {
        let begun = bytes.iter().zip(MARK).all(|(byte, mark)| *byte == mark);
        return if begun { Found::Short(HEADER) } else { Found::Noise };
    };
    let [m0, m1, m2, m3, l0, l1, l2, l3, c0, c1, c2, c3, place @ .., t0, t1, t2, t3, t4, t5, t6, t7] = *header;
    let (length, stored) = ([l0, l1, l2, l3], [t0, t1, t2, t3, t4, t5, t6, t7]);
    let size = usize::try_from(u32::from_le_bytes(length)).unwrap_or(usize::MAX);
    if [m0, m1, m2, m3] != MARK || !(1..=LONGEST).contains(&size) {
        return Found::Noise;
    }
    let Some(payload) = rest.get(..size) else { return Found::Short(HEADER + size) };
    if checksum(salt, &[&length, &place, &stored, payload]) != u32::from_le_bytes([c0, c1, c2, c3]) {
        return Found::Damaged;
    }
    let entry = match payload.split_first() {
        Some((&MESSAGE, content)) => Entry::Message(content),
        Some((&REMOVAL, content)) => match content.try_into() {
            Ok(sequence) => Entry::Removal(u64::from_le_bytes(sequence)),
            Err(_) => return Found::Damaged,
        },
        Some(_) | None => return Found::Damaged,
    };
    let stored = SystemTime::UNIX_EPOCH + Duration::from_micros(u64::from_le_bytes(stored).min(LATEST));
    Found::Record(Record { sequence: u64::from_le_bytes(place), stored, entry }, HEADER + size)
}

/// Where the next mark is, from `from` on.
pub(super) fn next_mark(bytes: &[u8], from: usize) -> Option<usize> {
    let behind = bytes.get(from..)?;
    behind.windows(MARK.len()).position(|window| window == MARK).map(|at| from + at)
}

/// Later times cannot be told on every system: the year 10000.
const LATEST: u64 = 253_402_300_800_000_000;

fn micros(time: SystemTime) -> u64 {
    let since = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_micros()).unwrap_or(LATEST).min(LATEST)
}

fn checksum(salt: u64, parts: &[&[u8]]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&salt.to_le_bytes());
    parts.iter().for_each(|part| hasher.update(part));
    hasher.finalize()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record<'b>(entry: Entry<'b>) -> Record<'b> {
        Record { sequence: 7, stored: SystemTime::UNIX_EPOCH + Duration::from_micros(1_767_225_600_123_456), entry }
    }

    #[test]
    fn records_are_read_as_they_were_written() {
        for entry in [Entry::Message(b"content"), Entry::Message(b""), Entry::Removal(u64::MAX)] {
            let mut bytes = Vec::new();
            let size = record(entry).write(3, &mut bytes);
            assert_eq!(size, bytes.len());
            assert_eq!(find(&bytes, 3), Found::Record(record(entry), size));
            assert_eq!(find(&bytes, 4), Found::Damaged, "in a file with another salt it is none");
            for cut in 1..size {
                assert!(matches!(find(&bytes[..cut], 3), Found::Short(_)), "{cut}");
            }
        }
    }

    #[test]
    fn no_flipped_bit_goes_unnoticed() {
        let mut bytes = Vec::new();
        record(Entry::Message(b"content")).write(3, &mut bytes);
        for bit in 0..bytes.len() * 8 {
            let mut flipped = bytes.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert!(!matches!(find(&flipped, 3), Found::Record(..)), "bit {bit}");
        }
    }
}
