//! Whose a file is.

use std::path::Path;

use crate::StateError;

/// Refuses what belongs to another user than the one the host runs as: that user decides what is in it.
pub(crate) fn check(owner: u32, path: &Path) -> Result<(), StateError> {
    let user = rustix::process::geteuid().as_raw();
    if owner == user { Ok(()) } else { Err(StateError::OfAnother { path: path.to_owned(), owner, user }) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_our_own_is_used() {
        let user = rustix::process::geteuid().as_raw();
        assert!(check(user, Path::new("/state")).is_ok());
        let error = check(user + 1, Path::new("/state")).unwrap_err().to_string();
        assert!(
            error.contains(&format!("`chown {user} /state`")) && error.contains(&(user + 1).to_string()),
            "{error}"
        );
    }
}
