//! The state directory and the right to use it.

mod error;
#[cfg(test)]
mod tests;

use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

pub use error::StateError;

use crate::{DirComponentStore, FileRegistryStore, address, replace};

/// The format of the directory that this host reads and writes.
const FORMAT: u32 = 1;

const COMPONENTS: &str = "components";

/// A state directory that this process, and no other, may use until the value is dropped.
#[derive(Debug)]
pub struct StateDir {
    path: PathBuf,
    components: DirComponentStore,
    registry: FileRegistryStore,
    /// Dropping it releases the lock, as does the end of the process, however it ends.
    _lock: File,
}

impl StateDir {
    /// Opens the state directory at `path`, and creates it (for its owner only) if there is nothing. Removes what an
    /// earlier host left behind that did not come to its end. Blocks for as long as the file system takes.
    ///
    /// # Errors
    /// [`StateError`] if something else is there, if it cannot be written to, if other users can write to it, if
    /// another host uses it, or if a newer host has written it.
    pub fn open(path: impl Into<PathBuf>) -> Result<Self, StateError> {
        let path = path.into();
        create(&path)?;
        check_permissions(&path)?;
        let lock = lock(&path)?;
        check_version(&path)?;
        let components = path.join(COMPONENTS);
        create(&components)?;
        check_permissions(&components)?;
        for directory in [&path, &components] {
            replace::remove_remnants(directory).map_err(|error| StateError::medium("tidy up", directory, error))?;
        }
        address::remove(&path)?;
        Ok(Self {
            components: DirComponentStore::new(components),
            registry: FileRegistryStore::new(path.join("registry.json")),
            path,
            _lock: lock,
        })
    }

    /// Where the directory is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Where the engine may keep machine code. Not created here.
    pub fn cache(&self) -> PathBuf {
        self.path.join("cache")
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
fn create(path: &Path) -> Result<(), StateError> {
    match DirBuilder::new().recursive(true).mode(0o700).create(path) {
        Ok(()) => Ok(()),
        Err(_) if path.exists() && !path.is_dir() => Err(StateError::NotADirectory { path: path.to_owned() }),
        Err(error) => Err(StateError::medium("create", path, error)),
    }
}

/// Refuses a directory whose files other users could replace.
fn check_permissions(path: &Path) -> Result<(), StateError> {
    const WRITABLE_BY_OTHERS: u32 = 0o022;
    let metadata = fs::metadata(path).map_err(|error| StateError::medium("inspect", path, error))?;
    let mode = metadata.permissions().mode() & 0o7777;
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
    let written = file.set_len(0).and_then(|()| file.rewind()).and_then(|()| writeln!(file, "{}", std::process::id()));
    written.map_err(cannot("write to"))?;
    Ok(file)
}

/// Refuses a directory in a format that this host does not know, and marks a new one.
fn check_version(directory: &Path) -> Result<(), StateError> {
    let path = directory.join("version");
    let text = match fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return replace::replace(&path, format!("{FORMAT}\n").as_bytes())
                .map_err(|error| StateError::medium("write to", directory, error));
        }
        Err(error) if error.kind() == io::ErrorKind::InvalidData => String::new(),
        Err(error) => return Err(StateError::medium("read", &path, error)),
    };
    match text.trim().parse::<u32>() {
        Ok(FORMAT) => Ok(()),
        Ok(found) if found > FORMAT => Err(StateError::Newer { path: directory.to_owned(), found, known: FORMAT }),
        Ok(_) | Err(_) => Err(StateError::Version { path, known: FORMAT }),
    }
}
