//! Deployments of services that call each other, with components that are written down.

use std::sync::Arc;

use bytes::Bytes;
use patchbay_model::policy::{AccessRule, LinkSettings};
use patchbay_model::ports::{LinkCall, LinkMemo, Links as _, Stopwatch};
use patchbay_model::{CallId, Course, Fault, FaultKind, Proof, User};
use tokio::time::Instant;

use super::*;
use crate::fakes::Bench;
use crate::{DeployRequest, Outcome, ServiceLinks};

/// A component that exports `shop:inventory/stock` in this version, with a function of these WIT types.
fn exporting(version: &str, param: &str) -> Bytes {
    let core = if param == "u64" { "i64" } else { "i32" };
    let text = format!(
        r#"(component
            (core module $m (func (export "f") (param {core}) (result i32) (i32.const 1)))
            (core instance $m (instantiate $m))
            (func $f (param "a" {param}) (result u32) (canon lift (core func $m "f")))
            (instance $stock (export "count" (func $f)))
            (export "shop:inventory/stock@{version}" (instance $stock)))"#
    );
    wat::parse_str(text).unwrap().into()
}

/// A component that imports it, and handles HTTP requests.
fn importing(version: &str, function: &str) -> Bytes {
    let text = format!(
        r#"(component
            (import "shop:inventory/stock@{version}" (instance (export "{function}" (func (param "a" u32) (result u32)))))
            (component $handler)
            (instance $instance (instantiate $handler))
            (export "wasi:http/incoming-handler@0.2.0" (instance $instance)))"#
    );
    wat::parse_str(text).unwrap().into()
}

/// One that imports a resource.
fn importing_a_resource() -> Bytes {
    let text = r#"(component
        (import "shop:inventory/stock@0.1.0" (instance
            (export "shelf" (type $shelf (sub resource)))
            (export "open" (func (result (own $shelf))))))
        (component $handler)
        (instance $instance (instantiate $handler))
        (export "wasi:http/incoming-handler@0.2.0" (instance $instance)))"#;
    wat::parse_str(text).unwrap().into()
}

/// One that exports a resource.
fn exporting_a_resource() -> Bytes {
    let text = r#"(component
        (type $own (resource (rep i32)))
        (core module $m (func (export "f") (result i32) (i32.const 1)))
        (core instance $m (instantiate $m))
        (component $inner
            (import "own" (type $shelf (sub resource)))
            (import "f" (func $f (result (own $shelf))))
            (export $exported "shelf" (type $shelf))
            (export "open" (func $f) (func (result (own $exported)))))
        (func $f (result (own $own)) (canon lift (core func $m "f")))
        (instance $shelves (instantiate $inner (with "own" (type $own)) (with "f" (func $f))))
        (export "shop:inventory/shelves@0.1.0" (instance $shelves)))"#;
    wat::parse_str(text).unwrap().into()
}

impl Bench {
    async fn deploy_bytes(&self, service: &str, bytes: Bytes, links: &[(&str, &str)]) -> Result<Outcome, ChangeError> {
        self.deploy_anyway(service, bytes, links, false).await
    }

    async fn deploy_anyway(
        &self,
        service: &str,
        bytes: Bytes,
        links: &[(&str, &str)],
        allow_breaking: bool,
    ) -> Result<Outcome, ChangeError> {
        let mut request = self.request(service, "a", &[]);
        request.component = self.components.put(bytes);
        request.settings.links = links
            .iter()
            .map(|(interface, service)| (interface.parse().unwrap(), LinkSettings::to(service.parse().unwrap())))
            .collect();
        let request = DeployRequest { allow_breaking, ..request };
        self.control.deploy(request).finished().await
    }

    /// The service that `orders` is linked to.
    fn linked(&self) -> Option<String> {
        let view = self.control.service(&"orders".parse().unwrap())?;
        view.links.first()?.callee.as_ref().ok().map(ToString::to_string)
    }
}

#[tokio::test(start_paused = true)]
async fn imports_are_linked_to_the_one_service_that_exports_them() {
    let bench = Bench::new();
    let error = bench.deploy_bytes("orders", importing("0.1.0", "count"), &[]).await.unwrap_err();
    assert_eq!(error.kind, ChangeErrorKind::Unlinked);
    assert!(error.message.contains("no service exports it"), "{error}");

    bench.deploy_bytes("later", exporting("0.2.0", "u32"), &[]).await.unwrap();
    let error = bench.deploy_bytes("orders", importing("0.1.0", "count"), &[]).await.unwrap_err();
    assert!(error.message.contains("`later` exports `shop:inventory/stock@0.2.0`"), "{error}");

    bench.deploy_bytes("inventory", exporting("0.1.3", "u32"), &[]).await.unwrap();
    bench.deploy_bytes("orders", importing("0.1.0", "count"), &[]).await.unwrap();
    assert_eq!(bench.linked().as_deref(), Some("inventory"));

    // A second one would make it unclear whom it calls.
    let error = bench.deploy_bytes("depot", exporting("0.1.0", "u32"), &[]).await.unwrap_err();
    assert!(error.message.contains("`orders` imports") && error.message.contains("`inventory` serves it"), "{error}");
    bench.deploy_bytes("orders", importing("0.1.0", "count"), &[("shop:inventory/stock", "inventory")]).await.unwrap();
    bench.deploy_bytes("depot", exporting("0.1.0", "u32"), &[]).await.unwrap();
    assert_eq!(bench.linked().as_deref(), Some("inventory"));
    let error = bench.deploy_bytes("orders", importing("0.1.1", "count"), &[]).await.unwrap_err();
    assert!(error.message.contains("`depot` and `inventory` export it"), "{error}");
    let named = [("shop:inventory/stock", "depot")];
    bench.deploy_bytes("orders", importing("0.1.1", "count"), &named).await.unwrap();
    assert_eq!(bench.linked().as_deref(), Some("depot"));
    let error = bench.deploy_bytes("orders", importing("0.1.2", "count"), &[("shop:inventory/stock", "later")]).await;
    assert!(error.unwrap_err().message.contains("no service of this name exports it"));
}

#[tokio::test(start_paused = true)]
async fn what_does_not_fit_is_refused_with_what_differs() {
    let bench = Bench::new();
    bench.deploy_bytes("inventory", exporting("0.1.0", "u64"), &[]).await.unwrap();
    for (component, says) in [
        (importing("0.1.0", "count"), "u32 -> u64"),
        (importing("0.1.0", "reserve"), "reserve"),
        (importing_a_resource(), "`open` cannot be called by another service"),
        (exporting_a_resource(), "`open` cannot be called by another service"),
    ] {
        let error = bench.deploy_bytes("orders", component, &[]).await.unwrap_err();
        assert_eq!(error.kind, ChangeErrorKind::Refused);
        assert!(error.message.contains(says), "{says} in {error}");
    }
}

#[tokio::test(start_paused = true)]
async fn callers_are_not_broken_unless_that_is_wanted() {
    let bench = Bench::new();
    bench.deploy_bytes("inventory", exporting("0.1.0", "u32"), &[]).await.unwrap();
    bench.deploy_bytes("orders", importing("0.1.0", "count"), &[]).await.unwrap();
    for (component, says) in [
        (exporting("0.1.1", "u64"), "u32 -> u64"),
        (exporting("0.2.0", "u32"), "shop:inventory/stock@0.1.0"),
        (crate::fakes::component("none"), "shop:inventory/stock@0.1.0"),
    ] {
        let error = bench.deploy_bytes("inventory", component, &[]).await.unwrap_err();
        assert!(error.message.contains("`orders` imports") && error.message.contains(says), "{says} in {error}");
    }
    bench.deploy_bytes("inventory", exporting("0.1.1", "u32"), &[]).await.unwrap();
    bench.deploy_anyway("inventory", exporting("0.1.1", "u64"), &[], true).await.unwrap();
    // What is broken is no reason to refuse what comes next.
    bench.deploy_bytes("inventory", exporting("0.2.0", "u32"), &[]).await.unwrap();
    assert_eq!(bench.linked(), None);
}

#[tokio::test(start_paused = true)]
async fn a_link_that_leads_nowhere_is_refused_or_has_a_result_in_its_place() {
    let (bench, links) = (Bench::new(), Arc::<crate::ServiceLinks>::default());
    let _attached = links.attach(&bench.control);
    let deploy = async |link: LinkSettings| {
        let mut request = bench.request("orders", "a", &[]);
        request.component = bench.components.put(importing("0.1.0", "count"));
        request.settings.links = [("shop:inventory/stock".parse().unwrap(), link)].into();
        bench.control.deploy(request).finished().await.map_err(|error| error.kind)
    };
    let optional = LinkSettings { required: false, ..LinkSettings::default() };
    assert_eq!(deploy(LinkSettings::default()).await.unwrap_err(), ChangeErrorKind::Unlinked);
    deploy(optional.clone()).await.unwrap();
    let course = Course {
        call: Some(CallId::new(7)),
        deadline: Instant::now().into_std() + std::time::Duration::from_secs(5),
        hops: 0,
        cause: None,
        trace: None,
        user: None,
    };
    let function = std::sync::Arc::new("shop:inventory/stock@0.1.0.count".parse().unwrap());
    let orders: ServiceName = "orders".parse().unwrap();
    let watch = Stopwatch::new(Instant::now().into_std());
    let call = async || {
        let (caller, function, watch, course) = (&orders, &function, &watch, &mut course.clone());
        let mut call = LinkCall { caller, function, arguments: Bytes::new(), course, watch, memo: None };
        links.call(&mut call).await.map_err(|fault| fault.kind())
    };
    assert_eq!(call().await, Err(FaultKind::Unavailable));
    let results = [("shop:inventory/stock.count".parse().unwrap(), serde_json::json!(7))].into();
    let fallback = Some(patchbay_model::policy::Fallback { results, service: None });
    deploy(LinkSettings { fallback, ..optional }).await.unwrap();
    assert_eq!(call().await, Ok(Bytes::from_static(&[7, 0, 0, 0])));
}

#[tokio::test(start_paused = true)]
async fn a_service_comes_up_after_what_it_needs() {
    let bench = Bench::new();
    let declared = |name: &str, bytes: Bytes| crate::DeclaredService {
        name: name.parse().unwrap(),
        component: patchbay_model::ports::StoredComponent { digest: bench.components.put(bytes), size: 1 },
        settings: Settings::default(),
        routes: Vec::new(),
        places: crate::Places::default(),
    };
    // By their names, the one that needs the other comes first.
    let services = vec![
        declared("a", importing("0.1.0", "count")),
        declared("z", exporting("0.1.0", "u32")),
        declared("b", importing("3.0.0", "count")),
    ];
    let mut started = Vec::new();
    bench.control.start(services, |name, what| started.push((name.to_string(), what.clone()))).await.unwrap();
    let names: Vec<_> = started.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["z", "a", "b"]);
    assert!(matches!(&started[2].1, crate::Started::Failed { error, .. } if error.kind == ChangeErrorKind::Unlinked));
}

#[tokio::test(start_paused = true)]
async fn calls_of_services_go_where_they_are_linked_and_allowed() {
    linked_and_allowed(None).await;
}

#[tokio::test(start_paused = true)]
async fn so_do_calls_of_an_instance_that_remembers_where_the_last_one_went() {
    linked_and_allowed(Some(LinkMemo::default())).await;
}

/// `memo`: that of all calls.
async fn linked_and_allowed(mut memo: Option<LinkMemo>) {
    let bench = Bench::new();
    let links = Arc::<ServiceLinks>::default();
    let course = Course {
        call: Some(CallId::new(7)),
        deadline: Instant::now().into_std() + std::time::Duration::from_secs(5),
        hops: 0,
        cause: None,
        trace: None,
        user: None,
    };
    let function = std::sync::Arc::new("shop:inventory/stock@0.1.0.count".parse().unwrap());
    let orders: ServiceName = "orders".parse().unwrap();
    let watch = Stopwatch::new(Instant::now().into_std());
    let ann = Arc::new(User::new(Proof::Token, "corp", "ann"));
    let mut call = async |user: Option<&Arc<User>>| {
        let (course, arguments) = (&mut Course { user: user.cloned(), ..course.clone() }, Bytes::from_static(b"abcd"));
        let (caller, function, watch, memo) = (&orders, &function, &watch, memo.as_mut());
        let mut call = LinkCall { caller, function, arguments, course, watch, memo };
        links.call(&mut call).await.map_err(|fault: Fault| fault.kind())
    };
    assert_eq!(call(None).await, Err(FaultKind::Unavailable), "there is no control yet");
    let attached = links.attach(&bench.control);
    assert_eq!(call(None).await, Err(FaultKind::Unavailable), "there is no such service");
    bench.deploy_bytes("inventory", exporting("0.1.0", "u32"), &[]).await.unwrap();
    bench.deploy_bytes("orders", importing("0.1.0", "count"), &[]).await.unwrap();
    for _ in 0..2 {
        assert_eq!(call(None).await, Ok(Bytes::from_static(b"dcba")), "all may, as long as nothing is said");
    }
    let redeploy = async |callers: Vec<AccessRule>| {
        let mut request = bench.request("inventory", "a", &[]);
        request.component = bench.components.put(exporting("0.1.0", "u32"));
        request.settings.callers = Some(callers);
        bench.control.deploy(request).finished().await.unwrap();
    };
    redeploy(vec!["orders http".parse().unwrap()]).await;
    assert_eq!(call(None).await, Err(FaultKind::Denied), "it may send requests, and nothing else");
    redeploy(vec![AccessRule::all(orders.clone())]).await;
    assert_eq!(call(None).await, Ok(Bytes::from_static(b"dcba")), "what the fake makes of it");
    tokio::time::advance(std::time::Duration::from_secs(1)).await;
    let before = watch.end();
    assert_eq!(call(None).await, Ok(Bytes::from_static(b"dcba")));
    assert_eq!(
        (before, watch.end()),
        (None, Some(Instant::now().into_std())),
        "whoever made the call knows when it was over"
    );
    redeploy(vec!["orders&user".parse().unwrap()]).await;
    for _ in 0..2 {
        assert_eq!(call(None).await, Err(FaultKind::Denied), "it may for somebody, and not for itself");
        assert_eq!(call(Some(&ann)).await, Ok(Bytes::from_static(b"dcba")));
    }
    let revision =
        bench.control.snapshot.load().service_called("inventory").unwrap().active.as_ref().map(Arc::downgrade);
    bench.control.remove(&"inventory".parse().unwrap()).finished().await.unwrap();
    assert!(revision.unwrap().upgrade().is_none(), "who called it last does not keep it");
    assert_eq!(call(None).await, Err(FaultKind::Unavailable));
    bench.deploy_bytes("inventory", exporting("0.1.0", "u32"), &[]).await.unwrap();
    assert_eq!(call(None).await, Ok(Bytes::from_static(b"dcba")));
    bench.deploy_anyway("stores", exporting("0.1.0", "u32"), &[], true).await.unwrap();
    assert_eq!(
        call(None).await,
        Err(FaultKind::Unavailable),
        "it could be either, although the first one is what it was"
    );
    bench.control.remove(&"stores".parse().unwrap()).finished().await.unwrap();
    assert_eq!(call(None).await, Ok(Bytes::from_static(b"dcba")));
    drop(attached);
    assert_eq!(call(None).await, Err(FaultKind::Unavailable), "there is no control any more");
}

#[tokio::test(start_paused = true)]
async fn services_share_what_their_contracts_have_in_common_after_a_restart_too() {
    let bench = Bench::new();
    bench.deploy_bytes("inventory", exporting("0.1.0", "u32"), &[]).await.unwrap();
    for service in ["orders", "returns"] {
        bench.deploy_bytes(service, importing("0.1.0", "count"), &[]).await.unwrap();
    }
    let restarted = bench.restarted();
    restarted.control.start(Vec::new(), |_, _| ()).await.unwrap();
    for bench in [bench, restarted] {
        let snapshot = bench.control.snapshot.load();
        let functions = |service: &str| {
            let active = snapshot.service(&service.parse().unwrap()).unwrap().active.clone().unwrap();
            active.ready.contract.imports[0].functions.clone()
        };
        assert!(std::sync::Arc::ptr_eq(&functions("orders"), &functions("returns")));
    }
}
