//! Where the admin API of the running host listens, for those who share its state directory.

use std::io;
use std::path::{Path, PathBuf};

use crate::disk::Disk;
use crate::{StateDir, StateError, state};

/// The announcement of an admin API in the state directory. Dropping it withdraws it.
#[derive(Debug)]
pub struct AdminAddress {
    state: PathBuf,
    disk: Disk,
}

impl AdminAddress {
    /// Announces that the admin API listens at `url`, such as `http://127.0.0.1:9090`. Blocks for as long as the file
    /// system takes.
    ///
    /// # Errors
    /// [`StateError::Medium`] if the announcement cannot be written.
    pub fn announce(state: &StateDir, url: &str) -> Result<Self, StateError> {
        let path = path(state.path());
        state
            .disk()
            .replace(&path, format!("{url}\n").as_bytes())
            .map_err(|error| StateError::medium("write", &path, error))?;
        Ok(Self { state: state.path().to_owned(), disk: state.disk().clone() })
    }

    /// Where the host that uses the state directory at `state` can be reached; `None` if no host announced itself. A
    /// host that was killed leaves its announcement behind. Blocks for as long as the file system takes.
    ///
    /// # Errors
    /// [`StateError::Medium`] if the announcement cannot be read.
    pub fn find(state: &Path) -> Result<Option<String>, StateError> {
        let path = path(state);
        match state::read_small(&path) {
            Ok(text) => Ok(Some(text.trim().to_owned())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(StateError::medium("read", &path, error)),
        }
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
        let announced = AdminAddress::announce(&state, "http://127.0.0.1:9090").unwrap();
        assert_eq!(AdminAddress::find(state.path()).unwrap().as_deref(), Some("http://127.0.0.1:9090"));
        drop(announced);
        assert_eq!(AdminAddress::find(state.path()).unwrap(), None);

        std::mem::forget(AdminAddress::announce(&state, "http://127.0.0.1:9091").unwrap());
        drop(state);
        assert!(AdminAddress::find(home.path()).unwrap().is_some());
        let _state = StateDir::open(home.path()).unwrap();
        assert_eq!(AdminAddress::find(home.path()).unwrap(), None);
    }
}
