//! A directory under the embedded bus, with a clock that tests move.

use std::fs;
use std::io;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use patchbay_model::bus::{Message, Topics};
use patchbay_model::ports::{BoxFuture, Bus, Clock};
use patchbay_model::{Act, Hazard};

use crate::bus::conformance::Medium;
use crate::bus::{EmbeddedBus, EmbeddedOptions};

/// A clock that stands until it is moved.
#[derive(Debug)]
pub(super) struct HandClock(Mutex<SystemTime>);

impl Clock for HandClock {
    fn now(&self) -> SystemTime {
        *self.0.lock().unwrap()
    }
}

/// A directory that is gone afterwards.
pub(super) struct Directory {
    folder: Mutex<tempfile::TempDir>,
    pub(super) clock: Arc<HandClock>,
}

impl Directory {
    pub(super) fn new() -> Self {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_767_225_600);
        Self { folder: Mutex::new(tempfile::tempdir().unwrap()), clock: Arc::new(HandClock(Mutex::new(now))) }
    }
}

impl Directory {
    pub(super) fn path(&self) -> PathBuf {
        self.folder.lock().unwrap().path().to_owned()
    }

    /// Goes on with the files as they are now. What a bus still writes that was dropped is not seen any more.
    fn leave(&self) {
        let found = tempfile::tempdir().unwrap();
        for folder in fs::read_dir(self.path()).unwrap().map(|entry| entry.unwrap().path()) {
            let copy = found.path().join(folder.file_name().unwrap());
            fs::create_dir(&copy).unwrap();
            // Where groups stand is written after what they have got.
            let mut files: Vec<_> = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
            files.sort_by_key(|path| path.extension().is_some_and(|extension| extension == "log"));
            for file in files {
                match fs::copy(&file, copy.join(file.file_name().unwrap())) {
                    Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                    copied => drop(copied.unwrap()),
                }
            }
        }
        *self.folder.lock().unwrap() = found;
    }
}

impl Medium for Directory {
    fn open(&self, topics: Topics) -> BoxFuture<'_, Arc<dyn Bus>> {
        Box::pin(async move {
            let clock: Arc<dyn Clock> = Arc::clone(&self.clock) as Arc<dyn Clock>;
            let opened = EmbeddedBus::open(self.path(), topics, EmbeddedOptions::default(), clock).await;
            Arc::new(opened.unwrap()) as Arc<dyn Bus>
        })
    }

    fn crash(&self, bus: Arc<dyn Bus>, topics: Topics) -> BoxFuture<'_, Arc<dyn Bus>> {
        // Positions that were not written down are lost with it.
        self.leave();
        drop(bus);
        self.open(topics)
    }

    fn pass(&self, time: Duration) -> BoxFuture<'_, ()> {
        *self.clock.0.lock().unwrap() += time;
        Box::pin(std::future::ready(()))
    }
}

/// A directory on a disk that fails to write to logs now and then, and leaves half of what it was to write.
pub(super) struct Flaky {
    directory: Directory,
    disk: Arc<FlakyDisk>,
}

#[derive(Debug, Default)]
struct FlakyDisk(AtomicUsize);

impl Flaky {
    pub(super) fn new() -> Self {
        Self { directory: Directory::new(), disk: Arc::default() }
    }
}

impl Hazard for FlakyDisk {
    fn meet(&self, act: Act<'_>) -> io::Result<()> {
        let (Act::Write(path, _) | Act::Sync(path)) = act else { return Ok(()) };
        if path.extension().is_none_or(|extension| extension != "log") {
            return Ok(());
        }
        let n_acts = self.0.fetch_add(1, Ordering::Relaxed);
        match act {
            Act::Write(path, bytes) if n_acts % 7 == 3 => {
                let half = bytes.get(..bytes.len() / 2).unwrap_or_default();
                let mut content = fs::read(path)?;
                content.extend_from_slice(half);
                fs::write(path, content)?;
                Err(io::ErrorKind::StorageFull.into())
            }
            Act::Sync(_) if n_acts % 5 == 2 => Err(io::Error::other("the disk is broken")),
            _ => Ok(()),
        }
    }
}

impl Medium for Flaky {
    fn open(&self, topics: Topics) -> BoxFuture<'_, Arc<dyn Bus>> {
        Box::pin(async move {
            let clock: Arc<dyn Clock> = Arc::clone(&self.directory.clock) as Arc<dyn Clock>;
            let (options, hazard) = (EmbeddedOptions::default(), Arc::clone(&self.disk) as Arc<dyn Hazard>);
            let opened = EmbeddedBus::open_amid(self.directory.path(), topics, options, clock, hazard).await;
            Arc::new(opened.unwrap()) as Arc<dyn Bus>
        })
    }

    fn crash(&self, bus: Arc<dyn Bus>, topics: Topics) -> BoxFuture<'_, Arc<dyn Bus>> {
        self.directory.leave();
        drop(bus);
        self.open(topics)
    }

    fn pass(&self, time: Duration) -> BoxFuture<'_, ()> {
        self.directory.pass(time)
    }
}

/// `shop.>` is durable.
pub(super) fn shop() -> Topics {
    let shop = ("shop.>".parse().unwrap(), patchbay_model::bus::TopicSettings::default());
    Topics::new([shop].into()).unwrap()
}

/// A message for `shop.a`.
pub(in crate::bus::embedded) fn message() -> Message {
    Message {
        topic: "shop.a".parse().unwrap(),
        id: "1".to_owned(),
        source: "/services/test".to_owned(),
        kind: "Tested".to_owned(),
        time: SystemTime::UNIX_EPOCH,
        subject: None,
        content_type: None,
        data_schema: None,
        extensions: Vec::new(),
        headers: Vec::new(),
        reply_to: None,
        data: bytes::Bytes::from_static(b"what happened"),
    }
}
