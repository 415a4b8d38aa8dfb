//! Compiled components on disk, so that a component is compiled once and not at every start.
//!
//! Machine code that is loaded is run: whoever can write to this folder owns the host. So the folder must belong to
//! the user of the host and be writable by nobody else, and an entry is loaded only if it is what was written.

mod disk;
mod entry;

#[cfg(test)]
mod tests;

use std::fs;
use std::hash::{Hash, Hasher};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use patchbay_model::{Digest, Hazard};
use sha2::{Digest as _, Sha256};
use wasmtime::Engine;

use disk::Disk;
pub(crate) use entry::{Entry, Found};

/// A private folder with compiled components.
#[derive(Debug)]
pub(crate) struct Cache {
    folder: PathBuf,
    /// In bytes.
    limit: u64,
    disk: Disk,
}

impl Cache {
    /// Opens the folder, making it if there is none.
    ///
    /// # Errors
    /// A sentence that says why the folder cannot be used and what to do.
    pub(crate) fn open(folder: PathBuf, limit: u64, hazard: Arc<dyn Hazard>) -> Result<Self, String> {
        let (what, disk) = (folder.display(), Disk(hazard));
        disk.create_folder(&folder).map_err(|error| format!("the cache folder {what} cannot be made: {error}"))?;
        let about =
            fs::metadata(&folder).map_err(|error| format!("the cache folder {what} cannot be read: {error}"))?;
        if about.uid() != rustix::process::geteuid().as_raw() {
            return Err(format!("the cache folder {what} belongs to another user; give it to the user of this host"));
        }
        if about.mode() & 0o022 != 0 {
            return Err(format!("the cache folder {what} can be written by other users; run `chmod 700 {what}`"));
        }
        Ok(Self { folder, limit, disk })
    }

    /// Where the code of a component for this engine is, or would be.
    pub(crate) fn entry(&self, component: &Digest, engine: &Engine) -> Entry {
        self.at(&self.folder.join(format!("{}-{}", component.hex(), fingerprint(engine))))
    }

    /// Removes the entries that were not used for longest, until the rest fits the limit. `kept` stays whatever its
    /// size.
    pub(crate) fn shrink(&self, kept: &Entry) -> io::Result<()> {
        let mut entries = Vec::new();
        for file in fs::read_dir(&self.folder)? {
            let path = file?.path();
            let Ok(about) = fs::metadata(&path) else { continue };
            match path.extension().and_then(|extension| extension.to_str()) {
                Some(entry::CODE) if path != kept.code() => {
                    entries.push((about.modified().unwrap_or(SystemTime::UNIX_EPOCH), about.len(), path));
                }
                _ => {}
            }
        }
        entries.sort();
        let mut size = fs::metadata(kept.code()).map_or(0, |about| about.len());
        size += entries.iter().map(|(_, size, _)| size).sum::<u64>();
        for (_, freed, path) in entries {
            if size <= self.limit {
                break;
            }
            self.at(&path.with_extension("")).remove()?;
            size -= freed;
        }
        Ok(())
    }

    fn at(&self, stem: &Path) -> Entry {
        Entry::new(stem, self.disk.clone())
    }
}

/// Tells apart all engines whose machine code differs: version, settings, processor.
fn fingerprint(engine: &Engine) -> String {
    struct Fingerprint(Sha256);
    impl Hasher for Fingerprint {
        fn write(&mut self, bytes: &[u8]) {
            self.0.update(bytes);
        }
        fn finish(&self) -> u64 {
            let digest: [u8; 32] = self.0.clone().finalize().into();
            digest.iter().take(8).fold(0, |number, byte| number << 8 | u64::from(*byte))
        }
    }
    let mut hasher = Fingerprint(Sha256::new());
    engine.precompile_compatibility_hash().hash(&mut hasher);
    format!("{:016x}", hasher.finish())
}
