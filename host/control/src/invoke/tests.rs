//! Calls that are named at run time, under a paused clock, with an executor that turns its arguments round.

use std::sync::Arc;
use std::time::Duration;

use patchbay_model::ports::{Discovery as _, Links as _};
use patchbay_model::{CallId, Health, InterfaceName};

use super::*;
use crate::ServiceLinks;
use crate::fakes::Bench;

fn invocation(service: &str, function: &str, arguments: &str) -> Invocation {
    Invocation {
        service: service.to_owned(),
        function: function.to_owned(),
        arguments: arguments.to_owned(),
        deadline: None,
        idempotency_key: None,
    }
}

/// A component that exports `shop:inventory/stock@0.1.0` with `turned: func(number: u32) -> u32`.
fn inventory() -> bytes::Bytes {
    let text = r#"(component
        (core module $m (func (export "f") (param i32) (result i32) local.get 0))
        (core instance $i (instantiate $m))
        (func $f (param "number" u32) (result u32) (canon lift (core func $i "f")))
        (instance $stock (export "turned" (func $f)))
        (export "shop:inventory/stock@0.1.0" (instance $stock)))"#;
    wat::parse_str(text).unwrap().into()
}

#[tokio::test(start_paused = true)]
async fn functions_are_called_by_name_and_faults_are_told() {
    let (bench, links) = (Bench::new(), Arc::<ServiceLinks>::default());
    let _attached = links.attach(&bench.control);
    let orders: ServiceName = "orders".parse().unwrap();
    let course = Course {
        call: Some(CallId::new(7)),
        deadline: (Instant::now() + Duration::from_secs(5)).into_std(),
        hops: 0,
        cause: None,
        trace: None,
        user: None,
    };
    let before = links.version();
    let call = async |invocation| links.invoke(&orders, course.clone(), invocation).await.map_err(|fault| fault.kind());
    assert_eq!(call(invocation("inventory", "turned", "[1]")).await, Err(FaultKind::NotFound));

    let mut request = bench.request("inventory", "a", &[]);
    request.component = bench.components.put(inventory());
    request.settings.callers = Some(vec!["orders shop:inventory/stock".parse().unwrap()]);
    bench.control.deploy(request).finished().await.unwrap();
    assert!(links.version() > before);
    for (function, arguments, wanted) in [
        ("turned", "[1]", Ok("16777216")),
        ("shop:inventory/stock.turned", "{\"number\": 256}", Ok("65536")),
        ("shop:inventory/stock@0.1.0.turned", "[0]", Ok("0")),
        ("shop:inventory/stock@0.2.0.turned", "[0]", Err(FaultKind::NotFound)),
        ("reserve", "[0]", Err(FaultKind::NotFound)),
        ("turned", "[-1]", Err(FaultKind::Invalid)),
        ("turned", "1", Err(FaultKind::Invalid)),
        ("turned", "[", Err(FaultKind::Invalid)),
    ] {
        let result = call(invocation("inventory", function, arguments)).await;
        assert_eq!(result, wanted.map(str::to_owned), "{function} {arguments}");
    }
    let web: ServiceName = "web".parse().unwrap();
    let denied = links.invoke(&web, course, invocation("inventory", "turned", "[1]")).await;
    assert_eq!(denied.unwrap_err().kind(), FaultKind::Denied);
}

#[tokio::test(start_paused = true)]
async fn services_find_each_other() {
    let (bench, links) = (Bench::new(), Arc::<ServiceLinks>::default());
    assert_eq!((links.version(), links.services(), links.resolve("inventory")), (0, Vec::new(), None));
    let attached = links.attach(&bench.control);
    let mut request = bench.request("inventory", "a", &[]);
    request.component = bench.components.put(inventory());
    bench.control.deploy(request).finished().await.unwrap();
    bench.control.deploy(bench.request("web", "a", &[])).finished().await.unwrap();
    let stock: InterfaceName = "shop:inventory/stock@0.1.0".parse().unwrap();
    let found = links.resolve("inventory").unwrap();
    assert_eq!((found.health, found.http, found.interfaces.as_slice()), (Health::Serving, false, &[stock][..]));
    let names: Vec<_> = links.services().into_iter().map(|info| (info.name.to_string(), info.http)).collect();
    assert_eq!(names, [("inventory".to_owned(), false), ("web".to_owned(), true)]);
    assert_eq!(links.resolve("no such name"), None);
    let held = Arc::strong_count(&bench.control);
    drop(attached);
    assert_eq!((links.version(), links.services()), (0, Vec::new()));
    assert!(Arc::strong_count(&bench.control) < held, "services and what leads to them do not keep each other");
}
