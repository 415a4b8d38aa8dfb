//! What every adapter of a storage port has to do.
//!
//! An adapter's test opens its medium, empty, and hands over how to open it once more: what one handle wrote, another
//! one has to read. Each function panics with what is not as it should be.

#![allow(clippy::expect_used, reason = "a check that fails ends the test it runs in")]

use std::time::{Duration, SystemTime};

use bytes::Bytes;
use patchbay_model::ports::{ComponentStore, RegistryStore, StorageError, StoredComponent};
use patchbay_model::{Digest, Origin, RegistryRecord, RevisionNumber, RevisionRecord, ServiceRecord, Settings};

/// Checks the promises of [`ComponentStore`] on an empty medium that `open` gives a handle to.
///
/// # Panics
/// If one is not kept.
pub async fn component_store<S: ComponentStore>(open: impl Fn() -> S) {
    let store = open();
    assert_eq!(store.list().await.expect("an empty store can be listed"), []);
    absent(&store, Digest::of(b"never stored")).await;

    let content = Bytes::from_static(b"one piece, another piece");
    let digest = Digest::of(&content);
    let stored = put(&store, &[content.slice(..10), Bytes::new(), content.slice(10..)]).await;
    assert_eq!(stored, StoredComponent { digest, size: 24 }, "pieces are stored as one");
    assert_eq!(open().read(&digest).await.expect("another handle reads what was stored"), content);

    assert_eq!(put(&store, &[content]).await, stored, "storing the same again is no error");
    assert_eq!(store.list().await.expect("the store can be listed"), [digest], "and keeps one of them");

    unfinished(&store).await;
    side_by_side(&store).await;

    store.remove(&digest).await.expect("a component can be removed");
    store.remove(&digest).await.expect("removing what is not there is no error");
    absent(&open(), digest).await;
}

/// A component that is not finished cannot be seen, neither on its way nor after.
async fn unfinished<S: ComponentStore>(store: &S) {
    let before = store.list().await.expect("the store can be listed");
    let mut writer = store.begin().await.expect("a component can be begun");
    writer.write(Bytes::from_static(b"unfinished")).await.expect("a piece can be written");
    assert_eq!(store.list().await.expect("the store can be listed"), before);
    absent(store, Digest::of(b"unfinished")).await;
    drop(writer);
    assert_eq!(store.list().await.expect("the store can be listed"), before);
    absent(store, Digest::of(b"unfinished")).await;
}

/// Components that are written at the same time do not mix; one of no bytes is one too.
async fn side_by_side<S: ComponentStore>(store: &S) {
    let mut first = store.begin().await.expect("a component can be begun");
    let mut second = store.begin().await.expect("a second one can be begun meanwhile");
    for piece in [b"a", b"b"] {
        first.write(Bytes::from_static(piece)).await.expect("a piece can be written");
        second.write(Bytes::from_static(piece)).await.expect("a piece can be written");
    }
    second.write(Bytes::from_static(b"c")).await.expect("a piece can be written");
    let first = first.finish().await.expect("the first can be finished");
    let second = second.finish().await.expect("the second can be finished");
    let empty = put(store, &[]).await;
    for (stored, content) in [(first, &b"ab"[..]), (second, b"abc"), (empty, b"")] {
        assert_eq!(stored, StoredComponent { digest: Digest::of(content), size: content.len() as u64 });
        assert_eq!(store.read(&stored.digest).await.expect("it can be read"), content);
        store.remove(&stored.digest).await.expect("it can be removed");
    }
}

async fn put<S: ComponentStore>(store: &S, pieces: &[Bytes]) -> StoredComponent {
    let mut writer = store.begin().await.expect("a component can be begun");
    for piece in pieces {
        writer.write(piece.clone()).await.expect("a piece can be written");
    }
    writer.finish().await.expect("a component can be finished")
}

async fn absent<S: ComponentStore>(store: &S, digest: Digest) {
    let read = store.read(&digest).await;
    assert!(matches!(&read, Err(StorageError::Missing(what)) if what.contains(&digest.to_string())), "{read:?}");
}

/// Checks the promises of [`RegistryStore`] on an empty medium that `open` gives a handle to.
///
/// # Panics
/// If one is not kept.
pub async fn registry_store<S: RegistryStore>(open: impl Fn() -> S) {
    let store = open();
    assert_eq!(store.load().await.expect("an empty medium has an empty registry"), RegistryRecord::default());
    let states = [registry(&["orders"]), registry(&["orders", "payments"]), registry(&[]), registry(&["shipping"])];
    for state in states {
        store.save(&state).await.expect("a registry can be saved");
        assert_eq!(store.load().await.expect("it can be loaded"), state);
        assert_eq!(open().load().await.expect("another handle loads it"), state);
    }
}

/// A registry with one revision of each of the services.
pub(crate) fn registry(names: &[&str]) -> RegistryRecord {
    let number = |number| RevisionNumber::new(number).expect("revisions count from one");
    let record = |name: &str| ServiceRecord {
        next: number(2),
        active: number(1),
        revisions: vec![RevisionRecord {
            number: number(1),
            component: Digest::of(name.as_bytes()),
            size: 1,
            settings: Settings { config: [("key".to_owned(), "välue \"\n".to_owned())].into(), ..Settings::default() },
            origin: Origin::Api,
            created: SystemTime::UNIX_EPOCH + Duration::from_millis(1_767_225_600_123),
        }],
        routes: vec!["GET /api/orders/*".parse().expect("this is a route")],
        anonymous: true,
        declaration: None,
        canary: None,
    };
    RegistryRecord {
        services: names.iter().map(|name| (name.parse().expect("this is a name"), record(name))).collect(),
    }
}
