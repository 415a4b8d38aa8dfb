//! Opening state directories of all kinds.

use std::os::unix::fs::PermissionsExt;

use super::*;

fn open(path: &Path) -> Result<StateDir, String> {
    StateDir::open(path).map_err(|error| error.to_string())
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o7777
}

#[test]
fn a_new_directory_belongs_to_its_owner_alone() {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("some/where/state");
    let state = open(&path).unwrap();
    assert_eq!((mode(&path), mode(&path.join("components"))), (0o700, 0o700));
    assert_eq!((mode(&path.join("lock")), mode(&path.join("version"))), (0o600, 0o600));
    assert_eq!(fs::read_to_string(path.join("version")).unwrap(), "1\n");
    assert_eq!(state.path(), path);
    assert!(!state.cache().exists());
}

#[test]
fn one_host_at_a_time() {
    let home = tempfile::tempdir().unwrap();
    let first = open(home.path()).unwrap();
    let error = open(home.path()).unwrap_err();
    assert!(error.contains(&home.path().display().to_string()), "{error}");
    assert!(error.contains(&format!("(process {})", std::process::id())), "{error}");

    fs::write(home.path().join("lock"), "").unwrap();
    let error = open(home.path()).unwrap_err();
    assert!(error.contains("process id is not known"), "{error}");

    drop(first);
    // A longer process id than ours, left by a host that was killed.
    fs::write(home.path().join("lock"), "4294967295\n").unwrap();
    let _second = open(home.path()).unwrap();
    assert_eq!(fs::read_to_string(home.path().join("lock")).unwrap(), format!("{}\n", std::process::id()));
}

#[test]
fn directories_that_others_can_write_to_are_refused() {
    let home = tempfile::tempdir().unwrap();
    for (mode, opens) in [(0o755, true), (0o775, false), (0o702, false), (0o1777, false), (0o700, true)] {
        fs::set_permissions(home.path(), fs::Permissions::from_mode(mode)).unwrap();
        match open(home.path()) {
            Ok(_) => assert!(opens, "{mode:o}"),
            Err(error) => assert!(!opens && error.contains("chmod go-w"), "{mode:o}: {error}"),
        }
    }
    fs::set_permissions(home.path().join("components"), fs::Permissions::from_mode(0o777)).unwrap();
    let error = open(home.path()).unwrap_err();
    assert!(error.contains("components"), "{error}");
}

#[test]
fn other_things_are_refused() {
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join("file");
    fs::write(&file, "").unwrap();
    assert_eq!(
        open(&file).unwrap_err(),
        format!("{} is not a directory, so it cannot be the state directory", file.display())
    );
    let below = file.join("state");
    assert!(open(&below).unwrap_err().starts_with(&format!("cannot create {}: ", below.display())));
}

#[test]
fn formats_of_other_hosts_are_refused() {
    let home = tempfile::tempdir().unwrap();
    let version = home.path().join("version");
    for (text, wanted) in [
        (&b"2\n"[..], "has format 2, and this host knows 1"),
        (b"0\n", "does not name a format"),
        (b"", "does not name a format"),
        (b"one", "does not name a format"),
        (b"\xff", "does not name a format"),
    ] {
        fs::write(&version, text).unwrap();
        let error = open(home.path()).unwrap_err();
        assert!(error.contains(wanted) && error.contains(&home.path().display().to_string()), "{error}");
    }
    fs::write(&version, "1").unwrap();
    assert!(open(home.path()).is_ok());
}

#[test]
fn remnants_of_a_crash_are_removed_and_nothing_else() {
    let home = tempfile::tempdir().unwrap();
    drop(open(home.path()).unwrap());
    let remnants = [".incoming-a1b2c3", "components/.incoming-d4e5f6"];
    let others = ["notes.txt", "components/notes.txt", "registry.json"];
    for name in remnants.iter().chain(&others) {
        fs::write(home.path().join(name), "cut o").unwrap();
    }
    let _state = open(home.path()).unwrap();
    for (names, stays) in [(&remnants[..], false), (&others, true)] {
        for name in names {
            assert_eq!(home.path().join(name).exists(), stays, "{name}");
        }
    }
}
