//! Where machine code comes from, and that it goes.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::{fs, sync::Arc};

use patchbay_engine::{Allocation, CacheReport, EngineConfig};
use patchbay_model::ports::{CodeSource, Executor, Usage};
use patchbay_model::{InstancePolicy, Settings};

use crate::harness::{Rig, guest, until};

const CONFIG: fn() -> EngineConfig = || EngineConfig { instances: 10, ..EngineConfig::default() };

fn mappings(folder: &Path) -> usize {
    let folder = folder.to_str().unwrap();
    fs::read_to_string("/proc/self/maps").unwrap().lines().filter(|line| line.contains(folder)).count()
}

fn entries(folder: &Path, extension: &str) -> Vec<std::path::PathBuf> {
    let files = fs::read_dir(folder).unwrap().map(|file| file.unwrap().path());
    files.filter(|path| path.extension().is_some_and(|found| found == extension)).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn code_is_compiled_once_shared_and_freed() {
    let folder = tempfile::tempdir().unwrap();
    let cache = folder.path().join("cache");
    for (name, policy) in [("bench2.wasm", InstancePolicy::Reuse), ("bench3.wasm", InstancePolicy::Concurrent)] {
        let rig = Rig::with(&CONFIG(), Some(cache.clone()));
        assert_eq!(rig.engine.report().cache, CacheReport::Used(cache.clone()));
        let first = rig.probe(name, policy).await;
        assert_eq!(first.source, CodeSource::Compiled);
        let second = rig.probe(name, InstancePolicy::Fresh).await;
        assert_eq!(second.source, CodeSource::Shared);
        for service in [&first, &second] {
            assert_eq!(service.get("/").await.unwrap().0, 200);
        }
        let usage = rig.engine.usage();
        assert_eq!(usage.components, 1);
        assert!(usage.code_bytes > 10_000, "{usage:?}");
        assert!(mappings(&cache) > 0);
        drop((first, second));
        until(|| rig.engine.usage() == Usage::default() && mappings(&cache) == 0).await;
        // What went is in the cache, for this engine and for the next.
        assert_eq!(rig.probe(name, policy).await.source, CodeSource::Cache);
        let next = Rig::with(&CONFIG(), Some(cache.clone()));
        assert_eq!(next.probe(name, policy).await.source, CodeSource::Cache);
    }
    assert_eq!(entries(&cache, "cwasm").len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_entry_is_compiled_again() {
    let folder = tempfile::tempdir().unwrap();
    let rig = Rig::with(&CONFIG(), Some(folder.path().to_owned()));
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o700)).unwrap();
    drop(rig.probe("bench2.wasm", InstancePolicy::Fresh).await);
    until(|| rig.engine.usage().components == 0).await;
    for extension in ["cwasm", "sha256"] {
        let file = entries(folder.path(), extension).pop().unwrap();
        let mut bytes = fs::read(&file).unwrap();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        fs::write(&file, bytes).unwrap();
        let service = rig.probe("bench2.wasm", InstancePolicy::Fresh).await;
        assert_eq!(service.source, CodeSource::CacheDamaged, "{extension}");
        assert_eq!(service.get("/").await.unwrap().0, 200);
        drop(service);
        until(|| rig.engine.usage().components == 0).await;
        assert_eq!(rig.probe("bench2.wasm", InstancePolicy::Fresh).await.source, CodeSource::Cache);
        until(|| rig.engine.usage().components == 0).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_that_others_can_write_to_is_not_used() {
    let folder = tempfile::tempdir().unwrap();
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o777)).unwrap();
    let rig = Rig::with(&CONFIG(), Some(folder.path().to_owned()));
    let report = &rig.engine.report().cache;
    assert!(matches!(report, CacheReport::Refused(problem) if problem.contains("chmod 700")), "{report:?}");
    let service = rig.probe("bench2.wasm", InstancePolicy::Fresh).await;
    assert_eq!(service.source, CodeSource::Compiled);
    assert_eq!(service.get("/").await.unwrap().0, 200);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn revisions_that_are_prepared_at_once_are_compiled_once() {
    let rig = Arc::new(Rig::with(&CONFIG(), None));
    assert_eq!(rig.engine.report().cache, CacheReport::Off);
    let preparing: Vec<_> = (0..4)
        .map(|_| {
            let rig = rig.clone();
            tokio::spawn(async move {
                rig.try_prepare(guest("bench2.wasm"), InstancePolicy::Fresh, Settings::default()).await.unwrap()
            })
        })
        .collect();
    let mut sources = Vec::new();
    let mut kept = Vec::new();
    for preparation in preparing {
        let preparation = preparation.await.unwrap();
        sources.push(preparation.source);
        kept.push(preparation);
    }
    assert_eq!(sources.iter().filter(|source| **source == CodeSource::Compiled).count(), 1, "{sources:?}");
    assert_eq!(rig.engine.usage().components, 1);
}

/// More slots than there is address space for: the engine says so and works all the same.
#[tokio::test(flavor = "multi_thread")]
async fn without_slots_instances_are_made_on_demand() {
    let rig = Rig::with(&EngineConfig { instances: 10_000, ..EngineConfig::default() }, None);
    match &rig.engine.report().allocation {
        Allocation::Pooling { instances, .. } => assert_eq!(*instances, 10_000),
        Allocation::OnDemand { reason } => assert!(!reason.is_empty()),
    }
    for (name, policy) in [("bench2.wasm", InstancePolicy::Fresh), ("bench3.wasm", InstancePolicy::Concurrent)] {
        assert_eq!(rig.probe(name, policy).await.get("/").await.unwrap().0, 200);
    }
}
