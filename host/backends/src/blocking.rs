//! File work off the threads that serve.

use std::io;
use std::path::Path;

use patchbay_model::ports::{BoxFuture, StorageError};

/// Runs `work` on a blocking thread. `what` names it in the error for the case that it does not come back.
pub(crate) fn run<T: Send + 'static>(
    what: &'static str,
    work: impl FnOnce() -> Result<T, StorageError> + Send + 'static,
) -> BoxFuture<'static, Result<T, StorageError>> {
    Box::pin(async move {
        tokio::task::spawn_blocking(work)
            .await
            .unwrap_or_else(|error| Err(StorageError::Medium { what: what.to_owned(), problem: error.to_string() }))
    })
}

/// The error for `error`, which came up when the host tried to do `what` with `path`.
pub(crate) fn medium(what: &str, path: &Path, error: &io::Error) -> StorageError {
    StorageError::Medium {
        what: format!("cannot {what} {}", path.display()),
        problem: format!("{error}{}", advice(error.kind())),
    }
}

/// What to do about a disk that takes nothing more.
pub(crate) const fn advice(kind: io::ErrorKind) -> &'static str {
    match kind {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => "; make room on the disk, then try again",
        io::ErrorKind::ReadOnlyFilesystem => "; make the file system writable, then try again",
        _ => "",
    }
}
