//! One compiled component on disk: a file of machine code, and beside it the digest of that file.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use patchbay_model::{Digest, DigestWriter};

use super::disk::Disk;

/// The extension of machine code.
pub(super) const CODE: &str = "cwasm";
/// The extension of the digest beside it.
const SEAL: &str = "sha256";

/// The place of one compiled component.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    code: PathBuf,
    seal: PathBuf,
    disk: Disk,
}

/// What is at an entry's place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Found {
    /// Nothing.
    Nothing,
    /// What was written there.
    Whole,
    /// Something else; the text says how it can be told.
    Damaged(String),
}

impl Entry {
    pub(super) fn new(stem: &Path, disk: Disk) -> Self {
        // `with_extension` would cut a name at its last dot; these names have none.
        Self { code: stem.with_extension(CODE), seal: stem.with_extension(SEAL), disk }
    }

    /// The file of machine code.
    pub(crate) fn code(&self) -> &Path {
        &self.code
    }

    /// Looks whether the entry is there and is what was written.
    pub(crate) fn check(&self) -> Found {
        let mut file = match File::open(&self.code) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Found::Nothing,
            Err(error) => return Found::Damaged(format!("it cannot be opened: {error}")),
        };
        self.verify(&mut file).map_or_else(Found::Damaged, |()| Found::Whole)
    }

    fn verify(&self, file: &mut File) -> Result<(), String> {
        let about = file.metadata().map_err(|error| format!("it cannot be read: {error}"))?;
        if about.uid() != rustix::process::geteuid().as_raw() || about.mode() & 0o022 != 0 {
            return Err("other users can write to it".to_owned());
        }
        let seal = fs::read_to_string(&self.seal).map_err(|error| format!("its digest cannot be read: {error}"))?;
        let digest = digest(file).map_err(|error| format!("it cannot be read: {error}"))?;
        if seal.trim_end() != digest.to_string() {
            return Err("it is not what was written".to_owned());
        }
        Ok(())
    }

    /// Notes that the entry was used, so that it is not the next to go.
    pub(crate) fn touch(&self, now: std::time::SystemTime) -> io::Result<()> {
        OpenOptions::new().append(true).open(&self.code)?.set_modified(now)
    }

    /// Writes the entry. Code that was there before is replaced whole: what is loaded already stays as it is.
    ///
    /// The digest goes first and comes last, so that at no moment the new code stands beside the old digest.
    pub(crate) fn write(&self, code: &[u8]) -> io::Result<()> {
        self.disk.remove(&self.seal)?;
        self.disk.replace(&self.code, code)?;
        self.disk.replace(&self.seal, Digest::of(code).to_string().as_bytes())
    }

    /// Removes the entry; no error if there is none.
    pub(crate) fn remove(&self) -> io::Result<()> {
        self.disk.remove(&self.seal)?;
        self.disk.remove(&self.code)
    }
}

fn digest(file: &mut File) -> io::Result<Digest> {
    let mut writer = DigestWriter::default();
    let mut buffer = vec![0; 256 << 10];
    loop {
        match file.read(&mut buffer)? {
            0 => return Ok(writer.finish()),
            length => writer.update(buffer.get(..length).unwrap_or_default()),
        }
    }
}
