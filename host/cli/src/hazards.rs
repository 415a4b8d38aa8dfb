//! Hazards that tests bring about: the end of the process before any act, a disk that fails, a disk that is slow.
//!
//! A host that was built for development looks for a folder in `PATCHBAY_HAZARDS`. Before each act it reads the file
//! `plan` there:
//!
//! | plan | what happens |
//! |---|---|
//! | `trace` | nothing |
//! | `kill N ACT` | the process is killed where it comes to this act for the N-th time |
//! | `fail ERRNO` | acts that need room on the disk fail with this error |
//! | `fail ERRNO N ACT` | this act fails, the N-th time |
//! | `slow MILLISECONDS` | each act on the disk takes this much longer |
//!
//! Acts are counted from the moment at which the plan was last written, and their names are added to the file `acts`.
//! In a host that was built for release there is nothing of the kind.

mod name;
mod ports;

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use patchbay_model::{Act, Hazard, NoHazard};
use rustix::process::{Signal, getpid, kill_process};

pub(crate) use ports::around;

/// The hazard that the environment asks for. `state` is the state directory, from which names of acts are told.
pub(crate) fn of_environment(state: &Path) -> Arc<dyn Hazard> {
    match std::env::var_os("PATCHBAY_HAZARDS") {
        Some(folder) if cfg!(debug_assertions) => Arc::new(Scripted::new(folder.into(), state.to_owned())),
        Some(_) | None => Arc::new(NoHazard),
    }
}

/// Does what the plan says.
#[derive(Debug)]
struct Scripted {
    folder: PathBuf,
    state: PathBuf,
    progress: Mutex<Progress>,
}

/// How far a plan has come.
#[derive(Debug, Default)]
struct Progress {
    written: Option<SystemTime>,
    acts: Vec<String>,
}

impl Scripted {
    fn new(folder: PathBuf, state: PathBuf) -> Self {
        Self { folder, state, progress: Mutex::default() }
    }

    /// Counts an act; how often it was met under this plan.
    fn count(&self, written: SystemTime, act: &str) -> usize {
        let mut progress = self.progress.lock().unwrap_or_else(PoisonError::into_inner);
        if progress.written != Some(written) {
            *progress = Progress { written: Some(written), acts: Vec::new() };
        }
        progress.acts.push(act.to_owned());
        progress.acts.iter().filter(|earlier| *earlier == act).count()
    }

    fn note(&self, act: &str) -> io::Result<()> {
        let mut acts = OpenOptions::new().create(true).append(true).open(self.folder.join("acts"))?;
        acts.write_all(format!("{act}\n").as_bytes())
    }
}

impl Hazard for Scripted {
    fn meet(&self, act: Act<'_>) -> io::Result<()> {
        let path = self.folder.join("plan");
        let (Ok(plan), Ok(about)) = (fs::read_to_string(&path), fs::metadata(&path)) else { return Ok(()) };
        let written = about.modified()?;
        let name = name::of(act, &self.state);
        self.note(&name)?;
        let times = self.count(written, &name);
        let words: Vec<_> = plan.trim().splitn(4, ' ').collect();
        let is_this = |number: &str, act: &str| number.parse() == Ok(times) && act == name;
        match words.as_slice() {
            ["kill", number, rest @ ..] if is_this(number, &rest.join(" ")) => {
                let _ = kill_process(getpid(), Signal::KILL);
                // The signal comes before this is over.
                std::thread::sleep(Duration::from_secs(60));
            }
            ["fail", errno, number, act] if is_this(number, act) => return Err(error(errno)),
            ["fail", errno] if name::needs_room(act) => return Err(error(errno)),
            ["slow", millis] if name::is_of_disk(act) => {
                std::thread::sleep(Duration::from_millis(millis.parse().unwrap_or_default()));
            }
            _ => {}
        }
        Ok(())
    }
}

fn error(errno: &str) -> io::Error {
    io::Error::from_raw_os_error(errno.parse().unwrap_or_default())
}
