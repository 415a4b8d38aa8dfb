//! Components that cannot run here.

use bytes::Bytes;
use patchbay_engine::{Engine, EngineConfig, EngineError, Ports, Premises};
use patchbay_model::ports::{Executor, PrepareError, Usage};
use patchbay_model::{InstancePolicy, Settings};

use crate::harness::bus::Bus;
use crate::harness::{Log, Outside, Rig, WallClock, guest, now};

#[tokio::test(flavor = "multi_thread")]
async fn refusals_name_the_reason_and_the_cure() {
    let rig = Rig::new();
    let fresh = InstancePolicy::Fresh;
    let mut cut = guest("probe.wasm").to_vec();
    cut.truncate(cut.len() / 2);
    for (bytes, policy, expected) in [
        (guest("command.wasm"), fresh, "it exports `wasi:cli/run@0.2."),
        (guest("probe.wasm"), InstancePolicy::Concurrent, "declare \"fresh\""),
        (Bytes::from_static(b"\0asm\x01\0\0\0"), fresh, "wasm-tools component new"),
        (Bytes::from_static(b"hello"), fresh, "these bytes are no WebAssembly"),
        (cut.into(), fresh, "the component is not valid"),
    ] {
        let begun = now();
        let refused = rig.try_prepare(bytes, policy, Settings::default()).await;
        let error = refused.err().unwrap().to_string();
        assert!(error.contains(expected), "{expected} is not in: {error}");
        assert!(begun.elapsed().as_secs() < 5, "{expected}: {:?}", begun.elapsed());
    }
    assert_eq!(rig.engine.usage(), Usage::default());
}

/// Bytes that only the compiler finds to be wrong.
#[tokio::test(flavor = "multi_thread")]
async fn a_component_that_breaks_the_rules_inside_is_refused() {
    let rig = Rig::with(&EngineConfig { instances: 2, ..EngineConfig::default() }, None);
    let mut bytes = guest("bench2.wasm").to_vec();
    let middle = bytes.len() / 2;
    bytes[middle..middle + 64].fill(0xff);
    let error = rig.try_prepare(bytes.into(), InstancePolicy::Fresh, Settings::default()).await.err().unwrap();
    assert!(matches!(error, PrepareError::Malformed(_)), "{error}");
}

#[test]
fn a_configuration_that_cannot_run_is_an_error() {
    let config = EngineConfig { instances: 0, ..EngineConfig::default() };
    let sink = std::sync::Arc::new(Log::default());
    let outside = std::sync::Arc::new(Outside::default());
    let clock = std::sync::Arc::new(WallClock);
    let bus = std::sync::Arc::new(Bus::default());
    let spans = std::sync::Arc::new(patchbay_model::ports::NoSpans);
    let ports = Ports {
        sink,
        outbound: outside.clone(),
        links: outside.clone(),
        messaging: bus,
        tokens: outside,
        spans,
        clock,
        components: None,
    };
    let Err(error) = Engine::new(&config, Premises::default(), ports) else { panic!("it runs") };
    assert!(matches!(&error, EngineError::Config(problem) if problem.contains("`instances`")), "{error}");
}
