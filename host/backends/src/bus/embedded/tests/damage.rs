//! Broken disks: what is full, what is damaged, what is torn.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use patchbay_model::bus::{BusError, Message};
use patchbay_model::ports::{Bus, BusHealth};
use patchbay_model::{Act, Hazard};

use super::medium::{Directory, message, shop};
use crate::bus::conformance::Medium;
use crate::bus::{Damage, EmbeddedBus, EmbeddedOptions};

/// A disk that is full while it is told to be, and fails where it is told to.
#[derive(Debug, Default)]
struct Full {
    is_full: AtomicBool,
    fails_to_sync: AtomicBool,
}

impl Hazard for Full {
    fn meet(&self, act: Act<'_>) -> io::Result<()> {
        match act {
            Act::Write(path, bytes) if self.is_full.load(Ordering::Acquire) => {
                // Half of it still had room.
                let half = bytes.get(..bytes.len() / 2).unwrap_or_default();
                let mut content = fs::read(path).unwrap_or_default();
                content.extend_from_slice(half);
                fs::write(path, content)?;
                Err(io::ErrorKind::StorageFull.into())
            }
            Act::CreateFile(_) if self.is_full.load(Ordering::Acquire) => Err(io::ErrorKind::StorageFull.into()),
            Act::Sync(_) if self.fails_to_sync.load(Ordering::Acquire) => Err(io::Error::other("the disk is broken")),
            _ => Ok(()),
        }
    }
}

async fn open(directory: &Directory, damage: Damage, hazard: Arc<dyn Hazard>) -> Result<EmbeddedBus, BusError> {
    let options = EmbeddedOptions { damage, ..EmbeddedOptions::default() };
    let clock = Arc::clone(&directory.clock) as Arc<_>;
    EmbeddedBus::open_amid(directory.path(), shop(), options, clock, hazard).await
}

fn numbered(number: usize) -> Message {
    Message { id: number.to_string(), ..message() }
}

async fn stored(bus: &dyn Bus) -> Vec<String> {
    let all = "shop.>".parse().unwrap();
    let stored = bus.read(&all, &all, 0, usize::MAX).await.unwrap();
    stored.into_iter().map(|stored| stored.message.id).collect()
}

#[tokio::test]
async fn a_disk_that_fails_loses_nothing_and_the_bus_recovers() {
    for (breaks, said) in [
        (|hazard: &Full| &hazard.is_full, "make room on the disk"),
        (|hazard: &Full| &hazard.fails_to_sync, "the disk is broken"),
    ] as [(fn(&Full) -> &AtomicBool, &str); 2]
    {
        let (directory, hazard) = (Directory::new(), Arc::new(Full::default()));
        let bus = open(&directory, Damage::Refuse, Arc::clone(&hazard) as Arc<_>).await.unwrap();
        bus.publish(numbered(0)).await.unwrap();
        for round in 1..4 {
            breaks(&hazard).store(true, Ordering::Release);
            for _ in 0..2 {
                let error = bus.publish(numbered(round)).await.unwrap_err();
                let BusError::Storage(problem) = &error else { panic!("{error:?}") };
                assert!(problem.contains(said) && problem.contains("shop.>"), "{problem}");
                assert!(matches!(bus.health(), BusHealth::Impaired(_)));
            }
            breaks(&hazard).store(false, Ordering::Release);
            let receipt = bus.publish(numbered(round)).await.unwrap();
            assert!(!receipt.duplicate, "what was refused was not stored");
            // What else could not be written is tried again now and then.
            while bus.health() != BusHealth::Ready {
                tokio::time::sleep(std::time::Duration::from_millis(10)).await;
            }
        }
        assert_eq!(stored(&bus).await, ["0", "1", "2", "3"]);
        drop(bus);
        let bus = directory.open(shop()).await;
        assert_eq!(stored(&*bus).await, ["0", "1", "2", "3"], "{said}");
    }
}

/// The files of the log of `shop.>`.
fn files(directory: &Path) -> Vec<PathBuf> {
    let folders = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path());
    let folder = folders.into_iter().find(|path| path.to_string_lossy().contains("shop")).unwrap();
    let files = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    files.filter(|path| path.extension().is_some_and(|extension| extension == "log")).collect()
}

const MESSAGES: usize = 30;

/// The groups of `shop.>`, as they are written down.
fn positions(log: &Path) -> PathBuf {
    log.with_file_name("groups.json")
}

/// A directory with stored messages, each in a batch of its own.
async fn filled() -> Directory {
    let directory = Directory::new();
    let bus = directory.open(shop()).await;
    for number in 0..MESSAGES {
        bus.publish(numbered(number)).await.unwrap();
    }
    bus.close().await;
    directory
}

#[tokio::test]
async fn damaged_records_are_refused_or_passed_over_and_never_served() {
    let directory = filled().await;
    let path = files(&directory.path()).pop().unwrap();
    let (whole, stood) = (fs::read(&path).unwrap(), fs::read(positions(&path)).unwrap());
    let used = whole.iter().rposition(|byte| *byte != 0).unwrap();
    for at in (8..used).step_by(97) {
        let mut flipped = whole.clone();
        flipped[at] ^= 1 << (at % 8);
        fs::write(&path, &flipped).unwrap();
        let refused = open(&directory, Damage::Refuse, Arc::new(patchbay_model::NoHazard)).await.unwrap_err();
        let BusError::Storage(problem) = &refused else { panic!("{refused:?}") };
        assert!(problem.contains("`shop.>`") && problem.contains(".log") || problem.contains("gone"), "{problem}");
        let bus = open(&directory, Damage::Skip, Arc::new(patchbay_model::NoHazard)).await.unwrap();
        let served = stored(&bus).await;
        assert_eq!(served.len(), MESSAGES - 1, "byte {at}: all others are served");
        let info = bus.topics().await.unwrap().into_iter().find(|info| info.topic.as_str() == "shop.>").unwrap();
        assert_eq!(info.stored.unwrap().damaged, 1, "byte {at}");
        bus.close().await;
        fs::write(&path, &whole).unwrap();
        fs::write(positions(&path), &stood).unwrap();
    }
}

#[tokio::test]
async fn records_that_are_damaged_while_the_bus_is_open_are_passed_over() {
    let directory = filled().await;
    let bus = directory.open(shop()).await;
    let path = files(&directory.path()).pop().unwrap();
    let mut content = fs::read(&path).unwrap();
    content[1000] ^= 1;
    fs::write(&path, content).unwrap();
    assert_eq!(stored(&*bus).await.len(), MESSAGES - 1);
    let BusHealth::Impaired(problem) = bus.health() else { panic!("the damage is not told") };
    assert!(problem.contains("1 records") && problem.contains("shop.>"), "{problem}");
}
