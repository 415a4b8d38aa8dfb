//! Reloads while a revision is tried beside the active one.

use patchbay_model::traffic::CanaryPlan;

use super::*;
use crate::canary::{CanaryRequest, CanarySource};
use crate::change::ChangeErrorKind;

#[tokio::test(start_paused = true)]
async fn a_service_that_is_tried_stays_as_it_is_and_the_others_change() {
    let bench = Bench::new();
    bench.up(vec![bench.answering("a", "1", &["/a"]), bench.answering("b", "1", &["/b"])]).await;
    let a: ServiceName = "a".parse().unwrap();
    let component = bench.components.put(component("candidate"));
    let source = CanarySource::New { component, settings: Box::new(settings(&[("version", "2")])) };
    let plan = CanaryPlan { manual: true, ..CanaryPlan::default() };
    bench.control.start_canary(CanaryRequest { service: a.clone(), source, plan }).finished().await.unwrap();

    let (a3, b2) = (bench.answering("a", "3", &["/a"]), bench.answering("b", "2", &["/b"]));
    let error = bench.reload(vec![a3.clone(), b2.clone()]).await.unwrap_err();
    assert_eq!(error.kind(), ChangeErrorKind::Conflict);
    assert!(error.to_string().contains("`a@2`"), "{error}");
    assert_eq!(bench.serving(), serving(&[("a", 1), ("b", 1)]), "all or nothing");

    bench.reload(vec![bench.answering("a", "1", &["/a", "/more"]), b2.clone()]).await.unwrap();
    assert_eq!(bench.serving(), serving(&[("a", 1), ("b", 2)]));
    assert!(bench.control.canary(&a).is_some(), "the canary goes on");
    bench.control.abort_canary(&a).finished().await.unwrap();
    bench.reload(vec![a3, b2]).await.unwrap();
    assert_eq!(bench.serving(), serving(&[("a", 3), ("b", 2)]));
    // Who takes a service out of the file takes its canary with it.
    let source = CanarySource::Retained(RevisionNumber::FIRST);
    let plan = CanaryPlan { manual: true, ..CanaryPlan::default() };
    bench.control.start_canary(CanaryRequest { service: a.clone(), source, plan }).finished().await.unwrap();
    bench.reload(vec![bench.answering("b", "2", &["/b"])]).await.unwrap();
    assert_eq!((bench.serving(), bench.control.canary(&a).is_some()), (serving(&[("b", 2)]), false));
}
