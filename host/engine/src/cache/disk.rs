//! How the cache writes: files that appear whole or not at all. Each act meets the hazard first.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use patchbay_model::{Act, Hazard};

/// What the names of unfinished files begin with; the owner of the state directory removes what a crash leaves of them.
pub(super) const UNFINISHED: &str = ".incoming-";

/// The disk that the cache is on.
#[derive(Debug, Clone)]
pub(super) struct Disk(pub(super) Arc<dyn Hazard>);

impl Disk {
    /// Makes a folder for its owner only, unless there is one.
    pub(super) fn create_folder(&self, path: &Path) -> io::Result<()> {
        if path.is_dir() {
            return Ok(());
        }
        self.0.meet(Act::CreateFolder(path))?;
        DirBuilder::new().recursive(true).mode(0o700).create(path)
    }

    /// Puts `bytes` in the place of `path`, durably.
    pub(super) fn replace(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        let unfinished = unfinished(path);
        let written = self.write(&unfinished, bytes).and_then(|()| {
            self.0.meet(Act::Rename(&unfinished, path))?;
            fs::rename(&unfinished, path)
        });
        if let Err(error) = written {
            // It may not be there at all, and what cannot be removed now is removed at the next start.
            let _ = fs::remove_file(&unfinished);
            return Err(error);
        }
        let Some(folder) = path.parent() else { return Ok(()) };
        self.0.meet(Act::SyncFolder(folder))?;
        File::open(folder)?.sync_all()
    }

    /// Removes a file; no error if there is none.
    pub(super) fn remove(&self, path: &Path) -> io::Result<()> {
        self.0.meet(Act::Remove(path))?;
        match fs::remove_file(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            Ok(()) | Err(_) => Ok(()),
        }
    }

    fn write(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        self.0.meet(Act::CreateFile(path))?;
        let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path)?;
        self.0.meet(Act::Write(path, bytes))?;
        file.write_all(bytes)?;
        self.0.meet(Act::Sync(path))?;
        file.sync_all()
    }
}

/// Where a file is written before it has its name: nobody else writes there, be it in this process or in another, such
/// as `patchbay check`.
fn unfinished(path: &Path) -> PathBuf {
    static NUMBER: AtomicU64 = AtomicU64::new(0);
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    path.with_file_name(format!("{UNFINISHED}{}-{number}", std::process::id()))
}
