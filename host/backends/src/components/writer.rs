//! A component on its way to disk.

use std::path::PathBuf;

use bytes::Bytes;
use patchbay_model::DigestWriter;
use patchbay_model::ports::{BoxFuture, ComponentWriter, StorageError, StoredComponent};

use crate::blocking::{self, medium};
use crate::disk::{self, Disk};

/// Writes a component to an unfinished file and names it by its digest at the end.
pub(super) struct DirComponentWriter {
    directory: PathBuf,
    /// `None` while a piece is written, and for good if that write failed or was cancelled: no one knows then how much
    /// of the piece is in the file.
    incoming: Option<Incoming>,
}

/// The file and what is known of its content.
struct Incoming {
    file: disk::Incoming,
    digest: DigestWriter,
    size: u64,
}

impl DirComponentWriter {
    /// Blocks for as long as the file system takes.
    pub(super) fn begin(directory: PathBuf, disk: &Disk) -> Result<Self, StorageError> {
        let file = disk.begin(&directory).map_err(|error| medium("write to", &directory, &error))?;
        Ok(Self { directory, incoming: Some(Incoming { file, digest: DigestWriter::default(), size: 0 }) })
    }

    fn take(&mut self) -> Result<Incoming, StorageError> {
        self.incoming.take().ok_or_else(|| StorageError::Medium {
            what: format!("cannot store a component in {}", self.directory.display()),
            problem: "an earlier piece of it was not written to its end; begin again".to_owned(),
        })
    }
}

impl ComponentWriter for DirComponentWriter {
    fn write(&mut self, piece: Bytes) -> BoxFuture<'_, Result<(), StorageError>> {
        Box::pin(async move {
            let mut incoming = self.take()?;
            let directory = self.directory.clone();
            let incoming = blocking::run("write a component", move || {
                incoming.file.write(&piece).map_err(|error| medium("write to", &directory, &error))?;
                incoming.digest.update(&piece);
                incoming.size += piece.len() as u64;
                Ok(incoming)
            });
            self.incoming = Some(incoming.await?);
            Ok(())
        })
    }

    fn finish(mut self: Box<Self>) -> BoxFuture<'static, Result<StoredComponent, StorageError>> {
        let (directory, incoming) = (self.directory.clone(), self.take());
        blocking::run("store a component", move || {
            let Incoming { file, digest, size } = incoming?;
            let digest = digest.finish();
            let path = super::path(&directory, &digest);
            // A file that is there already has the same bytes, unless it was damaged: then this repairs it.
            file.commit(&path).map_err(|error| medium("write", &path, &error))?;
            Ok(StoredComponent { digest, size })
        })
    }
}

impl Drop for DirComponentWriter {
    fn drop(&mut self) {
        let Some(incoming) = self.incoming.take() else { return };
        // Dropping the file removes it, wherever the closure is dropped; a blocking thread is the place for it.
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn_blocking(move || drop(incoming));
        }
    }
}
