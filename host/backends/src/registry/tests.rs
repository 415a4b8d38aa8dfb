//! The registry file, whole, torn and flipped.

use patchbay_model::NoHazard;
use proptest::prelude::*;
use tokio::runtime::Builder;

use super::*;
use crate::StateDir;
use crate::conformance::{self, registry};
use crate::disk::Disk;

fn state() -> (tempfile::TempDir, StateDir) {
    let home = tempfile::tempdir().unwrap();
    let state = StateDir::open(home.path().join("state")).unwrap();
    (home, state)
}

/// What loading says of a registry file with this content.
fn load(content: &[u8]) -> Result<RegistryRecord, StorageError> {
    parse(content, Path::new("/state/registry.json"))
}

#[tokio::test]
async fn the_promises_of_the_port_are_kept() {
    let (_home, state) = state();
    conformance::registry_store(|| state.registry()).await;
}

#[tokio::test]
async fn the_previous_state_can_be_moved_in_place() {
    let (_home, state) = state();
    let store = state.registry();
    let path = &store.path;
    store.save(&registry(&["orders"])).await.unwrap();
    assert!(!previous(path).exists());
    store.save(&registry(&["orders", "payments"])).await.unwrap();
    fs::write(path, "torn").unwrap();

    let error = store.load().await.unwrap_err().to_string();
    let repair = format!("mv {0}.previous {0}", path.display());
    assert!(error.contains(&repair) && error.contains("is damaged"), "{error}");
    fs::rename(previous(path), path).unwrap();
    assert_eq!(store.load().await.unwrap(), registry(&["orders"]));
}

#[tokio::test]
async fn a_lost_registry_is_not_taken_for_an_empty_one() {
    let (_home, state) = state();
    let store = state.registry();
    store.save(&registry(&["orders"])).await.unwrap();
    store.save(&registry(&["payments"])).await.unwrap();
    fs::remove_file(&store.path).unwrap();
    let error = store.load().await.unwrap_err().to_string();
    assert!(error.contains("it is gone"), "{error}");
    fs::remove_file(previous(&store.path)).unwrap();
    assert_eq!(store.load().await.unwrap(), RegistryRecord::default());
}

#[tokio::test]
async fn a_crash_before_the_last_step_leaves_the_old_state() {
    let (home, state) = state();
    state.registry().save(&registry(&["orders"])).await.unwrap();
    let content = render(&registry(&["payments"])).unwrap();
    for written in [0, content.len() / 2, content.len()] {
        let mut torn = Disk::new(Arc::new(NoHazard)).begin(state.path()).unwrap();
        torn.write(&content[..written]).unwrap();
        // Its end is never reached, as in a crash.
        std::mem::forget(torn);
    }
    drop(state);
    let state = StateDir::open(home.path().join("state")).unwrap();
    assert_eq!(state.registry().load().await.unwrap(), registry(&["orders"]));
    let names: Vec<_> = fs::read_dir(state.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert!(!names.iter().any(|name| name.to_string_lossy().starts_with(".incoming-")), "{names:?}");
}

#[test]
fn a_save_that_no_one_waits_for_does_not_overtake_a_later_one() {
    let (_home, state) = state();
    let store = state.registry();
    Builder::new_current_thread().build().unwrap().block_on(async {
        let (first, second) = (registry(&["orders"]), registry(&["payments"]));
        let mut save = store.save(&first);
        let polled = std::future::poll_fn(|context| std::task::Poll::Ready(save.as_mut().poll(context).is_pending()));
        assert!(polled.await);
        drop(save);
        store.save(&second).await.unwrap();
        assert_eq!(store.load().await.unwrap(), second);
    });
}

#[tokio::test]
async fn the_medium_is_named_when_it_fails() {
    let store = FileRegistryStore::new(PathBuf::from("/nowhere/registry.json"), Disk::new(Arc::new(NoHazard)));
    let error = store.save(&registry(&[])).await.unwrap_err().to_string();
    assert!(error.starts_with("cannot write /nowhere/registry.json: "), "{error}");
}

#[test]
fn what_is_no_registry_is_told_apart() {
    let registry = r#"{"services":{},"more":1}"#;
    let wrong_shape =
        format!(r#"{{"format":1,"checksum":"{}","registry":{registry}}}"#, Digest::of(registry.as_bytes()));
    for (content, wanted) in [
        ("", "is damaged: EOF"),
        ("{}", "is damaged: missing field"),
        (r#"{"format":1,"checksum":"sha256:00","registry":{}}"#, "is no digest"),
        (r#"{"format":2,"entirely":"different"}"#, "it has format 2, and this host knows 1"),
        (r#"{"format":0}"#, "is damaged"),
        (&wrong_shape, "unknown field `more`"),
    ] {
        let error = load(content.as_bytes()).unwrap_err().to_string();
        assert!(error.contains(wanted) && error.contains("/state/registry.json"), "{error}");
    }
}

proptest! {
    #[test]
    fn a_part_is_never_taken_for_the_whole(length: prop::sample::Index) {
        let content = render(&registry(&["orders", "payments"])).unwrap();
        // The last byte is a line break, which says nothing.
        let length = length.index(content.len() - 1);
        prop_assert!(load(&content[..length]).is_err());
    }

    #[test]
    fn no_damage_changes_the_registry_unseen(at: prop::sample::Index, bit in 0..8u8) {
        let registry = registry(&["orders", "payments"]);
        let mut content = render(&registry).unwrap();
        let at = at.index(content.len());
        content[at] ^= 1 << bit;
        if let Ok(loaded) = load(&content) {
            prop_assert_eq!(loaded, registry);
        }
    }

    #[test]
    fn no_bytes_panic(content: Vec<u8>) {
        prop_assert!(load(&content).is_err());
    }
}
