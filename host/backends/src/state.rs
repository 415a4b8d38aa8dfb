//! The state directory and the right to use it.

mod error;
#[cfg(test)]
mod tests;

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use patchbay_model::{Hazard, NoHazard};

pub use error::StateError;

use crate::disk::Disk;
use crate::{DirComponentStore, FileRegistryStore, address, owner};

/// The format of the directory that this host reads and writes.
const FORMAT: u32 = 1;

const COMPONENTS: &str = "components";
const CACHE: &str = "cache";

/// More than the files that are read here have, in bytes.
const SMALL: u64 = 4096;

/// A state directory that this process, and no other, may use until the value is dropped.
#[derive(Debug)]
pub struct StateDir {
    path: PathBuf,
    components: DirComponentStore,
    registry: FileRegistryStore,
    disk: Disk,
    /// Dropping it releases the lock, as does the end of the process, however it ends.
    _lock: File,
}

impl StateDir {
    /// Opens the state directory at `path`, and creates it (for its owner only) if there is nothing. Removes what an
    /// earlier host left behind that did not come to its end. Blocks for as long as the file system takes.
    ///
    /// # Errors
    /// [`StateError`] if something else is there, if it cannot be written to, if it belongs to another user or other
    /// users can write to it, if another host uses it, or if a newer host has written it.
    pub fn open(path: impl Into<PathBuf>) -> Result<Self, StateError> {
        Self::open_amid(path, Arc::new(NoHazard))
    }

    /// Like [`StateDir::open`], where `hazard` says what goes wrong with the disk.
    ///
    /// # Errors
    /// Those of [`StateDir::open`].
    pub fn open_amid(path: impl Into<PathBuf>, hazard: Arc<dyn Hazard>) -> Result<Self, StateError> {
        let (path, disk) = (path.into(), Disk::new(hazard));
        create(&path, &disk)?;
        check_permissions(&path)?;
        let lock = lock(&path)?;
        check_version(&path, &disk)?;
        let components = path.join(COMPONENTS);
        create(&components, &disk)?;
        check_permissions(&components)?;
        let cache = path.join(CACHE);
        for directory in [&path, &components, &cache].into_iter().filter(|directory| directory.is_dir()) {
            disk.remove_remnants(directory).map_err(|error| StateError::medium("tidy up", directory, error))?;
        }
        address::remove(&path, &disk)?;
        Ok(Self {
            components: DirComponentStore::new(components, disk.clone()),
            registry: FileRegistryStore::new(path.join("registry.json"), disk.clone()),
            path,
            disk,
            _lock: lock,
        })
    }

    /// The disk that the directory is on.
    pub(crate) fn disk(&self) -> &Disk {
        &self.disk
    }

    /// Where the directory is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Where the engine may keep machine code. Not created here.
    pub fn cache(&self) -> PathBuf {
        self.path.join(CACHE)
    }

    /// Where the embedded bus keeps its durable topics.
    pub fn bus(&self) -> PathBuf {
        self.path.join("bus")
    }

    /// The components in the directory.
    pub fn components(&self) -> DirComponentStore {
        self.components.clone()
    }

    /// The registry in the directory.
    pub fn registry(&self) -> FileRegistryStore {
        self.registry.clone()
    }
}

/// Creates a directory for its owner only, unless there is one.
fn create(path: &Path, disk: &Disk) -> Result<(), StateError> {
    match disk.create_folder(path) {
        Ok(()) => Ok(()),
        Err(_) if path.exists() && !path.is_dir() => Err(StateError::NotADirectory { path: path.to_owned() }),
        Err(error) => Err(StateError::medium("create", path, error)),
    }
}

/// Refuses a directory whose files other users could replace.
fn check_permissions(path: &Path) -> Result<(), StateError> {
    const WRITABLE_BY_OTHERS: u32 = 0o022;
    let metadata = fs::metadata(path).map_err(|error| StateError::medium("inspect", path, error))?;
    owner::check(metadata.uid(), path)?;
    let mode = metadata.mode() & 0o7777;
    if mode & WRITABLE_BY_OTHERS != 0 {
        return Err(StateError::WritableByOthers { path: path.to_owned(), mode });
    }
    Ok(())
}

/// Takes the lock and leaves the process id in it, for the message to whoever comes second.
fn lock(directory: &Path) -> Result<File, StateError> {
    let path = directory.join("lock");
    let cannot = |what| move |error| StateError::medium(what, directory, error);
    let mut options = OpenOptions::new();
    let mut file = options
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(&path)
        .map_err(cannot("write to"))?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            let mut holder = String::new();
            // Without the process id the message still says what is the matter.
            let _ = file.take(32).read_to_string(&mut holder);
            return Err(StateError::InUse { path: directory.to_owned(), pid: holder.trim().parse().ok() });
        }
        Err(TryLockError::Error(error)) => return Err(cannot("lock")(error)),
    }
    // On a full disk the lock holds all the same; only the message to whoever comes second says less.
    let _ = file.set_len(0).and_then(|()| file.rewind()).and_then(|()| writeln!(file, "{}", std::process::id()));
    Ok(file)
}

/// Refuses a directory in a format that this host does not know, and marks a new one.
fn check_version(directory: &Path, disk: &Disk) -> Result<(), StateError> {
    let path = directory.join("version");
    let text = match read_small(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return disk
                .replace(&path, format!("{FORMAT}\n").as_bytes())
                .map_err(|error| StateError::medium("write to", directory, error));
        }
        Err(error) => return Err(StateError::medium("read", &path, error)),
    };
    match text.trim().parse::<u32>() {
        Ok(FORMAT) => Ok(()),
        Ok(found) if found > FORMAT => Err(StateError::Newer { path: directory.to_owned(), found, known: FORMAT }),
        Ok(_) | Err(_) => Err(StateError::Version { path, known: FORMAT }),
    }
}

/// The text of a file that holds a line. What is no text, or more than a line, comes out as something that makes no
/// sense to whoever wanted a line.
pub(crate) fn read_small(path: &Path) -> io::Result<String> {
    let mut bytes = Vec::new();
    File::open(path)?.take(SMALL).read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}
