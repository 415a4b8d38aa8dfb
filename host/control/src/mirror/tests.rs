//! Mirroring with fakes, under a paused clock: whatever becomes of a mirrored request, its caller does not notice.

use std::time::Duration;

use futures_util::StreamExt;
use http::Method;
use http_body_util::{BodyExt, BodyStream, StreamBody};
use patchbay_channel::Level;
use patchbay_model::FaultKind;
use patchbay_model::traffic::{CanaryPlan, CanaryRules};
use tokio::time::sleep;

use super::*;
use crate::canary::{CanaryRequest, CanarySource};
use crate::fakes::{Bench, component, settings};

fn orders() -> ServiceName {
    "orders".parse().unwrap()
}

fn share(text: &str) -> TrafficShare {
    text.parse().unwrap()
}

impl Bench {
    async fn with_orders(config: &[(&str, &str)], mirror: MirrorSettings) -> Self {
        let bench = Self::new();
        let mut request = bench.request("orders", "live", config);
        request.routes = Some(vec!["/*".parse().unwrap()]);
        request.settings.mirror = mirror;
        bench.control.deploy(request).finished().await.unwrap();
        bench
    }

    /// Mirrors all requests to a candidate with this configuration, for a minute.
    async fn mirroring(&self, config: &[(&str, &str)], change: impl FnOnce(&mut MirrorSettings)) {
        let mut settings = settings(config);
        change(&mut settings.mirror);
        let component = self.components.put(component("candidate"));
        let rules =
            CanaryRules { max_error_increase: None, min_calls: 20, max_errors: Some(3), ..CanaryRules::default() };
        let (bake, prolong) = (Duration::from_secs(60), Duration::from_secs(600));
        let plan = CanaryPlan { mirror: Some(TrafficShare::ALL), bake, prolong, rules, ..CanaryPlan::default() };
        settings.breaker.failures = 0;
        let source = CanarySource::New { component, settings: Box::new(settings) };
        self.control.start_canary(CanaryRequest { service: orders(), source, plan }).finished().await.unwrap();
    }

    /// What one caller gets that sends this body.
    async fn post(&self, uri: &str, body: Body) -> Result<String, FaultKind> {
        let path = uri.split('?').next().unwrap();
        let routing = self.control.route(None, path, &Method::POST).map_err(|_| FaultKind::NotFound)?;
        let request = Request::post(uri).body(body).unwrap();
        let reply = crate::fakes::call(&self.control, routing, request).await;
        let body = reply.map_err(|fault| fault.kind())?.into_body().collect().await.unwrap().to_bytes();
        Ok(String::from_utf8(body.to_vec()).unwrap())
    }

    fn mirrored(&self) -> MirrorView {
        let view = self.control.service(&orders()).unwrap();
        view.canary.and_then(|canary| canary.mirror).or(view.mirror).unwrap()
    }

    fn requests(&self) -> Vec<String> {
        std::mem::take(&mut *self.executor.requests.lock().unwrap())
    }
}

/// A body that comes in two pieces and does not say how large it is.
fn streamed(pieces: [&'static str; 2]) -> Body {
    let [one, other] = pieces.map(|piece| BodyStream::new(full_body(piece)));
    Body::new(StreamBody::new(one.chain(other)))
}

#[tokio::test(start_paused = true)]
async fn a_candidate_gets_what_the_stable_revision_got_and_a_mark() {
    let bench = Bench::with_orders(&[("version", "1"), ("notes", "stable")], MirrorSettings::default()).await;
    bench.mirroring(&[("version", "2"), ("notes", "candidate")], |_| {}).await;
    assert_eq!(bench.post("/x?token=7", full_body("whole")).await.as_deref(), Ok("1"));
    assert_eq!(bench.post("/x", streamed(["in ", "pieces"])).await.as_deref(), Ok("1"));
    sleep(Duration::from_millis(1)).await;
    let mut requests = bench.requests();
    requests.sort();
    assert_eq!(
        requests,
        [
            "candidate: POST /x mirrored in pieces",
            "candidate: POST /x?token=7 mirrored whole",
            "stable: POST /x in pieces",
            "stable: POST /x?token=7 whole",
        ]
    );
    let view = bench.mirrored();
    assert_eq!((view.to.as_str(), view.body_differs, view.same, view.left_out), ("orders@2", 2, 0, 0));
    let sample = &view.samples[0];
    assert_eq!(
        (sample.path.as_str(), &sample.method),
        ("/x", &Method::POST),
        "the query may hold what nobody is to see"
    );
    assert_eq!((sample.live.status, sample.live.size), (Some(200), Some(1)));
    assert_eq!(sample.live.digest, Some(patchbay_model::Digest::of(b"1")));
    assert_eq!((&sample.live.begins, &sample.mirrored.begins), (&None, &None));
}

#[tokio::test(start_paused = true)]
async fn bodies_are_shown_if_that_is_asked_for_and_samples_are_few() {
    let bench = Bench::with_orders(&[("version", "1")], MirrorSettings::default()).await;
    bench.mirroring(&[("version", "2")], |mirror| mirror.show_bodies = true).await;
    for _ in 0..30 {
        assert_eq!(bench.post("/x", full_body("")).await.as_deref(), Ok("1"));
        sleep(Duration::from_millis(1)).await;
    }
    let view = bench.mirrored();
    assert_eq!((view.body_differs, view.samples.len()), (30, 8));
    assert_eq!(view.samples[0].live.begins.as_deref(), Some("1"));
    assert_eq!(view.samples[0].mirrored.begins.as_deref(), Some("2"));
}

#[tokio::test(start_paused = true)]
async fn callers_neither_wait_nor_pay_for_what_is_mirrored() {
    for (config, wanted) in [
        // What the first requests have to wait for is over at the timeout of the mirror.
        (&[("version", "2"), ("delay", "3600")], "status"),
        (&[("version", "2"), ("fails", "call")], "status"),
        (&[("version", "2"), ("status", "500")], "status"),
        (&[("version", "1"), ("delay", "0.5")], "same"),
    ] {
        let bench = Bench::with_orders(&[("version", "1")], MirrorSettings::default()).await;
        bench.mirroring(config, |_| {}).await;
        let begun = Instant::now();
        for _ in 0..100 {
            assert_eq!(bench.post("/x", full_body("small")).await.as_deref(), Ok("1"));
        }
        assert_eq!(begun.elapsed(), Duration::ZERO, "{config:?}");
        // Sixteen at a time; the others are left out, and nobody waits in a line.
        sleep(Duration::from_secs(10)).await;
        let view = bench.mirrored();
        assert_eq!(view.left_out, 84, "{config:?}");
        let counts = (view.same, view.status_differs);
        assert_eq!(counts, if wanted == "same" { (16, 0) } else { (0, 16) }, "{config:?}");
        let canary = bench.control.canary(&orders()).unwrap();
        assert_eq!((canary.errors, canary.share), (0, TrafficShare::NONE), "no caller has seen any of it");
        assert_eq!(canary.candidate.calls, 16);
        assert_eq!(canary.candidate.errors, if wanted == "same" { 0 } else { 16 });
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_too_large_to_be_kept_goes_by_untouched() {
    let bench = Bench::with_orders(&[("version", "1"), ("notes", "stable")], MirrorSettings::default()).await;
    bench.mirroring(&[("version", "1"), ("notes", "candidate")], |mirror| mirror.max_body = 8).await;
    for body in [full_body("123456789"), streamed(["12345", "6789"]), full_body("12345678")] {
        assert_eq!(bench.post("/x", body).await.as_deref(), Ok("1"));
        sleep(Duration::from_millis(1)).await;
    }
    let requests = bench.requests();
    assert_eq!(requests.iter().filter(|line| *line == "stable: POST /x 123456789").count(), 2, "{requests:?}");
    assert_eq!(requests.last().unwrap(), "candidate: POST /x mirrored 12345678");
    let view = bench.mirrored();
    assert_eq!((view.left_out, view.same, requests.len()), (2, 1, 4));
}

#[tokio::test(start_paused = true)]
async fn a_saturated_host_mirrors_nothing() {
    let bench = Bench::with_orders(&[("version", "1"), ("notes", "stable")], MirrorSettings::default()).await;
    bench.mirroring(&[("version", "1"), ("notes", "candidate")], |_| {}).await;
    for (level, left_out, same) in [(0, 0, 1), (1000, 1, 1), (0, 1, 2)] {
        bench.control.shedder.set(Level::new(level));
        assert_eq!(bench.post("/x", full_body("small")).await.as_deref(), Ok("1"));
        sleep(Duration::from_millis(1)).await;
        let view = bench.mirrored();
        assert_eq!((view.left_out, view.same), (left_out, same), "{level}");
    }
    assert_eq!(bench.requests().len(), 5);
}

#[tokio::test(start_paused = true)]
async fn another_service_may_get_them_and_what_it_mirrors_ends_there() {
    let to = |name: &str| MirrorSettings {
        share: share("100%"),
        to: Some(name.parse().unwrap()),
        ..MirrorSettings::default()
    };
    let bench = Bench::with_orders(&[("version", "1"), ("notes", "orders")], to("shadow")).await;
    // While it is not there, nobody notices either.
    assert_eq!(bench.post("/x", full_body("a")).await.as_deref(), Ok("1"));
    sleep(Duration::from_millis(1)).await;
    let mut shadow = bench.request("shadow", "shadow", &[("version", "1"), ("notes", "shadow")]);
    shadow.settings.mirror = to("orders");
    bench.control.deploy(shadow).finished().await.unwrap();
    assert_eq!(bench.post("/x", full_body("b")).await.as_deref(), Ok("1"));
    sleep(Duration::from_secs(1)).await;
    assert_eq!(bench.requests(), ["orders: POST /x a", "orders: POST /x b", "shadow: POST /x mirrored b"]);
    let view = bench.mirrored();
    assert_eq!((view.to.as_str(), view.same, view.status_differs), ("shadow", 1, 1));
    assert_eq!(view.samples[0].mirrored.fault, Some(FaultKind::NotFound));
}

#[tokio::test(start_paused = true)]
async fn a_candidate_that_does_well_in_the_mirror_is_tried_and_one_that_does_not_is_not() {
    for (config, step) in [(&[("version", "2")], Some(1)), (&[("status", "500")], None)] {
        let bench = Bench::with_orders(&[("version", "1")], MirrorSettings::default()).await;
        let component = bench.components.put(component("candidate"));
        let rules = CanaryRules { min_calls: 20, ..CanaryRules::default() };
        let plan =
            CanaryPlan { mirror: Some(share("50%")), bake: Duration::from_secs(10), rules, ..CanaryPlan::default() };
        let source = CanarySource::New { component, settings: Box::new(settings(config)) };
        bench.control.start_canary(CanaryRequest { service: orders(), source, plan }).finished().await.unwrap();
        for _ in 0..120 {
            let answer = bench.post("/x", full_body("")).await.unwrap();
            assert!(answer == "1" || (step.is_some() && answer == "2"));
            sleep(Duration::from_millis(100)).await;
        }
        assert_eq!(bench.control.canary(&orders()).map(|canary| canary.step), step, "{config:?}");
    }
}
