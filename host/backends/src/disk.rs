//! The one place from which the state directory is written: files that appear whole or not at all.
//!
//! Each act meets the hazard first, so that tests can end the process, or fail the disk, between any two of them.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, FileExt, OpenOptionsExt};
use std::path::Path;
use std::sync::Arc;

use patchbay_model::{Act, Hazard};
use tempfile::{Builder, NamedTempFile};

/// What the names of unfinished files begin with.
const INCOMING: &str = ".incoming-";

/// The disk, with what can go wrong on it.
#[derive(Debug, Clone)]
pub(crate) struct Disk(Arc<dyn Hazard>);

/// A file on its way to its place. Dropped, it is gone.
#[derive(Debug)]
pub(crate) struct Incoming {
    file: NamedTempFile,
    disk: Disk,
}

impl Disk {
    pub(crate) fn new(hazard: Arc<dyn Hazard>) -> Self {
        Self(hazard)
    }

    /// Begins a file in `directory` that is not there yet for anyone else. Only its owner may read it.
    pub(crate) fn begin(&self, directory: &Path) -> io::Result<Incoming> {
        let file = Builder::new().prefix(INCOMING).make_in(directory, |path| {
            self.0.meet(Act::CreateFile(path))?;
            OpenOptions::new().read(true).write(true).create_new(true).mode(0o600).open(path)
        })?;
        Ok(Incoming { file, disk: self.clone() })
    }

    /// Replaces the content of `path`, or creates it. A crash leaves the old or the new content.
    pub(crate) fn replace(&self, path: &Path, content: &[u8]) -> io::Result<()> {
        let mut incoming = self.begin(folder_of(path))?;
        incoming.write(content)?;
        incoming.commit(path)
    }

    /// Makes a file that grows, with a name that is durable. Only its owner may read it.
    pub(crate) fn create(&self, path: &Path) -> io::Result<File> {
        self.0.meet(Act::CreateFile(path))?;
        let file = OpenOptions::new().read(true).write(true).create_new(true).mode(0o600).open(path)?;
        self.sync_folder(folder_of(path))?;
        Ok(file)
    }

    /// Adds bytes to a file that grows, behind the `end` that it has.
    pub(crate) fn append(&self, file: &File, path: &Path, end: u64, bytes: &[u8]) -> io::Result<()> {
        self.0.meet(Act::Write(path, bytes))?;
        file.write_all_at(bytes, end)
    }

    /// Makes what was added to a file durable.
    pub(crate) fn sync(&self, file: &File, path: &Path) -> io::Result<()> {
        self.0.meet(Act::Sync(path))?;
        file.sync_data()
    }

    /// Removes a file; no error if there is none.
    pub(crate) fn remove(&self, path: &Path) -> io::Result<()> {
        self.0.meet(Act::Remove(path))?;
        match fs::remove_file(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            Ok(()) | Err(_) => Ok(()),
        }
    }

    /// Makes a folder for its owner only, and those above it, unless they are there.
    pub(crate) fn create_folder(&self, path: &Path) -> io::Result<()> {
        if path.is_dir() {
            return Ok(());
        }
        self.0.meet(Act::CreateFolder(path))?;
        DirBuilder::new().recursive(true).mode(0o700).create(path)?;
        self.sync_folder(folder_of(path))
    }

    /// Removes what a crash left unfinished in `directory`.
    pub(crate) fn remove_remnants(&self, directory: &Path) -> io::Result<()> {
        for entry in directory.read_dir()? {
            let entry = entry?;
            if entry.file_name().to_string_lossy().starts_with(INCOMING) {
                self.remove(&entry.path())?;
            }
        }
        Ok(())
    }

    fn sync_folder(&self, path: &Path) -> io::Result<()> {
        self.0.meet(Act::SyncFolder(path))?;
        File::open(path)?.sync_all()
    }
}

impl Incoming {
    /// Adds bytes.
    pub(crate) fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.disk.0.meet(Act::Write(self.file.path(), bytes))?;
        self.file.write_all(bytes)
    }

    /// Puts what was written durably in the place of `path`, which is in the same folder.
    pub(crate) fn commit(self, path: &Path) -> io::Result<()> {
        let Self { file, disk } = self;
        disk.0.meet(Act::Sync(file.path()))?;
        file.as_file().sync_all()?;
        disk.0.meet(Act::Rename(file.path(), path))?;
        file.persist(path).map_err(|error| error.error)?;
        // The new name is durable only once the folder is.
        disk.sync_folder(folder_of(path))
    }
}

/// The folder that a path is in.
fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        Some(_) | None => Path::new("."),
    }
}
