//! Requests that guests send, with a port that does what the test says.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use http_body_util::BodyExt;
use patchbay_model::{
    CallId, Course, InstancePolicy, Limits, OutboundError, OutboundRequest, Reply, Settings, empty_body, full_body,
};

use crate::harness::{PATIENCE, Rig, Service, call, every_way, now, text};

/// Sends a request to a port that answers `outcome`; what the guest got, and what the port did.
async fn exchange(
    guest: &str,
    policy: InstancePolicy,
    outcome: Result<&'static str, OutboundError>,
) -> (String, OutboundRequest, Course) {
    let rig = Rig::new();
    let sent = Arc::new(Mutex::new(None));
    let kept = sent.clone();
    rig.outside.answers(move |request| {
        *kept.lock().unwrap() = Some(request);
        std::future::ready(outcome.clone().map(|text| Reply::new(full_body(text))))
    });
    let service = rig.probe(guest, policy).await;
    let (call, _) = call("/outgoing?url=https://shop.example:8443/a?b=1&connect=7&first=8", empty_body(), PATIENCE);
    let course = call.context.course();
    let answer = text(service.serve(call).await.unwrap().into_body()).await.unwrap();
    let sent = sent.lock().unwrap().take().unwrap();
    (answer, sent, course)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_guest_sends_arrives_with_its_call() {
    for (guest, policy) in every_way() {
        let (answer, sent, course) = exchange(guest, policy, Ok("done")).await;
        assert_eq!(answer, "status 200: done", "{guest} {policy:?}");
        assert_eq!(sent.course, course, "{guest} {policy:?}");
        assert_eq!(sent.request.uri(), "https://shop.example:8443/a?b=1");
        assert_eq!(sent.request.headers()["host"], "shop.example:8443");
        assert_eq!(sent.connect_timeout, Some(Duration::from_millis(7)));
        assert_eq!(sent.first_byte_timeout, Some(Duration::from_millis(8)));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_goes_wrong_has_its_error_code() {
    let text = String::new;
    for (error, code) in [
        (OutboundError::Denied, "HttpRequestDenied"),
        (OutboundError::ProhibitedAddress, "DestinationIpProhibited"),
        (OutboundError::NoSuchService, "DestinationNotFound"),
        (OutboundError::InvalidAddress, "HttpRequestUriInvalid"),
        (OutboundError::TooLarge { limit: 7 }, "HttpRequestBodySize(Some(7))"),
        (OutboundError::ConnectionLimit, "ConnectionLimitReached"),
        (OutboundError::Name("no such name".to_owned()), "no such name"),
        (OutboundError::NameTimeout, "DnsTimeout"),
        (OutboundError::Refused, "ConnectionRefused"),
        (OutboundError::Unreachable(text()), "DestinationUnavailable"),
        (OutboundError::ConnectTimeout, "ConnectionTimeout"),
        (OutboundError::Certificate(text()), "TlsCertificateError"),
        (OutboundError::TlsAlert { number: 40, description: text() }, "TlsAlertReceived"),
        (OutboundError::Tls(text()), "TlsProtocolError"),
        (OutboundError::Terminated, "ConnectionTerminated"),
        (OutboundError::FirstByteTimeout, "ConnectionReadTimeout"),
        (OutboundError::Deadline, "HttpResponseTimeout"),
        (OutboundError::HeadTooLarge, "HttpResponseHeaderSectionSize"),
        (OutboundError::Protocol(text()), "HttpProtocolError"),
        (OutboundError::Host("a secret".to_owned()), "InternalError(None)"),
    ] {
        for guest in ["probe.wasm", "probe3.wasm"] {
            let (answer, ..) = exchange(guest, InstancePolicy::Fresh, Err(error.clone())).await;
            assert!(answer.contains(code) && !answer.contains("secret"), "{guest} {error}: {answer}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_that_share_an_instance_send_as_if_for_the_last_and_the_deepest() {
    let rig = Rig::new();
    let courses = Arc::new(Mutex::new(Vec::new()));
    let kept = courses.clone();
    rig.outside.answers(move |request| {
        kept.lock().unwrap().push(request.course);
        std::future::ready(Ok(Reply::new(empty_body())))
    });
    let service = rig.probe("probe3.wasm", InstancePolicy::Concurrent).await;
    service.prepared.warm().await.unwrap();
    let (mut long, _) = call("/sleep?ms=500", empty_body(), PATIENCE);
    long.context.hops = 9;
    let (short, _) = call("/outgoing?url=http://shop.example/", empty_body(), Duration::from_secs(5));
    let expected =
        Course { call: None, deadline: long.context.deadline, hops: 9, cause: None, trace: None, user: None };
    let (first, second) = tokio::join!(service.serve(long), async {
        tokio::time::sleep(Duration::from_millis(100)).await;
        service.serve(short).await
    });
    let (first, second) = (first.unwrap(), second.unwrap());
    tokio::join!(text(first.into_body()), text(second.into_body())).0.unwrap();
    assert_eq!(*courses.lock().unwrap(), [expected]);
    let (alone, _) = call("/outgoing?url=http://shop.example/", empty_body(), PATIENCE);
    let id: CallId = alone.context.id;
    text(service.serve(alone).await.unwrap().into_body()).await.unwrap();
    let last = courses.lock().unwrap().pop().unwrap();
    assert_eq!((last.call, last.hops), (Some(id), 3));
}

async fn limited(rig: &Rig, guest: &str) -> Service {
    let limits = Limits { outbound_body: 1000, ..Limits::default() };
    rig.prepare(guest, InstancePolicy::Fresh, Settings { limits, ..Settings::default() }).await
}

#[tokio::test(flavor = "multi_thread")]
async fn bodies_are_held_to_the_limit_both_ways() {
    for guest in ["probe.wasm", "probe3.wasm"] {
        let rig = Rig::new();
        rig.outside.answers(|request: OutboundRequest| async move {
            match request.request.into_body().collect().await {
                Ok(body) => Ok(Reply::new(full_body(vec![b'x'; body.to_bytes().len().max(1001)]))),
                Err(error) => Ok(Reply::new(full_body(format!("the body: {error}")))),
            }
        });
        let service = limited(&rig, guest).await;
        let (_, answer) = service.get("/outgoing?url=http://shop.example/").await.unwrap();
        let told = ["HttpResponseBodySize(Some(1000))", "response body size exceeds limit: 1000 bytes"];
        assert!(told.iter().any(|text| answer.contains(text)), "{guest}: {answer}");
        let (call, _) = call("/relay?url=http://shop.example/", full_body(vec![b'x'; 1001]), PATIENCE);
        let answer = text(service.serve(call).await.unwrap().into_body()).await.unwrap();
        // Refused at once where the size is announced.
        let told = ["HttpRequestBodySize(Some(1000))", "larger than the limit of 1000 bytes"];
        assert!(told.iter().any(|text| answer.contains(text)), "{guest}: {answer}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_is_not_answered_ends_when_nobody_waits_any_more() {
    for (guest, policy) in every_way() {
        let rig = Rig::new();
        let under_way = Arc::new(());
        let held = under_way.clone();
        rig.outside.answers(move |_| {
            let held = held.clone();
            async move {
                std::future::pending::<()>().await;
                drop(held);
                Err(OutboundError::Refused)
            }
        });
        let service = rig.probe(guest, policy).await;
        let begun = now();
        let outcome = service.get_within("/outgoing?url=http://shop.example/", Duration::from_millis(300)).await;
        drop(outcome);
        // What is left is what the port itself holds.
        crate::harness::until(|| Arc::strong_count(&under_way) <= 2).await;
        assert!(begun.elapsed() < Duration::from_secs(20), "{guest} {policy:?}");
    }
}
