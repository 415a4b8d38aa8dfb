//! Reloads with fakes: what becomes of services, what is judged together, and what readers see meanwhile.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use bytes::Bytes;
use http::{Method, Request};
use http_body_util::BodyExt;
use patchbay_model::bus::{TopicSettings, Topics};
use patchbay_model::policy::RouteSettings;
use patchbay_model::ports::StoredComponent;
use patchbay_model::{Origin, RevisionNumber, Settings, empty_body};

use super::*;
use crate::Places;
use crate::fakes::{Bench, component, settings};

mod tried;

/// A component that exports `shop:inventory/stock@0.1.0` with this function.
fn exporting(function: &str) -> Bytes {
    let text = format!(
        r#"(component
            (core module $m (func (export "f") (param i32) (result i32) (i32.const 1)))
            (core instance $m (instantiate $m))
            (func $f (param "a" u32) (result u32) (canon lift (core func $m "f")))
            (instance $stock (export "{function}" (func $f)))
            (export "shop:inventory/stock@0.1.0" (instance $stock)))"#
    );
    wat::parse_str(text).unwrap().into()
}

/// One that imports it, and handles HTTP requests.
fn importing(function: &str) -> Bytes {
    let text = format!(
        r#"(component
            (import "shop:inventory/stock@0.1.0" (instance (export "{function}" (func (param "a" u32) (result u32)))))
            (component $handler)
            (instance $instance (instantiate $handler))
            (export "wasi:http/incoming-handler@0.2.0" (instance $instance)))"#
    );
    wat::parse_str(text).unwrap().into()
}

impl Bench {
    /// A service that the file declares.
    fn service(&self, name: &str, component: Bytes, settings: Settings, routes: &[&str]) -> DeclaredService {
        DeclaredService {
            name: name.parse().unwrap(),
            component: StoredComponent { size: component.len() as u64, digest: self.components.put(component) },
            settings,
            routes: routes.iter().map(|route| for_everybody(route)).collect(),
            places: Places::default(),
        }
    }

    /// One that answers with its version.
    fn answering(&self, name: &str, version: &str, routes: &[&str]) -> DeclaredService {
        self.service(name, component("a"), settings(&[("version", version)]), routes)
    }

    async fn up(&self, services: Vec<DeclaredService>) {
        self.control.start(services, |_, _| {}).await.unwrap();
    }

    async fn reload(
        &self,
        services: Vec<DeclaredService>,
    ) -> Result<BTreeMap<ServiceName, ServiceChange>, ReloadError> {
        self.reload_with(ControlConfig::default(), services).await
    }

    async fn reload_with(
        &self,
        config: ControlConfig,
        services: Vec<DeclaredService>,
    ) -> Result<BTreeMap<ServiceName, ServiceChange>, ReloadError> {
        let prepared = self.control.prepare_reload(ReloadRequest { config, services }).await?;
        self.control.publish_reload(prepared).await
    }

    /// Every service with the number of the revision that serves.
    fn serving(&self) -> Vec<(String, Option<u32>)> {
        let active = |active: Option<RevisionNumber>| active.map(RevisionNumber::get);
        self.control.services().iter().map(|view| (view.name.to_string(), active(view.active))).collect()
    }

    async fn ask_at(&self, path: &str) -> Option<String> {
        answer(&self.control, path).await
    }
}

#[tokio::test(start_paused = true)]
async fn a_route_keeps_what_it_remembers_until_it_is_another_one() {
    let bench = Bench::new();
    bench.up(vec![bench.answering("a", "1", &["/x"])]).await;
    let policy = || {
        let routing = bench.control.route(None, "/x", &Method::GET);
        routing.unwrap_or_else(|_| panic!("/x leads nowhere")).policy().clone()
    };
    let first = policy();
    let _ = first.edge.set(Some(Arc::new("kept")));
    // Another revision, and another service with other routes: a swap gives nobody a second burst.
    bench.reload(vec![bench.answering("a", "2", &["/x"]), bench.answering("b", "1", &["/y"])]).await.unwrap();
    assert!(std::ptr::eq(&*first, &*policy()));
    let mut other = bench.answering("a", "2", &["/x"]);
    other.routes[0].settings.rate = Some("1/s".parse().unwrap());
    bench.reload(vec![other]).await.unwrap();
    let changed = policy();
    assert!(!std::ptr::eq(&*first, &*changed) && changed.settings.rate.is_some());
    // What was made of it before is there for what is made of it now.
    assert!(changed.edge.get().is_none() && changed.previous_edge.as_ref().is_some_and(Option::is_some));
}

/// A route that is for everybody, also in a strict host.
fn for_everybody(route: &str) -> crate::DeclaredRoute {
    let settings = RouteSettings { anonymous: true, ..RouteSettings::default() };
    crate::DeclaredRoute { route: route.parse().unwrap(), settings }
}

/// Whether one service may call another one over HTTP.
fn may_call(control: &Control, caller: &ServiceName, callee: &ServiceName) -> bool {
    let (caller, question) = (caller.as_str().parse().unwrap(), callee.as_str().parse().unwrap());
    control.rulebook().answer(&caller, &question).iter().all(|answer| answer.allowed)
}

/// Whether a route is that of a service.
fn is_of(entry: &crate::RouteEntry, service: &str) -> bool {
    matches!(&entry.owner, crate::RouteOwner::Service(name) if name.as_str() == service)
}

/// What answers at a path; `None` if nothing does.
async fn answer(control: &Control, path: &str) -> Option<String> {
    let routing = control.route(None, path, &Method::GET).ok()?;
    let request = Request::get(path).body(empty_body()).unwrap();
    let reply = crate::fakes::call(control, routing, request).await.ok()?;
    Some(String::from_utf8(reply.into_body().collect().await.unwrap().to_bytes().into()).unwrap())
}

fn serving(services: &[(&str, u32)]) -> Vec<(String, Option<u32>)> {
    services.iter().map(|(name, number)| ((*name).to_owned(), Some(*number))).collect()
}

#[tokio::test(start_paused = true)]
async fn services_come_go_and_change_in_one_snapshot() {
    let bench = Bench::new();
    bench
        .up(vec![
            bench.answering("a", "1", &["/a"]),
            bench.answering("b", "1", &["/b"]),
            bench.answering("c", "1", &["/c"]),
        ])
        .await;
    let version = bench.control.version();
    let changes = bench
        .reload(vec![
            bench.answering("a", "1", &["/a", "/c"]),
            bench.answering("b", "2", &["/b"]),
            bench.answering("d", "1", &["/d"]),
        ])
        .await
        .unwrap();
    assert_eq!(bench.control.version(), version + 1, "one snapshot for everything");
    assert_eq!(bench.serving(), serving(&[("a", 1), ("b", 2), ("d", 1)]));
    for (path, answer) in [("/a", "1"), ("/b", "2"), ("/c", "1"), ("/d", "1")] {
        assert_eq!(bench.ask_at(path).await.as_deref(), Some(answer), "{path}");
    }
    let deployed = |revision: &str, replaced: Option<&str>| ServiceChange::Deployed {
        revision: revision.parse().unwrap(),
        replaced: replaced.map(|replaced| replaced.parse().unwrap()),
    };
    let expected = [("b", deployed("b@2", Some("b@1"))), ("c", ServiceChange::Removed), ("d", deployed("d@1", None))];
    assert_eq!(changes, expected.map(|(name, change)| (name.parse().unwrap(), change)).into());
    assert_eq!(bench.registry.saved(), bench.control.snapshot.load().record());
    // What was replaced goes once its calls are over.
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert_eq!(bench.control.usage().components, 4, "c is gone, and b@1 is retained");
    // The same file again changes nothing, and a start from what is stored brings the same up.
    assert!(
        bench
            .reload(vec![
                bench.answering("a", "1", &["/a", "/c"]),
                bench.answering("b", "2", &["/b"]),
                bench.answering("d", "1", &["/d"]),
            ])
            .await
            .unwrap()
            .is_empty()
    );
}

#[tokio::test(start_paused = true)]
async fn if_one_service_cannot_be_nothing_changes() {
    let good = |bench: &Bench| vec![bench.answering("a", "1", &["/a"]), bench.answering("b", "1", &["/b"])];
    type Spoil = fn(&Bench) -> DeclaredService;
    let spoiled: [(Spoil, &str); 7] = [
        (|bench| bench.service("b", component("b"), settings(&[("fails", "compile")]), &[]), "at step `compile`"),
        (|bench| bench.service("b", component("b"), settings(&[("fails", "warm")]), &[]), "at step `warm`"),
        (
            |bench| bench.service("b", wat::parse_str("(module)").unwrap().into(), settings(&[]), &[]),
            "at step `inspect`",
        ),
        (|bench| bench.service("b", importing("count"), settings(&[]), &[]), "no service exports it"),
        (|bench| bench.service("b", exporting("count"), settings(&[]), &["/x"]), "no routes"),
        (|bench| bench.answering("new", "1", &["/a"]), "is taken by service `a`"),
        (
            |bench| {
                let lost = bench.answering("b", "9", &[]);
                let missing = StoredComponent { digest: patchbay_model::Digest::of(b"lost"), size: 1 };
                DeclaredService { component: missing, ..lost }
            },
            "not stored",
        ),
    ];
    for (spoil, says) in spoiled {
        let bench = Bench::new();
        bench.up(good(&bench)).await;
        let (saved, before) = (bench.registry.saved(), bench.control.snapshot.load_full());
        let mut services = vec![bench.answering("a", "2", &["/a"]), bench.answering("c", "1", &["/c"])];
        services.push(spoil(&bench));
        let config = ControlConfig { strict: true, ..ControlConfig::default() };
        let error = bench.reload_with(config, services).await.unwrap_err();
        assert!(error.to_string().contains(says), "{error}");
        assert!(Arc::ptr_eq(&before, &bench.control.snapshot.load_full()), "{says}");
        assert_eq!(bench.registry.saved(), saved);
        assert_eq!(bench.ask_at("/a").await.as_deref(), Some("1"));
        drop(before);
        assert_eq!(bench.control.usage().components, 2, "what was made for nothing is freed: {says}");
        // Turns are given back.
        bench.reload(vec![bench.answering("a", "3", &["/a"])]).await.unwrap();
        assert_eq!(bench.ask_at("/a").await.as_deref(), Some("3"));
    }
}

#[tokio::test(start_paused = true)]
async fn everything_that_is_wrong_is_told() {
    let bench = Bench::new();
    bench.up(Vec::new()).await;
    let error = bench
        .reload(vec![
            bench.service("a", component("a"), settings(&[("fails", "compile")]), &[]),
            bench.service("b", wat::parse_str("(module)").unwrap().into(), settings(&[]), &[]),
            bench.answering("c", "1", &[]),
        ])
        .await
        .unwrap_err();
    let services: Vec<_> = error.problems.iter().map(|problem| problem.service.as_ref().unwrap().to_string()).collect();
    assert_eq!(services, ["a", "b"], "{error}");
    assert_eq!(error.kind(), ChangeErrorKind::Refused);
}

#[tokio::test(start_paused = true)]
async fn a_disk_that_is_full_leaves_everything() {
    let bench = Bench::new();
    bench.up(vec![bench.answering("a", "1", &["/a"])]).await;
    bench.registry.fails.store(true, Ordering::Relaxed);
    let error = bench.reload(vec![bench.answering("a", "2", &["/a"])]).await.unwrap_err();
    assert_eq!(error.kind(), ChangeErrorKind::Host);
    assert_eq!(bench.ask_at("/a").await.as_deref(), Some("1"));
    assert_eq!(bench.serving(), serving(&[("a", 1)]));
}

#[tokio::test(start_paused = true)]
async fn two_services_that_change_together_are_held_against_each_other() {
    let bench = Bench::new();
    let pair = |exports: &str, imports: &str| {
        vec![
            bench.service("inventory", exporting(exports), settings(&[]), &[]),
            bench.service("orders", importing(imports), settings(&[]), &["/o"]),
        ]
    };
    bench.up(pair("count", "count")).await;
    // Either of them alone would break the other one; each of these orders of deployments was refused.
    bench.reload(pair("counted", "counted")).await.unwrap();
    assert_eq!(bench.serving(), serving(&[("inventory", 2), ("orders", 2)]));
    for (services, says) in [
        (pair("count", "counted"), "does not serve it as it is asked for"),
        (pair("counted", "other"), "does not serve it as it is asked for"),
        (pair("counted", "counted").split_off(1), "no service exports it"),
    ] {
        let error = bench.reload(services).await.unwrap_err();
        let [problem] = error.problems.as_slice() else { panic!("{error}") };
        assert_eq!(problem.service.as_ref().unwrap().as_str(), "orders");
        assert!(problem.error.message.contains(says), "{error}");
        assert_eq!(bench.serving(), serving(&[("inventory", 2), ("orders", 2)]));
    }
    // Both may go.
    bench.reload(Vec::new()).await.unwrap();
    assert_eq!(bench.serving(), []);
}

#[tokio::test(start_paused = true)]
async fn what_could_not_serve_before_holds_nothing_up() {
    let bench = Bench::new();
    let broken = || bench.service("broken", component("b"), settings(&[("fails", "compile")]), &["/broken"]);
    let lonely = || bench.service("lonely", importing("count"), settings(&[]), &["/lonely"]);
    bench.up(vec![broken(), lonely(), bench.answering("a", "1", &["/a"])]).await;
    let changes = bench.reload(vec![broken(), lonely(), bench.answering("a", "2", &["/a"])]).await.unwrap();
    assert_eq!(bench.ask_at("/a").await.as_deref(), Some("2"));
    for name in ["broken", "lonely"] {
        assert!(matches!(changes[name], ServiceChange::StillFailing(_)), "{changes:?}");
    }
    // It comes up with what it lacked, and one that is changed has to be right.
    bench
        .reload(vec![broken(), lonely(), bench.service("inventory", exporting("count"), settings(&[]), &[])])
        .await
        .unwrap();
    let up = vec![("broken".to_owned(), None), ("inventory".to_owned(), Some(1)), ("lonely".to_owned(), Some(1))];
    assert_eq!(bench.serving(), up);
    let other = bench.service("broken", component("c"), settings(&[("fails", "compile")]), &[]);
    bench.reload(vec![other]).await.unwrap_err();
    assert_eq!(bench.serving(), up);
}

#[tokio::test(start_paused = true)]
async fn file_and_api_live_together_as_at_a_start() {
    let bench = Bench::new();
    bench.up(vec![bench.answering("a", "1", &["/a"]), bench.answering("b", "1", &["/b"])]).await;
    for name in ["a", "b", "own"] {
        let request = bench.request(name, "a", &[("version", "api")]);
        bench.control.deploy(request).finished().await.unwrap();
    }
    // An unchanged declaration leaves what was deployed since; a changed one wins; what only the API knows stays.
    bench.reload(vec![bench.answering("a", "1", &["/a"]), bench.answering("b", "2", &["/b"])]).await.unwrap();
    assert_eq!(bench.serving(), serving(&[("a", 2), ("b", 3), ("own", 1)]));
    bench.reload(vec![bench.answering("b", "2", &["/b"])]).await.unwrap();
    assert_eq!(bench.serving(), serving(&[("a", 2), ("b", 3), ("own", 1)]), "`a` was deployed over the API since");
    assert_eq!(bench.ask_at("/a").await, None, "and its routes were those of the file");
    let origin =
        |name: &str| bench.control.service(&name.parse().unwrap()).unwrap().revisions.last().unwrap().record.origin;
    assert_eq!((origin("a"), origin("b")), (Origin::Api, Origin::File));
}

#[tokio::test(start_paused = true)]
async fn what_concerns_all_services_changes_with_them() {
    let bench = Bench::new();
    bench.up(vec![bench.answering("a", "1", &["/a"]), bench.answering("b", "1", &["/b"])]).await;
    let (a, b) = ("a".parse().unwrap(), "b".parse().unwrap());
    assert!(may_call(&bench.control, &a, &b));
    let topics = TopicSettings {
        publishers: Some(vec![patchbay_model::policy::AccessRule::all(a.clone())]),
        ..TopicSettings::default()
    };
    let config = ControlConfig {
        strict: true,
        retained: 1,
        defaults: Settings { instance_uses: 7, ..Settings::default() },
        topics: Topics::new([("shop.>".parse().unwrap(), topics)].into()).unwrap(),
        ..ControlConfig::default()
    };
    let services = || vec![bench.answering("a", "1", &["/a"]), bench.answering("b", "2", &["/b"])];
    bench.reload_with(config, services()).await.unwrap();
    assert!(!may_call(&bench.control, &a, &b), "the host is strict now");
    assert_eq!(bench.control.settings_of(&"other".parse().unwrap()).instance_uses, 7);
    assert_eq!(bench.control.service(&b).unwrap().revisions.len(), 1, "one revision is retained now");
    bench.reload(services()).await.unwrap();
    assert!(may_call(&bench.control, &a, &b));
}

#[tokio::test(start_paused = true)]
async fn a_trial_changes_nothing_and_others_wait_their_turn() {
    let bench = Bench::new();
    bench.up(vec![bench.answering("a", "1", &["/a"])]).await;
    let request = || ReloadRequest {
        config: ControlConfig::default(),
        services: vec![bench.answering("a", "2", &["/a"]), bench.answering("b", "1", &["/b"])],
    };
    let trial = bench.control.prepare_reload(request()).await.unwrap();
    assert_eq!(trial.changes().len(), 2);
    let Err(busy) = bench.control.prepare_reload(request()).await else { panic!("two at a time") };
    assert_eq!(busy.kind(), ChangeErrorKind::Conflict);
    let deploy = bench.request("a", "a", &[("version", "9")]);
    assert_eq!(bench.control.deploy(deploy).finished().await.unwrap_err().kind, ChangeErrorKind::Conflict);
    drop(trial);
    assert_eq!(bench.serving(), serving(&[("a", 1)]));
    assert_eq!(bench.control.usage().components, 1);
    // What others do in between is seen when it is published.
    let prepared = bench.control.prepare_reload(request()).await.unwrap();
    let mut other = bench.request("other", "a", &[]);
    other.routes = Some(vec!["/b".parse().unwrap()]);
    bench.control.deploy(other).finished().await.unwrap();
    let error = bench.control.publish_reload(prepared).await.unwrap_err();
    assert!(error.to_string().contains("is taken by service"), "{error}");
    assert_eq!(bench.serving(), serving(&[("a", 1), ("other", 1)]));
}

#[tokio::test(start_paused = true)]
async fn calls_under_way_end_where_they_began() {
    let bench = Bench::new();
    let slow = settings(&[("version", "1"), ("delay", "5")]);
    bench.up(vec![bench.service("a", component("a"), slow, &["/a"])]).await;
    let control = Arc::clone(&bench.control);
    let call = tokio::spawn(async move { answer(&control, "/a").await });
    tokio::time::sleep(Duration::from_secs(1)).await;
    bench.reload(vec![bench.answering("b", "2", &["/a"])]).await.unwrap();
    assert_eq!(bench.ask_at("/a").await.as_deref(), Some("2"));
    assert_eq!(call.await.unwrap().as_deref(), Some("1"));
}

/// The file of one generation: two services that trade their routes, with the generation in everything.
fn generation(bench: &Bench, number: u64) -> (ControlConfig, Vec<DeclaredService>) {
    let version = number.to_string();
    let (x, y) = if number.is_multiple_of(2) { ("a", "b") } else { ("b", "a") };
    let only = |name: &str| bench.answering(name, &format!("{name}{version}"), &[&format!("/only/{name}")]);
    let mut services = vec![
        bench.answering(x, &format!("{x}{version}"), &["/x"]),
        bench.answering(y, &format!("{y}{version}"), &["/y"]),
    ];
    // One of them comes and goes.
    services.extend((number.is_multiple_of(3)).then(|| only("guest")));
    let defaults = Settings { instance_uses: u32::try_from(number + 1).unwrap(), ..Settings::default() };
    (ControlConfig { strict: number.is_multiple_of(2), defaults, ..ControlConfig::default() }, services)
}

/// What is wrong with a snapshot, if it is not all of one generation.
fn mixed(snapshot: &Snapshot) -> Option<String> {
    let number = u64::from(snapshot.config().defaults.instance_uses) - 1;
    let even = number.is_multiple_of(2);
    for entry in snapshot.services() {
        let version = format!("{}{number}", entry.name);
        let own = &entry.active.as_ref()?.ready.record.settings.config["version"];
        let declared = entry.declared.as_ref().map(|declared| &declared.settings.config["version"]);
        if *own != version || declared != Some(&version) || entry.strict != even {
            return Some(format!("{} is of {own} and {declared:?}, not of {number}", entry.name));
        }
    }
    let wanted = if even { "a" } else { "b" };
    match snapshot.routes().find(None, "/x", &Method::GET) {
        crate::Found::Route(entry) if is_of(entry, wanted) && snapshot.config().strict == even => None,
        found => Some(format!("/x leads to {found:?} in {number}")),
    }
}

#[test]
fn many_readers_see_one_file_or_the_other_and_never_a_mix() {
    let runtime = || tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let bench = Bench::new();
    let own = runtime();
    own.block_on(async {
        bench.up(Vec::new()).await;
        let (config, services) = generation(&bench, 0);
        bench.reload_with(config, services).await.unwrap();
    });
    let (over, n_seen) = (AtomicBool::new(false), AtomicU64::new(0));
    std::thread::scope(|scope| {
        let readers: Vec<_> = (0..4)
            .map(|reader| {
                let (control, over, n_seen) = (&bench.control, &over, &n_seen);
                scope.spawn(move || {
                    runtime().block_on(async {
                        while !over.load(Ordering::Relaxed) {
                            if let Some(problem) = mixed(&control.snapshot.load_full()) {
                                return Err(problem);
                            }
                            let (path, even) = if reader % 2 == 0 { ("/x", "a") } else { ("/y", "b") };
                            let Some(answer) = answer(control, path).await else {
                                return Err("a call was dropped".to_owned());
                            };
                            // Who answers, and in which generation: only these go together.
                            let (who, number) = answer.split_at(1);
                            if (who == even) != number.parse::<u64>().unwrap().is_multiple_of(2) {
                                return Err(format!("{answer} answered at {path}"));
                            }
                            n_seen.fetch_add(1, Ordering::Relaxed);
                        }
                        Ok(())
                    })
                })
            })
            .collect();
        own.block_on(async {
            for number in 1..=300 {
                let (config, services) = generation(&bench, number);
                bench.reload_with(config, services).await.unwrap();
                tokio::task::yield_now().await;
            }
        });
        over.store(true, Ordering::Relaxed);
        for reader in readers {
            assert_eq!(reader.join().unwrap(), Ok(()));
        }
    });
    assert!(n_seen.load(Ordering::Relaxed) > 300, "{n_seen:?} calls");
}
