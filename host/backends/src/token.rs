//! The admin token: the secret that the admin API asks for.

use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use crate::{StateDir, StateError, owner};

/// Random bytes in a token.
const BYTES: usize = 32;

/// The secret that the admin API asks for: 32 random bytes, as 64 hexadecimal digits. It does not show when printed for
/// debugging. To be compared in constant time only, so it has no equality.
#[derive(Clone)]
pub struct AdminToken(String);

impl AdminToken {
    /// The token of a state directory; makes one where there is none. Blocks for as long as the file system takes.
    ///
    /// # Errors
    /// [`StateError`] if the file cannot be read or written, if other users can read it, or if it holds no token.
    pub fn open(state: &StateDir) -> Result<Self, StateError> {
        if let Some(token) = Self::find(state.path())? {
            return Ok(token);
        }
        let token = Self::random()?;
        let path = path(state.path());
        state
            .disk()
            .replace(&path, format!("{}\n", token.0).as_bytes())
            .map_err(|error| StateError::medium("write", &path, error))?;
        Ok(token)
    }

    /// The token in the state directory at `state`, for someone who wants to talk to the host that uses the directory;
    /// `None` if it has none. Blocks for as long as the file system takes.
    ///
    /// # Errors
    /// Those of [`AdminToken::open`].
    pub fn find(state: &Path) -> Result<Option<Self>, StateError> {
        const ACCESSIBLE_TO_OTHERS: u32 = 0o077;
        let path = path(state);
        let cannot = |error| StateError::medium("read", &path, error);
        let file = match File::open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(cannot(error)),
        };
        let about = file.metadata().map_err(cannot)?;
        owner::check(about.uid(), &path)?;
        let mode = about.mode() & 0o7777;
        if mode & ACCESSIBLE_TO_OTHERS != 0 {
            return Err(StateError::TokenExposed { path, mode });
        }
        let mut text = Vec::new();
        file.take(1024).read_to_end(&mut text).map_err(cannot)?;
        match std::str::from_utf8(&text).map(str::trim) {
            Ok(text) if is_token(text) => Ok(Some(Self(text.to_owned()))),
            Ok(_) | Err(_) => Err(StateError::TokenDamaged { path }),
        }
    }

    /// The secret, as it goes after `Bearer` in a request.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    fn random() -> Result<Self, StateError> {
        let mut bytes = [0; BYTES];
        getrandom::fill(&mut bytes).map_err(|error| StateError::NoRandomness(error.to_string()))?;
        Ok(Self(bytes.iter().map(|byte| format!("{byte:02x}")).collect()))
    }
}

impl fmt::Debug for AdminToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AdminToken(secret)")
    }
}

fn path(state: &Path) -> PathBuf {
    state.join("admin.token")
}

fn is_token(text: &str) -> bool {
    text.len() == 2 * BYTES && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn state() -> (tempfile::TempDir, StateDir) {
        let home = tempfile::tempdir().unwrap();
        let state = StateDir::open(home.path().join("state")).unwrap();
        (home, state)
    }

    #[test]
    fn a_token_is_made_once_and_kept_private() {
        let (_home, state) = state();
        assert!(AdminToken::find(state.path()).unwrap().is_none());
        let token = AdminToken::open(&state).unwrap();
        assert!(is_token(token.as_str()));
        assert_eq!(AdminToken::open(&state).unwrap().as_str(), token.as_str());
        assert_eq!(AdminToken::find(state.path()).unwrap().unwrap().as_str(), token.as_str());
        assert_eq!(fs::metadata(path(state.path())).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(format!("{token:?}"), "AdminToken(secret)");
        assert_ne!(AdminToken::random().unwrap().as_str(), token.as_str());
    }

    #[test]
    fn a_token_that_others_can_read_is_refused() {
        let (_home, state) = state();
        AdminToken::open(&state).unwrap();
        for mode in [0o640, 0o604, 0o620] {
            fs::set_permissions(path(state.path()), fs::Permissions::from_mode(mode)).unwrap();
            let error = AdminToken::open(&state).unwrap_err().to_string();
            assert!(error.contains("chmod 600") && error.contains(&format!("{mode:04o}")), "{error}");
        }
    }

    #[test]
    fn other_contents_are_refused_and_kept() {
        let (_home, state) = state();
        AdminToken::open(&state).unwrap();
        for content in [&b""[..], b"short", &[b'g'; 64], &[b'a'; 65], &[0xff; 64], &[b'a'; 4096]] {
            fs::write(path(state.path()), content).unwrap();
            let error = AdminToken::open(&state).unwrap_err().to_string();
            assert!(error.contains("admin.token") && error.contains("remove it"), "{error}");
            assert_eq!(fs::read(path(state.path())).unwrap(), content);
        }
    }
}
