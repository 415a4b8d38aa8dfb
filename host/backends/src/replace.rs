//! Replacing a file in one step.

use std::fs::File;
use std::io::{self, Write};
use std::path::Path;

use tempfile::{Builder, NamedTempFile};

/// What the names of unfinished files begin with.
pub(crate) const INCOMING: &str = ".incoming-";

/// Begins a file in `directory` that is not there yet for anyone else. Only its owner may read it. Dropped, it is gone.
pub(crate) fn begin(directory: &Path) -> io::Result<NamedTempFile> {
    Builder::new().prefix(INCOMING).tempfile_in(directory)
}

/// Puts what was written to `incoming` durably in the place of `path`, which is in the same directory.
pub(crate) fn commit(incoming: NamedTempFile, path: &Path) -> io::Result<()> {
    incoming.as_file().sync_all()?;
    incoming.persist(path).map_err(|error| error.error)?;
    // The new name is durable only once the directory is.
    File::open(path.parent().unwrap_or(Path::new(".")))?.sync_all()
}

/// Replaces the content of `path`, or creates it. A crash leaves the old or the new content.
pub(crate) fn replace(path: &Path, content: &[u8]) -> io::Result<()> {
    let mut incoming = begin(path.parent().unwrap_or(Path::new(".")))?;
    incoming.write_all(content)?;
    commit(incoming, path)
}

/// Removes what a crash left unfinished in `directory`.
pub(crate) fn remove_remnants(directory: &Path) -> io::Result<()> {
    for entry in directory.read_dir()? {
        let entry = entry?;
        if entry.file_name().to_string_lossy().starts_with(INCOMING) {
            std::fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}
