//! Deployments, rollbacks, removals and restarts with fakes, under a paused clock.

use std::time::Duration;

use http::{Method, Request};
use http_body_util::BodyExt;
use patchbay_model::ports::InstanceCount;
use patchbay_model::{FaultKind, Route, Settings, empty_body};
use tokio::time::{Instant, sleep};

use super::*;
use crate::change::StepState;
use crate::fakes::{Bench, FAKE_MEMORY, settings};
use crate::{DeclaredService, Started};

impl Bench {
    async fn deploy(&self, marker: &str, config: &[(&str, &str)]) -> Result<Outcome, ChangeError> {
        let mut request = self.request("orders", marker, config);
        request.routes = Some(vec!["/*".parse().unwrap()]);
        self.control.deploy(request).finished().await
    }

    /// What the service answers.
    async fn ask(&self) -> Result<String, FaultKind> {
        self.ask_for("/x").await
    }

    async fn ask_for(&self, path: &str) -> Result<String, FaultKind> {
        let routing = self.control.route(None, path, &Method::GET).map_err(|_| FaultKind::NotFound)?;
        let request = Request::get(path).body(empty_body()).unwrap();
        let reply = crate::fakes::call(&self.control, routing, request).await;
        let body = reply.map_err(|fault| fault.kind())?.into_body().collect().await.unwrap();
        Ok(String::from_utf8(body.to_bytes().into()).unwrap())
    }

    fn active(&self) -> Option<u32> {
        self.control.service(&"orders".parse().unwrap())?.active.map(RevisionNumber::get)
    }

    fn numbers(&self) -> Vec<u32> {
        let view = self.control.service(&"orders".parse().unwrap()).unwrap();
        view.revisions.iter().map(|revision| revision.id.number.get()).collect()
    }

    async fn start(&self, declared: Vec<DeclaredService>) -> Vec<Started> {
        let mut all = Vec::new();
        self.control.start(declared, |_, started| all.push(started.clone())).await.unwrap();
        all
    }

    fn declared(&self, marker: &str, config: &[(&str, &str)]) -> DeclaredService {
        let request = self.request("orders", marker, config);
        DeclaredService {
            name: request.service,
            component: patchbay_model::ports::StoredComponent { digest: request.component, size: 1 },
            settings: request.settings,
            routes: vec!["/*".parse::<Route>().unwrap().into()],
            places: crate::Places::default(),
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_deployment_serves_and_the_next_replaces_it() {
    let bench = Bench::new();
    assert_eq!(bench.ask().await, Err(FaultKind::NotFound));
    bench.deploy("a", &[("version", "1")]).await.unwrap();
    assert_eq!(bench.ask().await.as_deref(), Ok("1"));
    let outcome = bench.deploy("b", &[("version", "2")]).await.unwrap();
    let expected = Outcome::Activated {
        revision: "orders@2".parse().unwrap(),
        replaced: Some("orders@1".parse().unwrap()),
        calls_cut: 0,
    };
    assert_eq!(outcome, expected);
    assert_eq!(bench.ask().await.as_deref(), Ok("2"));
    assert_eq!(bench.registry.saved(), bench.control.snapshot.load().record());
}

#[tokio::test(start_paused = true)]
async fn an_identical_deployment_changes_nothing() {
    let bench = Bench::new();
    bench.deploy("a", &[("version", "1")]).await.unwrap();
    let again = bench.deploy("a", &[("version", "1")]).await.unwrap();
    assert_eq!(again, Outcome::Unchanged { revision: "orders@1".parse().unwrap() });
    assert_eq!(bench.numbers(), [1]);
}

#[tokio::test(start_paused = true)]
async fn whatever_step_fails_the_old_revision_serves_untouched() {
    for (fails, step) in [("compile", Step::Compile), ("warm", Step::Warm), ("health", Step::Health)] {
        let bench = Bench::new();
        bench.deploy("a", &[("version", "1")]).await.unwrap();
        let saved = bench.registry.saved();
        let mut request = bench.request("orders", "b", &[("version", "2"), ("fails", fails)]);
        request.settings.health =
            Some(patchbay_model::HealthCheck { path: "/healthz".into(), timeout: Duration::from_secs(1) });
        let error = bench.control.deploy(request).finished().await.unwrap_err();
        assert_eq!((error.kind, error.step), (ChangeErrorKind::Refused, Some(step)), "{error}");
        assert_eq!(bench.ask().await.as_deref(), Ok("1"));
        assert_eq!(bench.registry.saved(), saved);
        assert_eq!(bench.control.usage().components, 1, "what was compiled for nothing is freed");
    }
}

#[tokio::test(start_paused = true)]
async fn refusals_say_what_can_be_done() {
    let bench = Bench::new();
    bench.deploy("a", &[]).await.unwrap();
    let good = bench.request("orders", "b", &[]);
    let missing = DeployRequest { component: patchbay_model::Digest::of(b"nothing"), ..good.clone() };
    let module =
        DeployRequest { component: bench.components.put(wat::parse_str("(module)").unwrap().into()), ..good.clone() };
    let mut impossible = good.clone();
    impossible.settings.limits.concurrency = 0;
    let taken = DeployRequest { service: "other".parse().unwrap(), routes: Some(vec!["/*".parse().unwrap()]), ..good };
    for (request, kind, step, says) in [
        (missing, ChangeErrorKind::NotFound, Step::Inspect, "not stored"),
        (module, ChangeErrorKind::Refused, Step::Inspect, "core"),
        (impossible, ChangeErrorKind::Refused, Step::Inspect, "`concurrency`"),
        (taken, ChangeErrorKind::Conflict, Step::Publish, "`orders`"),
    ] {
        let error = bench.control.deploy(request).finished().await.unwrap_err();
        assert_eq!((error.kind, error.step), (kind, Some(step)), "{error}");
        assert!(error.message.contains(says), "{error}");
    }
    assert_eq!(bench.active(), Some(1));
}

#[tokio::test(start_paused = true)]
async fn a_disk_that_is_full_leaves_the_old_revision() {
    let bench = Bench::new();
    bench.deploy("a", &[("version", "1")]).await.unwrap();
    bench.registry.fails.store(true, std::sync::atomic::Ordering::Relaxed);
    let error = bench.deploy("b", &[("version", "2")]).await.unwrap_err();
    assert_eq!((error.kind, error.step), (ChangeErrorKind::Host, Some(Step::Publish)));
    assert_eq!(bench.ask().await.as_deref(), Ok("1"));
}

#[tokio::test(start_paused = true)]
async fn a_disk_that_is_full_does_not_keep_the_host_down() {
    let bench = Bench::new();
    let first = bench.declared("a", &[("version", "1")]);
    bench.start(vec![first.clone()]).await;
    let bench = bench.restarted();
    bench.registry.fails.store(true, std::sync::atomic::Ordering::Relaxed);
    assert!(matches!(&bench.start(vec![first]).await[..], [Started::Restored(_)]));
    assert_eq!(bench.ask().await.as_deref(), Ok("1"));

    // The same with a change to the file, which cannot be saved.
    let bench = bench.restarted();
    let started = bench.start(vec![bench.declared("b", &[("version", "2")])]).await;
    assert!(matches!(&started[..], [Started::Failed { serving: Some(_), .. }]), "{started:?}");
    assert_eq!(bench.ask().await.as_deref(), Ok("1"));
}

#[tokio::test(start_paused = true)]
async fn a_call_keeps_its_revision_while_the_next_serves() {
    let bench = Bench::new();
    bench.deploy("a", &[("version", "1"), ("delay", "5")]).await.unwrap();
    let begun = Instant::now();
    let swap = async {
        sleep(Duration::from_secs(1)).await;
        bench.deploy("b", &[("version", "2")]).await.unwrap();
        begun.elapsed()
    };
    let newer = async {
        sleep(Duration::from_secs(2)).await;
        (bench.ask().await, begun.elapsed())
    };
    let (old, drained, newer) = tokio::join!(bench.ask(), swap, newer);
    assert_eq!(old.as_deref(), Ok("1"));
    assert_eq!(newer, (Ok("2".to_owned()), Duration::from_secs(2)));
    assert_eq!(drained, Duration::from_secs(5));
}

#[tokio::test(start_paused = true)]
async fn what_outlives_the_drain_deadline_is_cut_and_told() {
    let bench = Bench::new();
    let slow = settings(&[("version", "1"), ("delay", "3600")]);
    let mut request = bench.request("orders", "a", &[]);
    request.settings = Settings {
        limits: patchbay_model::Limits { timeout: Duration::from_secs(7200), ..slow.limits.clone() },
        ..slow
    };
    request.routes = Some(vec!["/*".parse().unwrap()]);
    bench.control.deploy(request).finished().await.unwrap();
    let swap = async {
        sleep(Duration::from_secs(1)).await;
        bench.deploy("b", &[("version", "2")]).await.unwrap()
    };
    let (old, outcome) = tokio::join!(bench.ask(), swap);
    assert_eq!(old, Err(FaultKind::Deadline));
    assert!(matches!(outcome, Outcome::Activated { calls_cut: 1, .. }), "{outcome:?}");
}

#[tokio::test(start_paused = true)]
async fn rollback_goes_to_what_is_still_compiled() {
    let bench = Bench::new();
    for (marker, version) in [("a", "1"), ("b", "2"), ("c", "3"), ("d", "4")] {
        bench.deploy(marker, &[("version", version)]).await.unwrap();
    }
    assert_eq!(bench.numbers(), [2, 3, 4]);
    assert!(!bench.components.holds(&patchbay_model::Digest::of(&crate::fakes::component("a"))));
    let n_prepared = bench.executor.n_prepared.load(std::sync::atomic::Ordering::Relaxed);
    let orders = "orders".parse().unwrap();
    for version in ["3", "2"] {
        bench.control.rollback(&orders).finished().await.unwrap();
        assert_eq!(bench.ask().await.as_deref(), Ok(version));
    }
    let error = bench.control.rollback(&orders).finished().await.unwrap_err();
    assert_eq!(error.kind, ChangeErrorKind::NotFound);
    bench.control.activate(&orders, RevisionNumber::new(4).unwrap()).finished().await.unwrap();
    assert_eq!(bench.ask().await.as_deref(), Ok("4"));
    assert_eq!(bench.executor.n_prepared.load(std::sync::atomic::Ordering::Relaxed), n_prepared);
    assert_eq!(bench.control.usage().components, 3);
}

#[tokio::test(start_paused = true)]
async fn the_way_back_does_not_wait_for_the_drain() {
    let bench = Bench::new();
    bench.deploy("a", &[("version", "1"), ("delay", "5")]).await.unwrap();
    let orders: ServiceName = "orders".parse().unwrap();
    let begun = Instant::now();
    let swap = async {
        sleep(Duration::from_secs(1)).await;
        bench.deploy("b", &[("version", "2")]).await.unwrap();
        begun.elapsed()
    };
    let back = async {
        sleep(Duration::from_secs(2)).await;
        bench.control.rollback(&orders).finished().await.unwrap();
        begun.elapsed()
    };
    let (old, swapped, back) = tokio::join!(bench.ask(), swap, back);
    assert_eq!(old.as_deref(), Ok("1"));
    assert_eq!((swapped, back), (Duration::from_secs(5), Duration::from_secs(2)));
    // The end of the drain found the revision active again, and left it its instances.
    let view = bench.control.service(&orders).unwrap();
    let warm = |number: usize| view.revisions[number - 1].compiled.as_ref().unwrap().instances.live;
    assert_eq!((view.active.map(RevisionNumber::get), warm(1), warm(2)), (Some(1), 1, 0));
    // What is held is that of the one alone, wherever it is shown.
    assert_eq!(view.instances(), InstanceCount { live: 1, idle: 1, memory_bytes: FAKE_MEMORY });
    let activity = bench.control.activity().await;
    assert_eq!(activity.services.iter().map(|service| service.memory_bytes).collect::<Vec<_>>(), [FAKE_MEMORY]);
}

#[tokio::test(start_paused = true)]
async fn a_removed_service_is_gone_with_all_it_held() {
    let bench = Bench::new();
    bench.deploy("a", &[]).await.unwrap();
    bench.control.remove(&"orders".parse().unwrap()).finished().await.unwrap();
    assert_eq!(bench.ask().await, Err(FaultKind::NotFound));
    assert_eq!(bench.control.usage().components, 0);
    assert!(bench.registry.saved().services.is_empty());
    assert!(!bench.components.holds(&patchbay_model::Digest::of(&crate::fakes::component("a"))));
}

#[tokio::test(start_paused = true)]
async fn one_change_of_a_service_at_a_time() {
    let bench = Bench::new();
    let first = bench.control.deploy(bench.request("orders", "a", &[("delay", "5")]));
    let second = bench.control.deploy(bench.request("orders", "b", &[]));
    let other = bench.control.deploy(bench.request("payments", "b", &[]));
    assert_eq!(second.finished().await.unwrap_err().kind, ChangeErrorKind::Conflict);
    assert!(first.finished().await.is_ok());
    assert!(other.finished().await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn a_change_tells_its_steps_in_order() {
    let bench = Bench::new();
    bench.deploy("a", &[]).await.unwrap();
    let mut change = bench.control.deploy(bench.request("orders", "b", &[]));
    let mut ended = Vec::new();
    while let Some(progress) = change.progress.recv().await {
        if progress.state != StepState::Begun {
            ended.push((progress.step, progress.state));
        }
    }
    use StepState::{Done, Skipped};
    let expected = [
        (Step::Inspect, Done),
        (Step::Compile, Done),
        (Step::Warm, Done),
        (Step::Health, Skipped),
        (Step::Publish, Done),
        (Step::Drain, Done),
        (Step::Retire, Done),
    ];
    assert_eq!(ended, expected);
}

#[tokio::test(start_paused = true)]
async fn a_restart_serves_what_was_deployed() {
    let bench = Bench::new();
    for (marker, version) in [("a", "1"), ("b", "2")] {
        bench.deploy(marker, &[("version", version)]).await.unwrap();
    }
    bench.control.rollback(&"orders".parse().unwrap()).finished().await.unwrap();
    let bench = bench.restarted();
    assert!(matches!(&bench.start(Vec::new()).await[..], [Started::Restored(id)] if id.number.get() == 1));
    assert_eq!(bench.ask().await.as_deref(), Ok("1"));
    assert_eq!(bench.numbers(), [1, 2]);
}

#[tokio::test(start_paused = true)]
async fn the_file_and_the_api_live_together_over_restarts() {
    let bench = Bench::new();
    let first = bench.declared("a", &[("version", "file 1")]);
    assert!(matches!(&bench.start(vec![first.clone()]).await[..], [Started::Deployed(_)]));
    bench.deploy("b", &[("version", "api")]).await.unwrap();

    // The file did not change: what was deployed over the API stays, and the difference shows.
    let bench = bench.restarted();
    bench.components.put(crate::fakes::component("a"));
    assert!(matches!(&bench.start(vec![first]).await[..], [Started::Restored(_)]));
    assert_eq!(bench.ask().await.as_deref(), Ok("api"));
    assert!(bench.control.services()[0].drift.is_some());

    // The file changed: it wins.
    let bench = bench.restarted();
    let second = bench.declared("c", &[("version", "file 2")]);
    assert!(matches!(&bench.start(vec![second.clone()]).await[..], [Started::Deployed(_)]));
    assert_eq!(bench.ask().await.as_deref(), Ok("file 2"));
    assert_eq!(bench.control.services()[0].drift, None);

    // The changed file is broken: what served goes on.
    let bench = bench.restarted();
    let broken = bench.declared("d", &[("fails", "compile")]);
    let started = bench.start(vec![broken]).await;
    assert!(matches!(&started[..], [Started::Failed { serving: Some(_), .. }]), "{started:?}");
    assert_eq!(bench.ask().await.as_deref(), Ok("file 2"));

    // The file no longer declares it.
    let bench = bench.restarted();
    assert!(matches!(&bench.start(Vec::new()).await[..], [Started::Removed]));
    assert!(bench.control.services().is_empty());
    assert!(bench.registry.saved().services.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_service_that_cannot_come_up_says_so_and_harms_no_other() {
    let bench = Bench::new();
    bench.deploy("a", &[]).await.unwrap();
    bench.control.deploy(bench.request("payments", "b", &[])).finished().await.unwrap();
    let bench = bench.restarted();
    bench.components.lose(&patchbay_model::Digest::of(&crate::fakes::component("a")));
    bench.start(Vec::new()).await;
    assert_eq!(bench.ask().await, Err(FaultKind::Unavailable));
    let failures = bench.control.failures();
    assert!(matches!(&failures[..], [(name, reason)] if name.as_str() == "orders" && reason.contains("not stored")));
    // It is not forgotten: a deployment brings it back, with a new number.
    bench.deploy("a", &[("version", "2")]).await.unwrap();
    assert_eq!((bench.ask().await.as_deref(), bench.active()), (Ok("2"), Some(2)));
}

#[tokio::test(start_paused = true)]
async fn a_stopping_host_drains_and_takes_nothing_new() {
    let bench = Bench::new();
    bench.deploy("a", &[("version", "1"), ("delay", "5")]).await.unwrap();
    let stop = async {
        sleep(Duration::from_secs(1)).await;
        bench.control.stop(Duration::from_secs(30)).await
    };
    let late = async {
        sleep(Duration::from_secs(2)).await;
        (bench.ask().await, bench.deploy("b", &[]).await.map_err(|error| error.kind))
    };
    let (answer, n_cut, late) = tokio::join!(bench.ask(), stop, late);
    assert_eq!((answer.as_deref(), n_cut), (Ok("1"), 0));
    assert_eq!(late, (Err(FaultKind::Unavailable), Err(ChangeErrorKind::Host)));
}

#[tokio::test(start_paused = true)]
async fn a_revision_that_keeps_crashing_rests_and_another_starts_clean() {
    let bench = Bench::new();
    let name = "orders".parse().unwrap();
    bench.deploy("a", &[("version", "1")]).await.unwrap();
    bench.deploy("b", &[("version", "2"), ("fails", "call")]).await.unwrap();
    let crash = async || {
        for _ in 0..Settings::default().breaker.failures {
            assert_eq!(bench.ask().await, Err(FaultKind::Trapped));
        }
        assert_eq!(bench.ask().await, Err(FaultKind::Unavailable));
    };
    crash().await;
    let breaker = bench.control.service(&name).unwrap().breaker.unwrap();
    assert_eq!(breaker.failures, 7);
    sleep(breaker.remaining).await;
    assert_eq!(bench.ask_for("/well").await, Ok("2".to_owned()));
    assert_eq!(bench.control.service(&name).unwrap().breaker, None);
    crash().await;
    bench.control.rollback(&name).finished().await.unwrap();
    assert_eq!(bench.ask().await, Ok("1".to_owned()));
    bench.control.activate(&name, RevisionNumber::FIRST.next()).finished().await.unwrap();
    assert_eq!(bench.control.service(&name).unwrap().breaker, None);
    assert_eq!(bench.ask().await, Err(FaultKind::Trapped));
    let kept = bench.control.events().read(0).kept;
    let told =
        kept.iter().filter(|entry| matches!(entry.record.kind, EventKind::BreakerOpened | EventKind::BreakerClosed));
    let told: Vec<_> = told.map(|entry| (entry.record.kind, entry.record.revision)).collect();
    let (begun, ended) = ((EventKind::BreakerOpened, Some(2)), (EventKind::BreakerClosed, Some(2)));
    assert_eq!(told, [begun, ended, begun]);
}

#[tokio::test(start_paused = true)]
async fn an_uploaded_component_outlives_the_last_revision_with_the_same_bytes() {
    let bench = Bench::new();
    bench.deploy("a", &[]).await.unwrap();
    let component = crate::fakes::component("a");
    let digest = patchbay_model::Digest::of(&component);
    let remove = || async { bench.control.remove(&"orders".parse().unwrap()).finished().await.unwrap() };

    let mut upload = bench.control.components().begin().await.unwrap();
    upload.write(component).await.unwrap();
    assert_eq!(bench.control.store(upload).await.unwrap().digest, digest);
    remove().await;
    let again = DeployRequest { component: digest, ..bench.request("orders", "other", &[]) };
    bench.control.deploy(again).finished().await.unwrap();
    remove().await;
    assert!(!bench.components.holds(&digest), "what the upload kept, its deployment has taken over");
}
