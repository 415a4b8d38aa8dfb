//! Functions: called with packed arguments, and calling others.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use patchbay_model::{CallId, Fault, FaultKind, Hold, InstancePolicy, Limits, Principal, Settings, TypedCall};

use crate::harness::{PATIENCE, Rig, Service, now};

impl Service {
    /// Calls a function of `test:typed/calc`.
    async fn invoke(&self, function: &str, arguments: &[u8], within: Duration) -> Result<Bytes, Fault> {
        let call = TypedCall {
            id: CallId::new(1),
            deadline: now() + within,
            hops: 0,
            caller: Principal::Outside,
            attempt: 1,
            function: Arc::new(format!("test:typed/calc@0.1.0.{function}").parse().unwrap()),
            arguments: Bytes::copy_from_slice(arguments),
            hold: Hold::default(),
        };
        tokio::time::timeout(PATIENCE, self.prepared.invoke(call)).await.unwrap()
    }

    async fn kind(&self, function: &str, arguments: &[u8], within: Duration) -> FaultKind {
        self.invoke(function, arguments, within).await.unwrap_err().kind()
    }

    /// How many calls its instance has seen.
    async fn counted(&self) -> u32 {
        let bytes = self.invoke("count", &[], PATIENCE).await.unwrap();
        u32::from_le_bytes(bytes[..].try_into().unwrap())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn functions_answer_in_packed_values() {
    let rig = Rig::new();
    for policy in [InstancePolicy::Fresh, InstancePolicy::Reuse] {
        let service = rig.probe("callee.wasm", policy).await;
        let sum = service.invoke("add", &[2, 0, 0, 0, 3, 0, 0, 0], PATIENCE).await.unwrap();
        assert_eq!(sum, &[5, 0, 0, 0][..]);
        // An order of 20 times tea, without tags and note: a refusal in its second case.
        let order = [&[3, 0, 0, 0][..], b"tea", &[20, 0, 0, 0], &[0, 0, 0, 0], &[0]].concat();
        let refused = service.invoke("reserve", &order, PATIENCE).await.unwrap();
        assert_eq!(refused, &[1, 1, 10, 0, 0, 0][..]);
        let counts = (service.counted().await, service.counted().await);
        assert_eq!(counts, if policy == InstancePolicy::Fresh { (1, 1) } else { (3, 4) });
        service.prepared.cool();
        assert_eq!(service.instances().live, 0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_goes_wrong_is_a_fault_of_its_call_and_costs_its_instance() {
    let rig = Rig::new();
    let limits = Limits { cpu_time: Duration::from_millis(200), ..Limits::default() };
    let settings = Settings { limits, ..Settings::default() };
    let service = rig.prepare("callee.wasm", InstancePolicy::Reuse, settings).await;
    assert_eq!(service.counted().await, 1);
    for (function, arguments, within, kind) in [
        ("subtract", &[][..], PATIENCE, FaultKind::Invalid),
        ("add", &[1, 0, 0, 0], PATIENCE, FaultKind::Trapped),
        ("add", &[1, 0, 0, 0, 2, 0, 0, 0, 3], PATIENCE, FaultKind::Trapped),
        ("echo", &[255, 255, 255, 255, 1], PATIENCE, FaultKind::Trapped),
        ("break-off", &[], PATIENCE, FaultKind::Trapped),
        ("spin", &[], Duration::from_millis(50), FaultKind::Deadline),
        ("spin", &[], PATIENCE, FaultKind::Exhausted),
    ] {
        assert_eq!(service.kind(function, arguments, within).await, kind, "{function} {arguments:?}");
        assert_eq!(
            service.counted().await,
            if function == "subtract" { 2 } else { 1 },
            "after {function} {arguments:?}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_function_prints_belongs_to_its_call() {
    let rig = Rig::new();
    let service = rig.probe("callee.wasm", InstancePolicy::Reuse).await;
    let line = [&[5, 0, 0, 0][..], b"hello"].concat();
    assert!(service.invoke("say", &line, PATIENCE).await.unwrap().is_empty());
    let records = rig.log.records();
    assert_eq!(records.len(), 1);
    assert_eq!((records[0].line.as_str(), records[0].call.as_deref()), ("hello", Some("0000000000000001")));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_without_a_handler_takes_no_requests_and_one_that_calls_nobody_is_told() {
    let rig = Rig::new();
    let service = rig.probe("callee.wasm", InstancePolicy::Reuse).await;
    assert_eq!(service.get("/").await.unwrap_err().kind(), FaultKind::Invalid);
    let caller = rig.probe("caller.wasm", InstancePolicy::Reuse).await;
    assert_eq!(caller.get("/up").await.unwrap(), (200, "up".to_owned()));
    let fault = caller.get("/add?1,2").await.unwrap_err();
    assert_eq!(fault.kind(), FaultKind::Unavailable);
    assert!(fault.details().unwrap().contains("nobody serves test:typed/calc@0.1.0.add"), "{fault}");
}

#[tokio::test(flavor = "multi_thread")]
async fn functions_that_cannot_be_called_are_refused() {
    let rig = Rig::new();
    let params = |count: usize| (0..count).map(|index| format!("(param \"p{index}\" u32)")).collect::<String>();
    let exporting = |params: &str, flat: usize| {
        let core = if flat > 16 { "i32".to_owned() } else { vec!["i32"; flat].join(" ") };
        let text = format!(
            r#"(component
            (core module $m
                (memory (export "memory") 1)
                (func (export "realloc") (param i32 i32 i32 i32) (result i32) (i32.const 1024))
                (func (export "f") (param {core})))
            (core instance $m (instantiate $m))
            (func $f {params} (canon lift (core func $m "f")
                (memory $m "memory") (realloc (func $m "realloc"))))
            (instance $own (export "many" (func $f)))
            (export "shop:inventory/stock@0.1.0" (instance $own)))"#
        );
        Bytes::from(wat::parse_str(text).unwrap())
    };
    let prepare = async |bytes| rig.try_prepare(bytes, InstancePolicy::Fresh, Settings::default()).await.map(drop);
    prepare(exporting(&params(16), 16)).await.unwrap();
    let error = prepare(exporting(&params(17), 17)).await.unwrap_err().to_string();
    assert!(error.contains("`many`") && error.contains("more than 16 flat parameters"), "{error}");
}
