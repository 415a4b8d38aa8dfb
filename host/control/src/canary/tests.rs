//! Canaries with fakes, under a paused clock: callers come and go, and the canary sees to itself.

use std::collections::BTreeMap;
use std::time::Duration;

use http::{HeaderValue, Method, Request};
use http_body_util::BodyExt;
use patchbay_model::policy::BreakerSettings;
use patchbay_model::traffic::{CanaryRules, TrafficSettings, TrafficShare};
use patchbay_model::{FaultKind, Principal, Reply, empty_body};
use tokio::time::sleep;

use super::*;
use crate::fakes::{Bench, component, settings};

mod ends;
mod lives;
mod resumed;

fn orders() -> ServiceName {
    "orders".parse().unwrap()
}

fn share(text: &str) -> TrafficShare {
    text.parse().unwrap()
}

/// Half of the calls for a minute, judged by 20 calls.
fn plan() -> CanaryPlan {
    CanaryPlan {
        steps: vec![share("50%")],
        bake: Duration::from_secs(60),
        prolong: Duration::from_secs(60),
        rules: CanaryRules { min_calls: 20, ..CanaryRules::default() },
        ..CanaryPlan::default()
    }
}

/// How callers fared: how often each answer came, be it a version or a fault.
type Answers = BTreeMap<String, u32>;

impl Bench {
    /// A host whose service `orders` answers `1`.
    async fn with_orders_serving() -> Self {
        let bench = Self::new();
        bench.deploy_version("1", false).await.unwrap();
        bench
    }

    async fn deploy_version(&self, version: &str, replace: bool) -> Result<Outcome, ChangeError> {
        let mut request = self.request("orders", version, &[("version", version)]);
        request.routes = Some(vec!["/*".parse().unwrap()]);
        request.replace = replace;
        self.control.deploy(request).finished().await
    }

    /// A candidate that is a component of its own, with this configuration.
    fn candidate(&self, config: &[(&str, &str)], plan: CanaryPlan) -> CanaryRequest {
        let mut settings = settings(config);
        // What callers pay until a candidate goes is what is tested, and not its breaker.
        settings.breaker = BreakerSettings { failures: 0, ..BreakerSettings::default() };
        let component = self.components.put(component(&format!("{config:?}").replace('"', "")));
        CanaryRequest { service: orders(), source: CanarySource::New { component, settings: Box::new(settings) }, plan }
    }

    async fn start_with(&self, config: &[(&str, &str)], plan: CanaryPlan) -> Result<Outcome, ChangeError> {
        self.control.start_canary(self.candidate(config, plan)).finished().await
    }

    async fn send(&self, header: Option<(&'static str, &str)>) -> Result<Reply, FaultKind> {
        let routing = self.control.route(None, "/x", &Method::GET).map_err(|_| FaultKind::NotFound)?;
        let request = header.into_iter().fold(Request::get("/x"), |request, (name, value)| request.header(name, value));
        let request = request.body(empty_body()).unwrap();
        crate::fakes::call(&self.control, routing, request).await.map_err(|fault| fault.kind())
    }

    /// What one caller gets.
    async fn ask_with(&self, header: Option<(&'static str, &str)>) -> String {
        match self.send(header).await {
            Ok(reply) => {
                let status = reply.status().as_u16();
                let body = reply.into_body().collect().await.unwrap().to_bytes();
                let body = String::from_utf8(body.to_vec()).unwrap();
                if status == 200 { body } else { format!("{status} {body}") }
            }
            Err(kind) => kind.to_string(),
        }
    }

    /// Callers that come one after the other, ten in a second, for so long.
    async fn callers(&self, time: Duration) -> Answers {
        let mut answers = Answers::new();
        let end = tokio::time::Instant::now() + time;
        while tokio::time::Instant::now() < end {
            *answers.entry(self.ask_with(None).await).or_default() += 1;
            sleep(Duration::from_millis(100)).await;
        }
        answers
    }

    /// The kinds of the events of canaries so far, with their sentences.
    fn canary_news(&self) -> Vec<(EventKind, String)> {
        let kept = self.control.events().read(0).kept;
        let of_canary = |kind| {
            matches!(
                kind,
                EventKind::CanaryStarted
                    | EventKind::CanaryResumed
                    | EventKind::CanaryAdvanced
                    | EventKind::CanaryWaits
                    | EventKind::CanaryPromoted
                    | EventKind::CanaryAborted
            )
        };
        let events = kept.iter().map(|entry| (entry.record.kind, entry.record.message.clone()));
        events.filter(|(kind, _)| of_canary(*kind)).collect()
    }

    fn kinds(&self) -> Vec<EventKind> {
        self.canary_news().into_iter().map(|(kind, _)| kind).collect()
    }

    /// The active revision, the retained ones, and whether one is tried.
    fn revisions(&self) -> (Option<u32>, Vec<u32>, bool) {
        let view = self.control.service(&orders()).unwrap();
        assert_eq!(self.registry.saved(), self.control.snapshot.load().record(), "the registry says what runs");
        assert_eq!(view.canary.is_some(), view.revisions.iter().any(|revision| revision.candidate));
        let numbers = view.revisions.iter().map(|revision| revision.id.number.get()).collect();
        (view.active.map(RevisionNumber::get), numbers, view.canary.is_some())
    }
}
