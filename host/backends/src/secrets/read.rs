//! Reads one secret from its place.

use std::fs::File;
use std::io::Read;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use patchbay_model::ports::SecretError;
use patchbay_model::{Secret, SecretRef};

/// A secret that was read.
pub(super) struct Found {
    pub(super) secret: Secret,
    /// What an operator should know of its place.
    pub(super) warning: Option<String>,
}

/// The bit of a file's mode that lets everybody read it.
const READ_BY_OTHERS: u32 = 0o004;

/// Reads a secret. Blocks for as long as the file system takes.
///
/// # Errors
/// What is wrong with its place; nothing of a value is said.
pub(super) fn read(folder: &Path, reference: &SecretRef) -> Result<Found, SecretError> {
    let failed = |problem: String| SecretError { reference: reference.clone(), problem };
    let (bytes, warning) = match reference {
        SecretRef::File(path) => {
            let (bytes, mode) = file(&folder.join(path)).map_err(failed)?;
            let is_open = mode & READ_BY_OTHERS != 0;
            let warning = || format!("{reference} is a file that every user of this machine can read; `chmod o-r` it");
            (bytes, is_open.then(warning))
        }
        SecretRef::Env(name) => {
            let value = std::env::var_os(name)
                .ok_or_else(|| failed("the environment of the host has no such variable".to_owned()))?;
            (value.into_encoded_bytes(), None)
        }
    };
    if bytes.len() > Secret::MAX_LENGTH {
        return Err(failed(format!("it is longer than {} KiB", Secret::MAX_LENGTH >> 10)));
    }
    let text = String::from_utf8(bytes)
        .map_err(|_| failed("it is no text in UTF-8; store it in base64, and let the service decode it".to_owned()))?;
    let end = text.strip_suffix('\n').map(|text| text.strip_suffix('\r').unwrap_or(text)).map_or(text.len(), str::len);
    let mut text = text;
    text.truncate(end);
    if text.is_empty() {
        return Err(failed("it is empty".to_owned()));
    }
    Ok(Found { secret: Secret::new(text), warning })
}

/// What a file holds, and its mode.
fn file(path: &Path) -> Result<(Vec<u8>, u32), String> {
    let cannot = |error: std::io::Error| format!("the file `{}` cannot be read: {error}", path.display());
    // A pipe would keep whoever opens it waiting.
    let about = path.metadata().map_err(cannot)?;
    if !about.is_file() {
        return Err(format!("`{}` is no file", path.display()));
    }
    let mut bytes = Vec::new();
    File::open(path)
        .and_then(|file| file.take(Secret::MAX_LENGTH as u64 + 1).read_to_end(&mut bytes))
        .map_err(cannot)?;
    Ok((bytes, about.permissions().mode()))
}
