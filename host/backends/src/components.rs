//! Components in a directory, one file for each, named by digest.

#[cfg(test)]
mod tests;
mod writer;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use patchbay_model::Digest;
use patchbay_model::ports::{BoxFuture, ComponentStore, ComponentWriter, StorageError};

use crate::blocking::{self, medium};
use crate::disk::Disk;
use writer::DirComponentWriter;

const EXTENSION: &str = "wasm";

/// Keeps components in a directory, as `<64 hexadecimal digits>.wasm`. Got from [`StateDir`](crate::StateDir), and to
/// be used no longer than that.
#[derive(Debug, Clone)]
pub struct DirComponentStore {
    directory: PathBuf,
    disk: Disk,
}

impl DirComponentStore {
    pub(crate) fn new(directory: PathBuf, disk: Disk) -> Self {
        Self { directory, disk }
    }

    fn path(&self, digest: &Digest) -> PathBuf {
        path(&self.directory, digest)
    }
}

impl ComponentStore for DirComponentStore {
    fn begin(&self) -> BoxFuture<'_, Result<Box<dyn ComponentWriter>, StorageError>> {
        let (directory, disk) = (self.directory.clone(), self.disk.clone());
        blocking::run("begin to store a component", move || {
            Ok(Box::new(DirComponentWriter::begin(directory, &disk)?) as Box<dyn ComponentWriter>)
        })
    }

    fn read<'a>(&'a self, digest: &'a Digest) -> BoxFuture<'a, Result<Bytes, StorageError>> {
        let (path, digest) = (self.path(digest), *digest);
        blocking::run("read a component", move || read(&path, &digest))
    }

    fn list(&self) -> BoxFuture<'_, Result<Vec<Digest>, StorageError>> {
        let directory = self.directory.clone();
        blocking::run("list the components", move || {
            list(&directory).map_err(|error| medium("list", &directory, &error))
        })
    }

    fn remove<'a>(&'a self, digest: &'a Digest) -> BoxFuture<'a, Result<(), StorageError>> {
        let (path, disk) = (self.path(digest), self.disk.clone());
        blocking::run("remove a component", move || disk.remove(&path).map_err(|error| medium("remove", &path, &error)))
    }
}

fn path(directory: &Path, digest: &Digest) -> PathBuf {
    directory.join(digest.hex()).with_extension(EXTENSION)
}

fn read(path: &Path, digest: &Digest) -> Result<Bytes, StorageError> {
    let bytes = fs::read(path).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => StorageError::Missing(format!("component {digest}")),
        _ => medium("read", path, &error),
    })?;
    if Digest::of(&bytes) != *digest {
        return Err(StorageError::Damaged {
            what: format!("component {}", path.display()),
            problem: "its bytes are not those it was stored with; deploy the component again, which replaces them"
                .to_owned(),
        });
    }
    Ok(bytes.into())
}

/// The components in `directory`, in order. Files with other names are not the store's.
fn list(directory: &Path) -> io::Result<Vec<Digest>> {
    let mut digests = Vec::new();
    for entry in directory.read_dir()? {
        let path = PathBuf::from(entry?.file_name());
        if path.extension().is_some_and(|extension| extension == EXTENSION) {
            digests.extend(path.file_stem().and_then(|stem| stem.to_str()?.parse::<Digest>().ok()));
        }
    }
    digests.sort_unstable();
    Ok(digests)
}
