//! Components on a real disk, whole and damaged.

use std::os::unix::fs::PermissionsExt;
use std::sync::Arc;

use patchbay_model::NoHazard;
use proptest::prelude::*;
use tokio::runtime::{Builder, Runtime};

use super::*;
use crate::{StateDir, conformance};

fn runtime() -> Runtime {
    Builder::new_current_thread().build().unwrap()
}

fn state() -> (tempfile::TempDir, StateDir) {
    let home = tempfile::tempdir().unwrap();
    let state = StateDir::open(home.path().join("state")).unwrap();
    (home, state)
}

async fn put(store: &DirComponentStore, content: &'static [u8]) -> Digest {
    let mut writer = store.begin().await.unwrap();
    writer.write(Bytes::from_static(content)).await.unwrap();
    writer.finish().await.unwrap().digest
}

fn files(store: &DirComponentStore) -> usize {
    fs::read_dir(&store.directory).unwrap().count()
}

#[tokio::test]
async fn the_promises_of_the_port_are_kept() {
    let (_home, state) = state();
    conformance::component_store(|| state.components()).await;
}

#[tokio::test]
async fn a_damaged_component_is_reported_and_repaired_by_deploying_it_again() {
    let (_home, state) = state();
    let store = state.components();
    let digest = put(&store, b"component").await;
    for damage in [&b"compoment"[..], b"comp", b""] {
        fs::write(store.path(&digest), damage).unwrap();
        let error = store.read(&digest).await.unwrap_err();
        assert!(matches!(error, StorageError::Damaged { .. }));
        let error = error.to_string();
        assert!(error.contains(&digest.hex()) && error.contains("deploy the component again"), "{error}");
        assert_eq!(put(&store, b"component").await, digest);
        assert_eq!(store.read(&digest).await.unwrap(), &b"component"[..]);
    }
}

#[tokio::test]
async fn a_stored_component_is_private_and_outlives_the_host() {
    let (home, state) = state();
    let digest = put(&state.components(), b"component").await;
    let mode = fs::metadata(state.components().path(&digest)).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    drop(state);
    let state = StateDir::open(home.path().join("state")).unwrap();
    assert_eq!(state.components().list().await.unwrap(), [digest]);
    assert_eq!(state.components().read(&digest).await.unwrap(), &b"component"[..]);
}

#[tokio::test]
async fn files_of_others_are_no_components() {
    let (_home, state) = state();
    let store = state.components();
    let names = ["README", "a.wasm", ".incoming-xyz", &format!("{}.cwasm", Digest::of(b"").hex())];
    for name in names {
        fs::write(store.directory.join(name), "").unwrap();
    }
    assert_eq!(store.list().await.unwrap(), []);
}

#[test]
fn what_is_not_finished_leaves_nothing_behind() {
    let (_home, state) = state();
    let store = state.components();
    // The end of a runtime waits for what it was given to do.
    runtime().block_on(async {
        let mut writer = store.begin().await.unwrap();
        writer.write(Bytes::from_static(b"half")).await.unwrap();
        assert_eq!(files(&store), 1);
    });
    assert_eq!(files(&store), 0);

    let outside = runtime().block_on(store.begin()).ok();
    assert_eq!(files(&store), 1);
    drop(outside);
    assert_eq!(files(&store), 0);
}

#[test]
fn a_cancelled_write_spoils_the_component() {
    let (_home, state) = state();
    let store = state.components();
    let one_thread = Builder::new_current_thread().max_blocking_threads(1).build().unwrap();
    one_thread.block_on(async {
        let mut writer = store.begin().await.unwrap();
        // The thread that writes is kept busy, so that the write cannot be over when it is cancelled.
        let (release, busy) = std::sync::mpsc::channel::<()>();
        let keep_busy = tokio::task::spawn_blocking(move || busy.recv());
        let polled_once = std::future::poll_fn(|context| {
            let pending = writer.write(Bytes::from_static(b"half")).as_mut().poll(context).is_pending();
            std::task::Poll::Ready(pending)
        });
        assert!(polled_once.await);
        release.send(()).unwrap();
        keep_busy.await.unwrap().unwrap();
        let error = writer.write(Bytes::from_static(b"more")).await.unwrap_err().to_string();
        assert!(error.contains("begin again"), "{error}");
        assert!(writer.finish().await.is_err());
    });
    assert_eq!(files(&store), 0);
}

#[tokio::test]
async fn errors_name_the_path() {
    let (_home, state) = state();
    let store = state.components();
    let digest = Digest::of(b"component");
    fs::create_dir(store.path(&digest)).unwrap();
    let path = store.path(&digest).display().to_string();
    for error in [store.read(&digest).await.unwrap_err(), store.remove(&digest).await.unwrap_err()] {
        assert!(matches!(&error, StorageError::Medium { what, .. } if what.contains(&path)), "{error}");
    }
    let gone = DirComponentStore::new(PathBuf::from("/nowhere/components"), Disk::new(Arc::new(NoHazard)));
    assert!(gone.begin().await.err().unwrap().to_string().starts_with("cannot write to /nowhere/components: "));
    assert!(gone.list().await.unwrap_err().to_string().starts_with("cannot list /nowhere/components: "));
}

proptest! {
    // Each case waits for the disk.
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn pieces_of_any_size_make_the_whole(pieces: Vec<Vec<u8>>) {
        let (_home, state) = state();
        let store = state.components();
        let whole = pieces.concat();
        runtime().block_on(async {
            let mut writer = store.begin().await.unwrap();
            for piece in pieces {
                writer.write(piece.into()).await.unwrap();
            }
            let stored = writer.finish().await.unwrap();
            assert_eq!((stored.digest, stored.size), (Digest::of(&whole), whole.len() as u64));
            assert_eq!(store.read(&stored.digest).await.unwrap(), whole);
        });
    }
}
