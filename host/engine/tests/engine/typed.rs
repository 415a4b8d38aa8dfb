//! Functions: called with packed arguments, and calling others.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use patchbay_model::{CallContext, CallId, Fault, FaultKind, Hold, InstancePolicy, Limits, Settings, TypedCall};

use crate::harness::{PATIENCE, Rig, Service, guest, now, until};

/// The guests that export the functions, as `func` and as `async func`, with the policies that each can have.
fn every_callee() -> impl Iterator<Item = (&'static str, InstancePolicy)> {
    use InstancePolicy::{Concurrent, Fresh, Reuse};
    let callees = [("callee.wasm", &[Fresh, Reuse][..]), ("callee3.wasm", &[Fresh, Reuse, Concurrent])];
    callees.into_iter().flat_map(|(guest, policies)| policies.iter().map(move |policy| (guest, *policy)))
}

impl Service {
    /// Calls a function of `test:typed/calc`.
    pub(crate) async fn invoke(&self, function: &str, arguments: &[u8], within: Duration) -> Result<Bytes, Fault> {
        self.invoke_of("test:typed/calc@0.1.0", function, arguments, within).await
    }

    /// Calls a function of another interface.
    async fn invoke_of(
        &self,
        interface: &str,
        function: &str,
        arguments: &[u8],
        within: Duration,
    ) -> Result<Bytes, Fault> {
        let call = TypedCall {
            context: Box::new(CallContext::new(CallId::new(1), now() + within)),
            function: &Arc::new(format!("{interface}.{function}").parse().unwrap()),
            arguments: Bytes::copy_from_slice(arguments),
            hold: &Hold::default(),
        };
        tokio::time::timeout(PATIENCE, self.prepared.invoke(call)).await.unwrap()
    }

    pub(crate) async fn kind(&self, function: &str, arguments: &[u8], within: Duration) -> FaultKind {
        self.invoke(function, arguments, within).await.unwrap_err().kind()
    }

    /// How many calls its instance has seen. An instance of those that work on several has to be at rest, or it may not be
    /// the one that is asked.
    async fn counted(&self) -> u32 {
        until(|| self.instances().live == self.instances().idle).await;
        let bytes = self.invoke("count", &[], PATIENCE).await.unwrap();
        u32::from_le_bytes(bytes[..].try_into().unwrap())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn functions_answer_in_packed_values() {
    let rig = Rig::new();
    for (guest, policy) in every_callee() {
        let service = rig.probe(guest, policy).await;
        let sum = service.invoke("add", &[2, 0, 0, 0, 3, 0, 0, 0], PATIENCE).await.unwrap();
        assert_eq!(sum, &[5, 0, 0, 0][..]);
        // An order of 20 times tea, without tags and note: a refusal in its second case.
        let order = [&[3, 0, 0, 0][..], b"tea", &[20, 0, 0, 0], &[0, 0, 0, 0], &[0]].concat();
        let refused = service.invoke("reserve", &order, PATIENCE).await.unwrap();
        assert_eq!(refused, &[1, 1, 10, 0, 0, 0][..]);
        let counts = (service.counted().await, service.counted().await);
        assert_eq!(counts, if policy == InstancePolicy::Fresh { (1, 1) } else { (3, 4) });
        service.prepared.cool();
        until(|| service.instances().live == 0).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_goes_wrong_is_a_fault_of_its_call_and_costs_its_instance() {
    let rig = Rig::new();
    for (guest, policy) in every_callee().filter(|(_, policy)| *policy != InstancePolicy::Fresh) {
        let limits = Limits { cpu_time: Duration::from_millis(200), ..Limits::default() };
        let service = rig.prepare(guest, policy, Settings { limits, ..Settings::default() }).await;
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
            // One that is not at rest yet is spared, and another one has the call.
            until(|| service.instances().live == service.instances().idle).await;
            assert_eq!(service.kind(function, arguments, within).await, kind, "{guest} {function} {arguments:?}");
            assert_eq!(
                service.counted().await,
                if function == "subtract" { 2 } else { 1 },
                "{guest} after {function} {arguments:?}"
            );
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_function_prints_belongs_to_its_call() {
    let rig = Rig::new();
    for (number, guest) in ["callee.wasm", "callee3.wasm"].into_iter().enumerate() {
        let service = rig.probe(guest, InstancePolicy::Reuse).await;
        let line = [&[5, 0, 0, 0][..], b"hello"].concat();
        assert!(service.invoke("say", &line, PATIENCE).await.unwrap().is_empty());
        let records = rig.log.records();
        assert_eq!(records.len(), number + 1);
        let last = &records[number];
        assert_eq!((last.line.as_str(), last.call.as_deref()), ("hello", Some("0000000000000001")), "{guest}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_without_a_handler_takes_no_requests_and_one_that_calls_nobody_is_told() {
    let rig = Rig::new();
    for guest in ["callee.wasm", "callee3.wasm"] {
        let service = rig.probe(guest, InstancePolicy::Reuse).await;
        assert_eq!(service.get("/").await.unwrap_err().kind(), FaultKind::Invalid);
    }
    for guest in ["caller.wasm", "relay3.wasm"] {
        let caller = rig.probe(guest, InstancePolicy::Reuse).await;
        assert_eq!(caller.get("/up").await.unwrap(), (200, "up".to_owned()));
        let fault = caller.get("/add?1,2").await.unwrap_err();
        assert_eq!(fault.kind(), FaultKind::Unavailable);
        assert!(fault.details().unwrap().contains("nobody serves test:typed/calc@0.1.0.add"), "{fault}");
    }
}

/// A handler of WASI 0.2 and an `async func`: one call at a time, of either kind.
#[tokio::test(flavor = "multi_thread")]
async fn a_handler_of_wasi_0_2_does_not_keep_functions_from_being_async() {
    let rig = Rig::new();
    for policy in [InstancePolicy::Fresh, InstancePolicy::Reuse] {
        let service = rig.probe("mixed2.wasm", policy).await;
        let wait = async |ms: u64, within| {
            let outcome = service.invoke_of("test:mixed/patience@0.1.0", "wait", &ms.to_le_bytes(), within).await;
            outcome.map(|bytes| bytes[0]).map_err(|fault| fault.kind())
        };
        let counts = |number: u8| if policy == InstancePolicy::Fresh { 1 } else { number };
        assert_eq!(wait(5, PATIENCE).await, Ok(counts(1)), "{policy:?}");
        assert_eq!(service.get("/").await.unwrap(), (200, counts(2).to_string()), "{policy:?}");
        assert_eq!(wait(0, PATIENCE).await, Ok(counts(3)), "{policy:?}");
        assert_eq!(wait(100_000, Duration::from_millis(50)).await, Err(FaultKind::Deadline), "{policy:?}");
        assert_eq!(wait(1, PATIENCE).await, Ok(1), "{policy:?}");
    }
    let concurrent = rig.try_prepare(guest("mixed2.wasm"), InstancePolicy::Concurrent, Settings::default()).await;
    assert!(concurrent.err().unwrap().to_string().contains("handles requests with WASI 0.2"));
}

/// Event loops do not nest, and the host does not let them, whoever calls whom.
#[tokio::test(flavor = "multi_thread")]
async fn instances_that_have_an_event_loop_call_each_other() {
    let (callers, callees) = (Rig::new(), Rig::new());
    for callee in ["mixed2.wasm", "callee3.wasm"] {
        let service = callees.probe(callee, InstancePolicy::Reuse).await;
        // What is called has arguments and a result of the same bytes in both.
        let function =
            if callee == "mixed2.wasm" { "test:mixed/patience@0.1.0.wait" } else { "test:typed/calc@0.1.0.add" };
        callers.outside.is_linked_to(service.prepared.clone(), function);
        for caller in ["caller.wasm", "caller3.wasm", "relay3.wasm"] {
            let caller = callers.probe(caller, InstancePolicy::Reuse).await;
            for _ in 0..10 {
                let (status, answer) = caller.get("/add?1,0").await.unwrap();
                assert!(status == 200 && answer.parse::<u32>().is_ok(), "{callee}: {answer}");
            }
        }
    }
}

/// Caller and callee are one service here, whose calls take turns, one at a time on one thread. None of them waits for the
/// turn of another while it has its own.
#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn calls_that_take_turns_do_not_wait_for_the_turn_of_their_caller() {
    let rig = Rig::new();
    for (callee, policy) in every_callee() {
        let service = rig.probe(callee, policy).await;
        rig.outside.is_linked_to(service.prepared.clone(), "test:typed/calc@0.1.0.add");
        for caller in ["caller.wasm", "caller3.wasm", "relay3.wasm"] {
            let caller = rig.probe(caller, InstancePolicy::Reuse).await;
            let calls = (0..6).map(|_| caller.get("/add?1,2"));
            for answer in futures_util::future::join_all(calls).await {
                assert_eq!(answer.unwrap(), (200, "3".to_owned()), "{callee}");
            }
        }
    }
}

/// A component that exports `calc.f` with these parts of its type, and this core function behind it.
fn exporting(imports: &str, ty: &str, core: &str) -> Bytes {
    let text = format!(
        r#"(component
        {imports}
        (core module $m
            (memory (export "memory") 1)
            (func (export "realloc") (param i32 i32 i32 i32) (result i32) (i32.const 1024))
            (func (export "f") {core}))
        (core instance $m (instantiate $m))
        (func $f {ty} (canon lift (core func $m "f") (memory $m "memory") (realloc (func $m "realloc"))))
        (instance $own (export "f" (func $f)))
        (export "test:typed/calc@0.1.0" (instance $own)))"#
    );
    Bytes::from(wat::parse_str(text).unwrap())
}

/// An `async func` need not be compiled as one, and then its result goes another way.
#[tokio::test(flavor = "multi_thread")]
async fn a_function_may_be_async_by_its_type_alone() {
    let rig = Rig::new();
    for (result, answers, core) in [
        ("u32", &[5, 0, 0, 0][..], "(i32.add (local.get 0) (local.get 1))"),
        (
            "(tuple u32 u8)",
            &[3, 0, 0, 0, 2],
            "(i32.store (i32.const 64) (local.get 1)) (i32.store8 (i32.const 68) (local.get 0)) (i32.const 64)",
        ),
    ] {
        let bytes = exporting(
            "",
            &format!(r#"async (param "a" u32) (param "b" u32) (result {result})"#),
            &format!("(param i32 i32) (result i32) {core}"),
        );
        let prepared = rig.try_prepare(bytes, InstancePolicy::Concurrent, Settings::default()).await.unwrap();
        let service = Service { prepared: prepared.prepared, source: prepared.source };
        assert_eq!(service.invoke("f", &[2, 0, 0, 0, 3, 0, 0, 0], PATIENCE).await.unwrap(), answers, "{result}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn parameters_that_are_many_are_lowered_as_one_address() {
    let rig = Rig::new();
    for asyncness in ["", "async"] {
        let params = (0..40).map(|index| format!("(param \"p{index}\" u32)")).collect::<String>();
        // The last one, which its type puts 156 bytes behind the first.
        let core = "(param i32) (result i32) (i32.load offset=156 (local.get 0))";
        let bytes = exporting("", &format!("{asyncness} {params} (result u32)"), core);
        let prepared = rig.try_prepare(bytes, InstancePolicy::Reuse, Settings::default()).await.unwrap();
        let service = Service { prepared: prepared.prepared, source: prepared.source };
        let arguments = (0..40u32).flat_map(|number| (number + 7).to_le_bytes()).collect::<Vec<_>>();
        assert_eq!(service.invoke("f", &arguments, PATIENCE).await.unwrap(), &[46, 0, 0, 0][..], "{asyncness}");
        let short = service.invoke("f", &arguments[..156], PATIENCE).await.unwrap_err();
        assert_eq!(short.kind(), FaultKind::Trapped);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_component_that_could_not_wait_for_what_it_imports_is_refused() {
    let rig = Rig::new();
    let imports = r#"(import "shop:far/away@0.1.0" (instance (export "wait" (func async))))"#;
    for (asyncness, refused) in [("", true), ("async", false)] {
        let bytes = exporting(imports, asyncness, "");
        let outcome = rig.try_prepare(bytes, InstancePolicy::Fresh, Settings::default()).await.map(drop);
        assert_eq!(outcome.is_err(), refused, "{asyncness}");
        if let Err(error) = outcome {
            let error = error.to_string();
            assert!(error.contains("the `async func` `shop:far/away@0.1.0.wait`"), "{error}");
        }
    }
}
