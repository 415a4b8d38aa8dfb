//! Code goes when nobody uses it, and comes back when somebody does.

use std::fs;
use std::path::Path;
use std::time::Duration;

use patchbay_engine::EngineConfig;
use patchbay_model::ports::Executor;
use patchbay_model::{FaultKind, InstancePolicy, Settings};

use crate::harness::{PATIENCE, Rig, Service, every_way, guest, now, until};

fn rig(cache: &Path) -> Rig {
    let config = EngineConfig { instances: 20, code_idle: Duration::from_secs(1), ..EngineConfig::default() };
    Rig::with(&config, Some(cache.to_owned()))
}

impl Rig {
    /// One whose instances go at once when nobody calls them.
    async fn hasty(&self, name: &str, instances: InstancePolicy) -> Service {
        let settings = Settings { instance_idle: Duration::from_millis(20), ..Settings::default() };
        self.prepare(name, instances, settings).await
    }

    async fn is_let_go(&self) {
        until(|| self.engine.usage().components == 0).await;
    }
}

fn entries(cache: &Path) -> Vec<std::path::PathBuf> {
    fs::read_dir(cache).unwrap().map(|file| file.unwrap().path()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn services_that_nobody_calls_have_no_code_until_somebody_does() {
    let folder = tempfile::tempdir().unwrap();
    let rig = rig(folder.path());
    for (name, policy) in every_way() {
        let service = rig.hasty(name, policy).await;
        assert_eq!(service.get("/count").await.unwrap().0, 200, "{name} {policy:?}");
        rig.is_let_go().await;
        assert_eq!(service.instances().live, 0);
        // Two calls at a time load it once.
        let (one, two) = tokio::join!(service.get("/count"), service.get("/count"));
        assert_eq!((one.unwrap().0, two.unwrap().0), (200, 200));
        assert_eq!(rig.engine.usage().components, 1, "{name} {policy:?}");
        service.prepared.warm().await.unwrap();
        drop(service);
        rig.is_let_go().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn functions_and_messages_bring_code_back_too() {
    let folder = tempfile::tempdir().unwrap();
    let rig = rig(folder.path());
    for (name, policy) in [("callee.wasm", InstancePolicy::Reuse), ("callee3.wasm", InstancePolicy::Concurrent)] {
        let service = rig.hasty(name, policy).await;
        rig.is_let_go().await;
        let sum = service.invoke("add", &[2, 0, 0, 0, 3, 0, 0, 0], PATIENCE).await.unwrap();
        assert_eq!(sum, &[5, 0, 0, 0][..], "{name}");
        assert_eq!(service.kind("none-such", &[], PATIENCE).await, FaultKind::Invalid);
    }
}

/// Waits for as long as code is kept that nobody uses.
async fn unused_code_goes() {
    let folder = tempfile::tempdir().unwrap();
    let rig = rig(folder.path());
    let _unused = rig.hasty("bench2.wasm", InstancePolicy::Reuse).await;
    assert_eq!(rig.engine.usage().components, 1);
    rig.is_let_go().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn code_that_is_used_stays() {
    let folder = tempfile::tempdir().unwrap();
    let rig = rig(folder.path());
    let services = [("probe.wasm", InstancePolicy::Reuse), ("probe3.wasm", InstancePolicy::Concurrent)];
    for (name, policy) in services {
        // An instance that waits for calls keeps it.
        let service = rig.probe(name, policy).await;
        service.prepared.warm().await.unwrap();
        unused_code_goes().await;
        assert_eq!(service.instances().live, 1, "{name}");
        // Its time begins when there is none any more: the code did not only wait for the last instance.
        service.prepared.cool();
        until(|| service.instances().live == 0).await;
        assert_eq!(rig.engine.usage().components, 1, "{name}");
        drop(service);
        rig.is_let_go().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn code_that_the_cache_has_lost_is_compiled_again_or_its_calls_fail_until_it_can_be() {
    let folder = tempfile::tempdir().unwrap();
    let rig = rig(folder.path());
    let service = rig.hasty("bench2.wasm", InstancePolicy::Reuse).await;
    rig.is_let_go().await;
    // Damaged.
    for file in entries(folder.path()) {
        let mut bytes = fs::read(&file).unwrap();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        fs::write(&file, bytes).unwrap();
    }
    assert_eq!(service.get("/").await.unwrap().0, 200);
    rig.is_let_go().await;
    // Gone, and the component, too.
    entries(folder.path()).iter().for_each(|file| fs::remove_file(file).unwrap());
    rig.components.clear();
    let (n_reads, begun) = (rig.components.n_reads(), now());
    for _ in 0..20 {
        let fault = service.get("/").await.unwrap_err();
        assert_eq!(fault.kind(), FaultKind::Unavailable);
        assert!(fault.is_unprocessed());
        assert!(fault.details().unwrap().contains("its component cannot be read"), "{fault}");
    }
    // Not each of them tries.
    let n_seconds = usize::try_from(begun.elapsed().as_secs()).unwrap();
    assert!((1..=1 + n_seconds).contains(&(rig.components.n_reads() - n_reads)), "{}", rig.components.n_reads());
    rig.components.put(&guest("bench2.wasm"));
    // But a later one does.
    let begun = now();
    let (status, _) = loop {
        match service.get("/").await {
            Ok(reply) => break reply,
            Err(fault) => assert!(begun.elapsed() < PATIENCE, "{fault}"),
        }
        tokio::task::yield_now().await;
    };
    assert_eq!(status, 200);
    assert!(!entries(folder.path()).is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn code_that_is_not_in_the_cache_is_not_let_go() {
    let folder = tempfile::tempdir().unwrap();
    let rig = rig(folder.path());
    let service = rig.hasty("bench2.wasm", InstancePolicy::Reuse).await;
    entries(folder.path()).iter().for_each(|file| fs::remove_file(file).unwrap());
    unused_code_goes().await;
    assert_eq!(rig.engine.usage().components, 1);
    assert_eq!(service.get("/").await.unwrap().0, 200);
}
