//! The registry in one file.

#[cfg(test)]
mod tests;

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use patchbay_model::ports::{BoxFuture, RegistryStore, StorageError};
use patchbay_model::{Digest, RegistryRecord};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use tokio::sync::Mutex;

use crate::blocking::{self, medium};
use crate::disk::Disk;

/// The format of the file that this host reads and writes.
const FORMAT: u32 = 1;

/// Keeps the registry in a JSON file, and its state one change before in a second one. Got from
/// [`StateDir`](crate::StateDir), and to be used no longer than that.
#[derive(Debug, Clone)]
pub struct FileRegistryStore {
    path: PathBuf,
    disk: Disk,
    /// Held until a save is done, even if no one waits for it any more: so a later one is never overtaken.
    saving: Arc<Mutex<()>>,
}

/// What stands in the file.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Envelope<'a> {
    format: u32,
    /// Of the text of `registry`, exactly as it stands in the file.
    checksum: Digest,
    #[serde(borrow)]
    registry: &'a RawValue,
}

/// Only the format, which every version of the file has.
#[derive(Deserialize)]
struct Format {
    format: u32,
}

impl FileRegistryStore {
    pub(crate) fn new(path: PathBuf, disk: Disk) -> Self {
        Self { path, disk, saving: Arc::default() }
    }
}

impl RegistryStore for FileRegistryStore {
    fn load(&self) -> BoxFuture<'_, Result<RegistryRecord, StorageError>> {
        let path = self.path.clone();
        blocking::run("load the registry", move || match fs::read(&path) {
            Ok(content) => {
                check_mode(&path)?;
                parse(&content, &path)
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => absent(&path),
            Err(error) => Err(medium("read", &path, &error)),
        })
    }

    fn save<'a>(&'a self, registry: &'a RegistryRecord) -> BoxFuture<'a, Result<(), StorageError>> {
        let (path, disk) = (self.path.clone(), self.disk.clone());
        let content = render(registry).map_err(|error| medium("write", &path, &error.into()));
        Box::pin(async move {
            let content = content?;
            let turn = Arc::clone(&self.saving).lock_owned().await;
            blocking::run("save the registry", move || {
                let _turn = turn;
                save(&disk, &path, &content)
            })
            .await
        })
    }
}

/// Refuses a registry that other users could have written: they would decide what the host runs.
fn check_mode(path: &Path) -> Result<(), StorageError> {
    let mode = fs::metadata(path).map_err(|error| medium("inspect", path, &error))?.mode() & 0o7777;
    if mode & 0o022 == 0 {
        return Ok(());
    }
    let shown = path.display();
    Err(StorageError::Damaged {
        what: format!("the registry {shown}"),
        problem: format!(
            "other users can write to it (mode {mode:04o}), so it may not be what the host wrote; look through it, then \
             `chmod 600 {shown}`"
        ),
    })
}

/// The registry where there is no file: the empty one, unless a file was there once.
fn absent(path: &Path) -> Result<RegistryRecord, StorageError> {
    let previous = previous(path);
    match fs::exists(&previous) {
        Ok(false) => Ok(RegistryRecord::default()),
        Ok(true) => Err(StorageError::Damaged {
            what: format!("the registry {}", path.display()),
            problem: format!("it is gone, but an earlier state of it is there; {}", repair(path)),
        }),
        Err(error) => Err(medium("inspect", &previous, &error)),
    }
}

fn save(disk: &Disk, path: &Path, content: &[u8]) -> Result<(), StorageError> {
    let current = match fs::read(path) {
        Ok(current) => Some(current),
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        Err(error) => return Err(medium("read", path, &error)),
    };
    if let Some(current) = &current {
        let previous = previous(path);
        disk.replace(&previous, current).map_err(|error| medium("write", &previous, &error))?;
    }
    disk.replace(path, content).map_err(|error| {
        take_back(disk, path, current.as_deref(), content);
        medium("write", path, &error)
    })
}

/// Puts the registry back as it was before a save that failed. The last act of a save can fail when the new content is
/// in place already; the next start would then serve what was refused.
fn take_back(disk: &Disk, path: &Path, before: Option<&[u8]>, content: &[u8]) {
    if !fs::read(path).is_ok_and(|found| found == content) {
        return;
    }
    let back = match before {
        Some(before) => disk.replace(path, before),
        None => disk.remove(path),
    };
    if let Err(error) = back {
        tracing::error!(file = %path.display(), "a change that failed may be found done after a restart: {error}");
    }
}

fn render(registry: &RegistryRecord) -> serde_json::Result<Vec<u8>> {
    let registry = RawValue::from_string(serde_json::to_string_pretty(registry)?)?;
    let checksum = Digest::of(registry.get().as_bytes());
    let mut content = serde_json::to_vec(&Envelope { format: FORMAT, checksum, registry: &registry })?;
    content.push(b'\n');
    Ok(content)
}

fn parse(content: &[u8], path: &Path) -> Result<RegistryRecord, StorageError> {
    let damaged = |problem: String| StorageError::Damaged {
        what: format!("the registry {}", path.display()),
        problem: format!("{problem}; {}", repair(path)),
    };
    if let Ok(Format { format }) = serde_json::from_slice(content)
        && format > FORMAT
    {
        return Err(StorageError::Medium {
            what: format!("cannot read {}", path.display()),
            problem: format!("it has format {format}, and this host knows {FORMAT}; start the newer Patchbay"),
        });
    }
    let envelope: Envelope<'_> = serde_json::from_slice(content).map_err(|error| damaged(error.to_string()))?;
    if envelope.format != FORMAT || Digest::of(envelope.registry.get().as_bytes()) != envelope.checksum {
        return Err(damaged("its content is not what was written to it".to_owned()));
    }
    serde_json::from_str(envelope.registry.get()).map_err(|error| damaged(error.to_string()))
}

/// Where the state before the last change is kept.
fn previous(path: &Path) -> PathBuf {
    path.with_extension("json.previous")
}

/// What to do about a registry that cannot be used.
fn repair(path: &Path) -> String {
    let (path, previous) = (path.display(), previous(path));
    let previous = previous.display();
    format!(
        "with the host stopped, `mv {previous} {path}` goes back to the state before the last change, and removing both \
         starts without services"
    )
}
