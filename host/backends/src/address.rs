//! Where the admin API of the running host listens, for those who share its state directory.

use std::io;
use std::path::{Path, PathBuf};

use patchbay_model::Digest;

use crate::disk::Disk;
use crate::{StateDir, StateError, state};

/// The announcement of an admin API in the state directory. Dropping it withdraws it.
#[derive(Debug)]
pub struct AdminAddress {
    state: PathBuf,
    disk: Disk,
}

impl AdminAddress {
    /// Announces that the admin API listens at `url`, such as `http://127.0.0.1:9090`, and shows the certificate with
    /// this SHA-256, if it shows one. Blocks for as long as the file system takes.
    ///
    /// # Errors
    /// [`StateError::Medium`] if the announcement cannot be written.
    pub fn announce(state: &StateDir, url: &str, certificate: Option<Digest>) -> Result<Self, StateError> {
        let address = Self { state: state.path().to_owned(), disk: state.disk().clone() };
        address.renew(url, certificate)?;
        Ok(address)
    }

    /// Announces another certificate. Blocks for as long as the file system takes.
    ///
    /// # Errors
    /// [`StateError::Medium`] if the announcement cannot be written.
    pub fn renew(&self, url: &str, certificate: Option<Digest>) -> Result<(), StateError> {
        let path = path(&self.state);
        let certificate = certificate.map(|digest| format!("{CERTIFICATE}{digest}\n")).unwrap_or_default();
        self.disk
            .replace(&path, format!("{url}\n{certificate}").as_bytes())
            .map_err(|error| StateError::medium("write", &path, error))
    }

    /// Where the host that uses the state directory at `state` can be reached; `None` if no host announced itself. A
    /// host that was killed leaves its announcement behind. Blocks for as long as the file system takes.
    ///
    /// # Errors
    /// [`StateError::Medium`] if the announcement cannot be read.
    pub fn find(state: &Path) -> Result<Option<Announced>, StateError> {
        let path = path(state);
        match state::read_small(&path) {
            Ok(text) => Ok(Some(Announced::parse(&text))),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(StateError::medium("read", &path, error)),
        }
    }
}

/// What a host has announced.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Announced {
    /// Where the admin API listens.
    pub url: String,
    /// The SHA-256 of the certificate that it shows, in DER.
    pub certificate: Option<Digest>,
}

/// What stands before the certificate, on a line of its own.
const CERTIFICATE: &str = "certificate ";

impl Announced {
    fn parse(text: &str) -> Self {
        let mut lines = text.lines();
        let url = lines.next().unwrap_or_default().trim().to_owned();
        let certificate = lines.find_map(|line| line.strip_prefix(CERTIFICATE)?.trim().parse().ok());
        Self { url, certificate }
    }
}

impl Drop for AdminAddress {
    fn drop(&mut self) {
        // An announcement that stays is like that of a host that was killed: whoever follows it finds nobody.
        let _ = remove(&self.state, &self.disk);
    }
}

/// Withdraws the announcement in the state directory at `state`, if there is one.
pub(crate) fn remove(state: &Path, disk: &Disk) -> Result<(), StateError> {
    let path = path(state);
    disk.remove(&path).map_err(|error| StateError::medium("remove", &path, error))
}

fn path(state: &Path) -> PathBuf {
    state.join("admin.address")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_announcement_lasts_as_long_as_its_host() {
        let home = tempfile::tempdir().unwrap();
        let state = StateDir::open(home.path()).unwrap();
        assert_eq!(AdminAddress::find(state.path()).unwrap(), None);
        let found = || AdminAddress::find(state.path()).unwrap().unwrap();
        let url = "https://127.0.0.1:9090".to_owned();
        let announced = AdminAddress::announce(&state, &url, None).unwrap();
        assert_eq!(found(), Announced { url: url.clone(), certificate: None });
        for certificate in [b"one", b"two"].map(|certificate| Some(Digest::of(certificate))) {
            announced.renew(&url, certificate).unwrap();
            assert_eq!(found(), Announced { url: url.clone(), certificate });
        }
        drop(announced);
        assert_eq!(AdminAddress::find(state.path()).unwrap(), None);

        std::mem::forget(AdminAddress::announce(&state, "http://127.0.0.1:9091", None).unwrap());
        drop(state);
        assert!(AdminAddress::find(home.path()).unwrap().is_some());
        let _state = StateDir::open(home.path()).unwrap();
        assert_eq!(AdminAddress::find(home.path()).unwrap(), None);
    }
}
