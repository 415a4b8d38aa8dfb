//! Logs: what is written is read, and what is damaged is found.

use std::fs;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use patchbay_model::NoHazard;

use super::*;
use crate::power_loss::Recorder;

const EACH: u64 = 20;

fn disk() -> Disk {
    Disk::new(Arc::new(NoHazard))
}

fn append(log: &Log, sequence: u64) -> io::Result<()> {
    let stored = SystemTime::UNIX_EPOCH + Duration::from_secs(sequence);
    let content = content(sequence);
    log.append(&[Record { sequence, stored, entry: Entry::Message(&content) }])
}

fn content(sequence: u64) -> Vec<u8> {
    format!("content of {sequence}").into_bytes()
}

/// Opens a log, and checks that every record is as it was written. Returns the places.
fn open(folder: &Path) -> (Log, Census, Vec<u64>) {
    let mut places = Vec::new();
    let (log, census) = Log::open(folder, &disk(), |record| {
        assert!(record.entry == Entry::Message(&content(record.sequence)), "{record:?} was never written");
        places.push(record.sequence);
    })
    .unwrap();
    (log, census, places)
}

fn read(log: &Log, from: u64) -> Vec<u64> {
    let mut places = Vec::new();
    log.read(from, |record| {
        places.push(record.sequence);
        ControlFlow::Continue(())
    })
    .unwrap();
    places
}

/// A folder with a log of 20 records in two files.
fn written() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for half in [1..11, 11..EACH + 1] {
        let (log, ..) = open(folder.path());
        log.segments().iter().for_each(|segment| segment.seal());
        half.for_each(|sequence| append(&log, sequence).unwrap());
    }
    folder
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut files: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

#[test]
fn records_are_found_in_all_files_from_any_place_on() {
    let folder = written();
    let (log, census, places) = open(folder.path());
    assert_eq!(census, Census { places: 1..EACH + 1, damaged: Vec::new() });
    assert_eq!(places, (1..=EACH).collect::<Vec<_>>());
    for from in 0..=EACH + 1 {
        assert_eq!(read(&log, from), (from.max(1)..=EACH).collect::<Vec<_>>(), "from {from}");
    }
    log.drop_before(12).unwrap();
    assert_eq!(read(&log, 0), (11..=EACH).collect::<Vec<_>>());
    assert_eq!(files(folder.path()).len(), 1);
}

#[test]
fn no_flipped_bit_is_served_or_goes_unnoticed() {
    let folder = written();
    for path in files(folder.path()) {
        let whole = fs::read(&path).unwrap();
        for at in 8..whole.len() {
            let mut flipped = whole.clone();
            flipped[at] ^= 1 << (at % 8);
            fs::write(&path, &flipped).unwrap();
            let (log, census, places) = open(folder.path());
            let last = places.last().copied();
            let damaged: Vec<u64> = census.damaged.iter().flat_map(|(places, _)| places.clone()).collect();
            // Nothing tells a record whose end was changed to lie behind the end of the log from one that was being written.
            let is_torn = damaged.is_empty() && last == Some(EACH - 1);
            assert!(is_torn || damaged.len() == 1, "byte {at}: {damaged:?}");
            assert_eq!(places.len() as u64, EACH - 1, "byte {at}: all others are there");
            assert_eq!(read(&log, 0), places);
        }
        fs::write(&path, &whole).unwrap();
    }
}

#[test]
fn a_record_that_was_being_written_is_passed_over() {
    let folder = written();
    let path = files(folder.path()).pop().unwrap();
    let whole = fs::read(&path).unwrap();
    let size = (whole.len() - 8) / 10;
    for cut in 1..size - 1 {
        fs::write(&path, &whole[..whole.len() - cut]).unwrap();
        let (log, census, places) = open(folder.path());
        assert_eq!(census, Census { places: 1..EACH, damaged: Vec::new() }, "{cut} bytes are missing");
        assert_eq!(places.len() as u64, EACH - 1);
        append(&log, EACH).unwrap();
        assert_eq!(open(folder.path()).2, (1..=EACH).collect::<Vec<_>>(), "the log goes on in another file");
        fs::remove_file(files(folder.path()).pop().unwrap()).unwrap();
    }
}

#[test]
fn a_file_that_is_gone_is_damage() {
    let folder = written();
    let (log, ..) = open(folder.path());
    log.segments().iter().for_each(|segment| segment.seal());
    append(&log, EACH + 1).unwrap();
    fs::remove_file(&files(folder.path())[1]).unwrap();
    let (_, census, places) = open(folder.path());
    assert_eq!(census.damaged.first().map(|(places, _)| places.clone()), Some(11..EACH + 1));
    assert_eq!(census.damaged.len(), 1);
    assert_eq!(places.len(), 11);
}

#[test]
fn a_newer_format_is_refused() {
    let folder = written();
    let path = files(folder.path()).pop().unwrap();
    let mut whole = fs::read(&path).unwrap();
    whole[..8].copy_from_slice(b"PBLOG002");
    fs::write(&path, &whole).unwrap();
    let error = Log::open(folder.path(), &disk(), |_| {}).map(|_| ()).unwrap_err();
    assert!(error.to_string().contains("format 2"), "{error}");
}

#[test]
fn power_failures_lose_nothing_that_was_synchronised() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("log");
    let recorder = Arc::new(Recorder::default());
    let disk = Disk::new(Arc::clone(&recorder) as Arc<dyn patchbay_model::Hazard>);
    let (log, _) = Log::open(&path, &disk, |_| {}).unwrap();
    for sequence in 1..=5 {
        if sequence == 3 {
            log.segments().iter().for_each(|segment| segment.seal());
        }
        append(&log, sequence).unwrap();
        recorder.mark();
    }
    log.drop_before(3).unwrap();
    let n_outcomes = recorder
        .outcomes(folder.path(), |found, n_durable| {
            let (_, census, places) = open(&found.join("log"));
            assert!(census.damaged.is_empty(), "{census:?}");
            let kept = places.iter().filter(|place| **place > 2).count();
            let expected = n_durable.saturating_sub(2);
            assert!(kept >= expected, "{expected} were durable, and {places:?} are there");
            assert!(places.is_sorted());
        })
        .unwrap();
    assert!(n_outcomes > 50, "{n_outcomes}");
}
