//! Secrets in real files, under a paused clock that moves on whenever everything waits for it.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};

use tokio::time::timeout;

use super::*;

fn reference(path: &str) -> SecretRef {
    SecretRef::File(path.into())
}

/// Waits until `secret` has this value.
async fn becomes(secrets: &MachineSecrets, secret: &dyn OpenSecret, text: &str) {
    let seen = async {
        while secret.value().expose() != text {
            sleep(Duration::from_millis(100)).await;
        }
    };
    tokio::select! {
        () = secrets.watch() => {}
        seen = timeout(Duration::from_secs(60), seen) => seen.unwrap_or_else(|_| panic!("it does not become {text}")),
    }
}

/// Looks for a while, and sees whether it stays.
async fn stays(secrets: &MachineSecrets, secret: &dyn OpenSecret, text: &str) {
    let _ = timeout(Duration::from_secs(10), secrets.watch()).await;
    assert_eq!(secret.value().expose(), text);
}

#[tokio::test(start_paused = true)]
async fn a_value_is_followed_in_every_way_in_which_files_change() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let secrets = MachineSecrets::new(folder.path().to_owned());
    fs::write(path("key"), "one\n").unwrap();
    let key = secrets.open(&reference("key")).await.unwrap();
    assert_eq!(key.value().expose(), "one");
    // Written over, as some editors do, and renamed, as others do.
    fs::write(path("key"), "two\r\n").unwrap();
    becomes(&secrets, &*key, "two").await;
    fs::write(path("key.new"), "three").unwrap();
    fs::rename(path("key.new"), path("key")).unwrap();
    becomes(&secrets, &*key, "three").await;
    // A symbolic link that is turned, as Kubernetes does.
    for (data, text) in [("first", "four"), ("second", "five")] {
        fs::create_dir(path(data)).unwrap();
        fs::write(path(data).join("key"), text).unwrap();
        symlink(data, path("turned")).unwrap();
        fs::rename(path("turned"), path("data")).unwrap();
        if text == "four" {
            fs::remove_file(path("key")).unwrap();
            symlink("data/key", path("key")).unwrap();
        }
        becomes(&secrets, &*key, text).await;
    }
    // What vanishes, is emptied, or is no text leaves the last good value.
    fs::remove_file(path("second/key")).unwrap();
    stays(&secrets, &*key, "five").await;
    fs::write(path("second/key"), "").unwrap();
    stays(&secrets, &*key, "five").await;
    fs::write(path("second/key"), [0xff, 0xfe]).unwrap();
    stays(&secrets, &*key, "five").await;
    fs::write(path("second/key"), "six").unwrap();
    becomes(&secrets, &*key, "six").await;
}

#[tokio::test]
async fn what_cannot_be_had_is_told_without_a_value() {
    let folder = tempfile::tempdir().unwrap();
    let secrets = MachineSecrets::new(folder.path().to_owned());
    fs::create_dir(folder.path().join("folder")).unwrap();
    fs::write(folder.path().join("empty"), "\n").unwrap();
    fs::write(folder.path().join("binary"), b"hunter2\xff").unwrap();
    fs::write(folder.path().join("long"), vec![b'x'; Secret::MAX_LENGTH + 1]).unwrap();
    for (reference, says) in [
        (reference("nothing"), "No such file"),
        (reference("folder"), "is no file"),
        (reference("empty"), "is empty"),
        (reference("binary"), "no text in UTF-8"),
        (reference("long"), "longer than 64 KiB"),
        (SecretRef::Env("PATCHBAY_NO_SUCH_SECRET".to_owned()), "no such variable"),
    ] {
        let error = secrets.open(&reference).await.unwrap_err();
        let message = error.to_string();
        assert!(message.contains(says) && message.contains(&reference.to_string()), "{message}");
        assert!(!message.contains("hunter2"), "{message}");
        assert_eq!(secrets.check(&reference).unwrap_err(), error);
    }
    let path = SecretRef::Env("PATH".to_owned());
    assert_eq!(secrets.open(&path).await.unwrap().value().expose(), std::env::var("PATH").unwrap());
}

#[tokio::test]
async fn a_file_that_everybody_can_read_is_warned_of() {
    let folder = tempfile::tempdir().unwrap();
    let secrets = MachineSecrets::new(folder.path().to_owned());
    let path = folder.path().join("key");
    fs::write(&path, "one").unwrap();
    for (mode, warned) in [(0o644, true), (0o604, true), (0o640, false), (0o600, false)] {
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        assert_eq!(secrets.check(&reference("key")).unwrap().is_some(), warned, "{mode:o}");
    }
}

#[tokio::test]
async fn what_nobody_holds_is_forgotten() {
    let folder = tempfile::tempdir().unwrap();
    let secrets = MachineSecrets::new(folder.path().to_owned());
    for name in ["a", "b"] {
        fs::write(folder.path().join(name), "1").unwrap();
    }
    let first = secrets.open(&reference("a")).await.unwrap();
    let again = secrets.open(&reference("a")).await.unwrap();
    assert!(Arc::ptr_eq(&first.value(), &again.value()), "one of each is kept");
    drop((first, again));
    let _held = secrets.open(&reference("b")).await.unwrap();
    assert_eq!(secrets.table().len(), 1);
}
