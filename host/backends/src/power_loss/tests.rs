//! The state directory after every power failure.

use std::collections::BTreeSet;
use std::sync::Arc;

use bytes::Bytes;
use patchbay_model::Digest;
use patchbay_model::ports::{ComponentStore, RegistryStore};
use tokio::runtime::Runtime;

use super::*;
use crate::conformance::registry;
use crate::{AdminToken, StateDir};

fn runtime() -> Runtime {
    tokio::runtime::Builder::new_current_thread().build().unwrap()
}

#[test]
fn the_registry_is_the_old_or_the_new_one() {
    let states = [registry(&[]), registry(&["orders"]), registry(&["orders", "payments"]), registry(&["payments"])];
    let home = tempfile::tempdir().unwrap();
    let recorder = Arc::<Recorder>::default();
    let state = StateDir::open_amid(home.path().join("state"), recorder.clone()).unwrap();
    for saved in &states[1..] {
        runtime().block_on(state.registry().save(saved)).unwrap();
        recorder.mark();
    }
    let mut seen = BTreeSet::new();
    let n_outcomes = recorder.outcomes(home.path(), |found, n_marks| {
        let state =
            StateDir::open(found.join("state")).unwrap_or_else(|error| panic!("after {n_marks} saves: {error}"));
        let loaded = runtime().block_on(state.registry().load());
        let loaded = loaded.unwrap_or_else(|error| panic!("after {n_marks} saves: {error}"));
        let which = states.iter().position(|state| *state == loaded).expect("it was saved once");
        assert!((n_marks..=n_marks + 1).contains(&which), "after {n_marks} saves, number {which} is there");
        seen.insert((n_marks, which));
        let names: Vec<_> = fs::read_dir(state.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert!(!names.iter().any(|name| name.to_string_lossy().starts_with(".incoming-")), "{names:?}");
    });
    assert!(n_outcomes.unwrap() > 100);
    assert!(seen.is_superset(&[(0, 0), (0, 1), (1, 1), (1, 2), (2, 2), (2, 3), (3, 3)].into()), "{seen:?}");
}

#[test]
fn a_stored_component_is_whole() {
    let contents = [&b"one component"[..], b"another component, longer"];
    let home = tempfile::tempdir().unwrap();
    let recorder = Arc::<Recorder>::default();
    let state = StateDir::open_amid(home.path().join("state"), recorder.clone()).unwrap();
    for content in contents {
        runtime().block_on(async {
            let mut writer = state.components().begin().await.unwrap();
            for piece in content.chunks(8) {
                writer.write(Bytes::from_static(piece)).await.unwrap();
            }
            writer.finish().await.unwrap();
        });
        recorder.mark();
    }
    let n_outcomes = recorder.outcomes(home.path(), |found, n_marks| {
        let components = StateDir::open(found.join("state")).unwrap().components();
        let listed = runtime().block_on(components.list()).unwrap();
        for (number, content) in contents.iter().enumerate() {
            assert!(number >= n_marks || listed.contains(&Digest::of(content)), "number {number} is lost");
        }
        for digest in listed {
            runtime().block_on(components.read(&digest)).expect("what has a name is whole");
        }
    });
    assert!(n_outcomes.unwrap() > 100);
}

#[test]
fn a_token_that_was_told_is_the_one_that_opens() {
    let home = tempfile::tempdir().unwrap();
    let recorder = Arc::<Recorder>::default();
    let state = StateDir::open_amid(home.path().join("state"), recorder.clone()).unwrap();
    let token = AdminToken::open(&state).unwrap();
    recorder.mark();
    let n_outcomes = recorder.outcomes(home.path(), |found, n_marks| {
        // The files that are made here are not made with the modes of those that they stand for.
        let path = found.join("state/admin.token");
        match fs::read_to_string(&path) {
            Ok(text) => assert_eq!(text.trim(), token.as_str()),
            Err(error) => assert!(n_marks == 0, "{error}"),
        }
    });
    assert!(n_outcomes.unwrap() > 10);
}

#[test]
fn what_forgets_to_sync_is_found_out() {
    let recorder = Recorder::default();
    let (folder, incoming, path) = (Path::new("/x"), Path::new("/x/incoming"), Path::new("/x/file"));
    for act in [Act::CreateFile(incoming), Act::Write(incoming, b"content"), Act::Rename(incoming, path)] {
        recorder.meet(act).unwrap();
    }
    recorder.meet(Act::SyncFolder(folder)).unwrap();
    recorder.mark();
    let mut found = BTreeSet::new();
    recorder
        .outcomes(folder, |folder, n_marks| {
            if n_marks == 1 {
                found.insert(fs::read(folder.join("file")).unwrap());
            }
        })
        .unwrap();
    assert_eq!(found, [b"".to_vec(), b"con".to_vec(), b"content".to_vec()].into());
}
