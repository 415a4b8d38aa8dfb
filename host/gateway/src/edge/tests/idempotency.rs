//! Idempotency keys, as draft-ietf-httpapi-idempotency-key-header has them: what runs, what is told again, and what is refused.

use std::time::Duration;

use http_body_util::{BodyExt, StreamBody};
use patchbay_model::{Body, BodyError, CallId, Fault, FaultKind, Reply};
use tokio::sync::oneshot;

use super::harness::{Got, Origin, edge, parts, reply, request, stranger, user};
use crate::edge::{Edge, EdgeCaller};
use crate::problem::reply_to;

const PLAIN: &str = r#"{"idempotency": {}}"#;
const PAY: &str = "POST /pay\nidempotency-key: \"k1\"\n\n100";

fn known(user: &patchbay_model::User) -> EdgeCaller<'_> {
    EdgeCaller { user: Some(user), ..stranger() }
}

#[tokio::test(start_paused = true)]
async fn the_reply_to_the_first_is_the_reply_to_all() {
    let (origin, edge, ada) = (Origin::new(), edge("/*", PLAIN), user("ada"));
    let answer = "201\nlocation: /pay/#\nx-a: 1\nx-a: 2\n\npaid #";
    let first = origin.ask(&edge, PAY, &known(&ada), answer).await;
    let second = origin.ask(&edge, PAY, &known(&ada), answer).await;
    assert_eq!((first.status, first.text(), first.field("idempotency-replayed")), (201, "paid 1", String::new()));
    assert_eq!(
        (second.status, second.text(), second.field("idempotency-replayed")),
        (201, "paid 1", "true".to_owned())
    );
    assert_eq!((second.field("location"), second.field("x-a")), ("/pay/1".to_owned(), "1, 2".to_owned()));
    assert_eq!(origin.calls(), 1);
}

/// Each row: what the first request is, what the second one is, and what comes of the second.
#[tokio::test(start_paused = true)]
async fn keys_belong_to_a_caller_and_a_request() {
    let (ada, bob) = (user("ada"), user("bob"));
    let mut by_key = user("ada");
    by_key.proof = patchbay_model::Proof::ApiKey;
    let mut of_other = user("ada");
    of_other.issuer = "other".to_owned();
    for (caller, second, outcome) in [
        (&ada, PAY, "replayed"),
        (&bob, PAY, "runs"),
        (&by_key, PAY, "runs"),
        (&of_other, PAY, "runs"),
        (&ada, "POST /pay\nidempotency-key: \"k2\"\n\n100", "runs"),
        (&ada, "POST /pay\nidempotency-key: \"k1\"\nx-other: header\n\n100", "replayed"),
        (&ada, "POST /pay\nidempotency-key: \"k1\"\n\n101", "key-reused"),
        (&ada, "POST /pay\nidempotency-key: \"k1\"", "key-reused"),
        (&ada, "POST /pay?x\nidempotency-key: \"k1\"\n\n100", "key-reused"),
        (&ada, "POST /refund\nidempotency-key: \"k1\"\n\n100", "key-reused"),
        (&ada, "PATCH /pay\nidempotency-key: \"k1\"\n\n100", "key-reused"),
        (&ada, "POST /pay\n\n100", "runs"),
        (&ada, "PUT /pay\nidempotency-key: \"k1\"\n\n100", "runs"),
        (&ada, "GET /pay\nidempotency-key: \"k1\"", "runs"),
        (&ada, "POST /pay\nidempotency-key: k1\n\n100", "key-invalid"),
        (&ada, "POST /pay\nidempotency-key: \"k1\"\nidempotency-key: \"k1\"\n\n100", "key-invalid"),
    ] {
        let (origin, edge) = (Origin::new(), edge("/*", PLAIN));
        origin.ask(&edge, PAY, &known(&ada), "200\n\n#").await;
        let got = origin.ask(&edge, second, &known(caller), "200\n\n#").await;
        let found = match (got.status, origin.calls()) {
            (200, 1) if got.field("idempotency-replayed") == "true" => "replayed".to_owned(),
            (200, 2) => "runs".to_owned(),
            (400 | 422, 1) => got.problem(),
            other => panic!("{other:?} {second}"),
        };
        assert_eq!(found, outcome, "{second}");
        if outcome == "key-reused" {
            assert_eq!(got.status, 422);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn routes_can_want_a_key_and_name_the_methods() {
    let (origin, ada) = (Origin::new(), user("ada"));
    let edge = edge("/*", r#"{"idempotency": {"required": true, "methods": ["PUT"]}}"#);
    for (asked, status) in [("PUT /a\n\nx", 400), ("PUT /a\nidempotency-key: \"k\"\n\nx", 200), ("POST /a\n\nx", 200)] {
        let got = origin.ask(&edge, asked, &known(&ada), "200").await;
        assert_eq!(got.status, status, "{asked}");
        if status == 400 {
            assert_eq!(got.problem(), "key-missing");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn callers_who_are_nobody_have_keys_by_address_and_only_where_that_is_said() {
    let origin = Origin::new();
    let refused = origin.ask(&edge("/*", PLAIN), PAY, &stranger(), "200").await;
    assert_eq!((refused.status, refused.problem(), origin.calls()), (400, "caller-unknown".to_owned(), 0));
    let edge = edge("/*", r#"{"idempotency": {"anonymous": true}}"#);
    let from = |last| EdgeCaller { address: [192, 0, 2, last].into(), ..stranger() };
    let ada = user("ada");
    for (caller, body) in [(from(1), "1"), (from(1), "1"), (from(2), "2"), (known(&ada), "3"), (from(2), "2")] {
        assert_eq!(origin.ask(&edge, PAY, &caller, "200\n\n#").await.text(), body);
    }
    // The same address, written in another way.
    let mapped = EdgeCaller { address: std::net::Ipv4Addr::new(192, 0, 2, 1).to_ipv6_mapped().into(), ..stranger() };
    assert_eq!(origin.ask(&edge, PAY, &mapped, "200\n\n#").await.text(), "1");
}

/// What ends without having done any good does not use its key up.
#[tokio::test(start_paused = true)]
async fn failures_release_the_key_unless_they_are_kept() {
    let ada = user("ada");
    let status = |status: u16| reply(&format!("{status}\n\nno"));
    let fault = |kind| reply_to(&Fault::new(kind, "no"), CallId::new(1));
    let unprocessed = |kind| reply_to(&Fault::new(kind, "no").unprocessed(), CallId::new(1));
    type Make<'m> = &'m dyn Fn() -> Reply;
    let rows: [(Make<'_>, bool, bool); 14] = [
        (&|| status(200), false, false),
        (&|| status(400), false, false),
        (&|| status(409), false, false),
        (&|| status(500), true, false),
        (&|| status(503), true, false),
        // What asks to come again may come again.
        (&|| status(408), true, true),
        (&|| status(425), true, true),
        (&|| status(429), true, true),
        // What never reached the service.
        (&|| fault(FaultKind::Overloaded), true, true),
        (&|| fault(FaultKind::RateLimited), true, true),
        (&|| fault(FaultKind::Denied), true, true),
        (&|| unprocessed(FaultKind::Deadline), true, true),
        // What may have.
        (&|| fault(FaultKind::Deadline), true, false),
        (&|| fault(FaultKind::Trapped), true, false),
    ];
    for (number, (make, runs, runs_when_kept)) in rows.iter().enumerate() {
        for (settings, again) in [(PLAIN, *runs), (r#"{"idempotency": {"keep_errors": true}}"#, *runs_when_kept)] {
            let (origin, edge) = (Origin::new(), edge("/*", settings));
            for _ in 0..2 {
                let from = known(&ada);
                let got = origin.send(&edge, request(PAY), &from, |_, _| async { make() }).await;
                assert_eq!(Got::of(got).await.status, make().status().as_u16());
            }
            assert_eq!(origin.calls() == 2, again, "row {number} {settings}");
        }
    }
}

/// Sends a request that runs until the test says, on a task of its own.
async fn while_running(edge: &Edge, origin: &Origin, from: &EdgeCaller<'_>, meanwhile: impl AsyncFnOnce()) -> Got {
    let (begun, running) = oneshot::channel();
    let (end, ended) = oneshot::channel();
    let run = origin.send(edge, request(PAY), from, |_, _| async move {
        begun.send(()).unwrap();
        ended.await.unwrap();
        reply("200\n\nslow")
    });
    let watch = async {
        running.await.unwrap();
        meanwhile().await;
        end.send(()).unwrap();
    };
    let (reply, ()) = futures_util::future::join(run, watch).await;
    Got::of(reply).await
}

#[tokio::test(start_paused = true)]
async fn of_two_at_a_time_one_runs() {
    let (origin, edge, ada) = (Origin::new(), edge("/*", PLAIN), user("ada"));
    let from = known(&ada);
    let first = while_running(&edge, &origin, &from, async || {
        let second = origin.ask(&edge, PAY, &from, "200").await;
        assert_eq!(
            (second.status, second.problem(), second.field("retry-after")),
            (409, "running".to_owned(), "1".to_owned())
        );
        let other = origin.ask(&edge, "POST /pay\nidempotency-key: \"k1\"\n\nother", &from, "200").await;
        assert_eq!(other.status, 422);
    });
    assert_eq!(first.await.text(), "slow");
    assert_eq!(origin.ask(&edge, PAY, &from, "200").await.text(), "slow");
    assert_eq!(origin.calls(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_caller_that_goes_away_leaves_the_key_free_or_used_up() {
    let ada = user("ada");
    for (settings, status) in [(PLAIN, 200), (r#"{"idempotency": {"keep_errors": true}}"#, 409)] {
        let (origin, edge, from) = (Origin::new(), edge("/*", settings), known(&ada));
        let run = origin.send(&edge, request(PAY), &from, |_, _| std::future::pending::<Reply>());
        assert!(tokio::time::timeout(Duration::from_secs(1), run).await.is_err());
        let got = origin.ask(&edge, PAY, &from, "200").await;
        assert_eq!(got.status, status, "{settings}");
        if status == 409 {
            assert_eq!(got.problem(), "reply-lost");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn replies_are_kept_for_their_time() {
    let (origin, edge, ada) = (Origin::new(), edge("/*", r#"{"idempotency": {"ttl": "1h"}}"#), user("ada"));
    for (wait, body) in [(0, "1"), (3599, "1"), (1, "2"), (3599, "2"), (2, "3")] {
        tokio::time::advance(Duration::from_secs(wait)).await;
        assert_eq!(origin.ask(&edge, PAY, &known(&ada), "200\n\n#").await.text(), body);
    }
}

#[tokio::test(start_paused = true)]
async fn bounds_hold_and_nothing_runs_twice_because_of_them() {
    let (origin, ada) = (Origin::new(), user("ada"));
    let edge = edge("/*", r#"{"idempotency": {"max_request": "1KiB", "max_reply": "1KiB", "keys_per_caller": 2}}"#);
    let large = "x".repeat(1025);
    let got = origin.ask(&edge, &format!("POST /\nidempotency-key: \"a\"\n\n{large}"), &known(&ada), "200").await;
    assert_eq!((got.status, got.problem(), origin.calls()), (413, "too-large".to_owned(), 0));
    // A reply that is too large to be kept reaches its caller as a whole, once.
    let asked = "POST /\nidempotency-key: \"b\"\n\nx";
    let first = origin.ask(&edge, asked, &known(&ada), &format!("200\n\n{large}")).await;
    let second = origin.ask(&edge, asked, &known(&ada), "200").await;
    assert_eq!(
        (first.status, first.body.len(), second.status, second.problem()),
        (200, 1025, 409, "reply-lost".to_owned())
    );
    origin.ask(&edge, "POST /\nidempotency-key: \"c\"\n\nx", &known(&ada), "200").await;
    let got = origin.ask(&edge, "POST /\nidempotency-key: \"d\"\n\nx", &known(&ada), "200").await;
    assert_eq!((got.status, got.problem(), origin.calls()), (429, "too-many-keys".to_owned(), 2));
}

fn streaming(pieces: Vec<Result<&'static str, BodyError>>) -> Body {
    let frames = pieces.into_iter().map(|piece| piece.map(|text| http_body::Frame::data(text.into())));
    Body::new(StreamBody::new(futures_util::stream::iter(frames)))
}

#[tokio::test(start_paused = true)]
async fn bodies_in_pieces_are_whole_for_the_service_and_for_who_comes_later() {
    let (origin, edge, ada) = (Origin::new(), edge("/*", PLAIN), user("ada"));
    for pieces in [vec![Ok("1"), Ok("0"), Ok("0")], vec![Ok("10"), Ok("0")]] {
        let (head, _) = request(PAY).into_parts();
        let request = http::Request::from_parts(head, streaming(pieces));
        let got = origin.send(&edge, request, &known(&ada), |_, request| async move {
            let body = request.into_body().collect().await.unwrap().to_bytes();
            assert_eq!(body, "100");
            Reply::new(streaming(vec![Ok("pa"), Ok("id")]))
        });
        assert_eq!(Got::of(got.await).await.text(), "paid");
    }
    assert_eq!(origin.calls(), 1);
}

#[tokio::test(start_paused = true)]
async fn bodies_that_break_off_claim_or_keep_nothing() {
    let (origin, edge, ada) = (Origin::new(), edge("/*", PLAIN), user("ada"));
    let (head, _) = request(PAY).into_parts();
    let broken = streaming(vec![Ok("10"), Err(BodyError::Aborted("gone".to_owned()))]);
    let got = origin.send(&edge, http::Request::from_parts(head, broken), &known(&ada), |_, _| async { reply("200") });
    assert_eq!((Got::of(got.await).await.problem(), origin.calls()), ("invalid".to_owned(), 0));
    let fault = Fault::new(FaultKind::Trapped, "the service broke off");
    let got = origin.send(&edge, request(PAY), &known(&ada), |_, _| async {
        Reply::new(streaming(vec![Ok("pa"), Err(BodyError::Lost(fault))]))
    });
    assert_eq!(Got::of(got.await).await.problem(), "trapped");
    let short = origin.ask(&edge, PAY, &known(&ada), "200\ncontent-length: 9\n\npart").await;
    assert_eq!((short.status, short.problem()), (502, "failed".to_owned()));
    assert_eq!(origin.ask(&edge, PAY, &known(&ada), "200\n\n#").await.text(), "3");
}

#[tokio::test(start_paused = true)]
async fn a_request_that_does_not_come_in_time_is_given_up() {
    let (origin, edge, ada) = (Origin::new(), edge("/*", PLAIN), user("ada"));
    let (head, _) = request(PAY).into_parts();
    let never = Body::new(StreamBody::new(futures_util::stream::pending::<
        Result<http_body::Frame<bytes::Bytes>, BodyError>,
    >()));
    let got = origin.send(&edge, http::Request::from_parts(head, never), &known(&ada), |_, _| async { reply("200") });
    assert_eq!((Got::of(got.await).await.problem(), origin.calls()), ("deadline".to_owned(), 0));
}

#[tokio::test(start_paused = true)]
async fn a_change_of_the_configuration_keeps_the_replies() {
    let (origin, ada) = (Origin::new(), user("ada"));
    let parts = parts(std::path::Path::new(""));
    let make = |json: &str, previous: Option<&Edge>| {
        let settings = serde_json::from_str(json).unwrap();
        Edge::new(&settings, &"/*".parse().unwrap(), &parts, previous).unwrap().unwrap()
    };
    let before = make(PLAIN, None);
    origin.ask(&before, PAY, &known(&ada), "200\n\n#").await;
    let after = make(r#"{"idempotency": {"ttl": "1h"}, "compress": {}}"#, Some(&before));
    assert_eq!(origin.ask(&after, PAY, &known(&ada), "200\n\n#").await.text(), "1");
}

/// What is read has a bound of its own, for all requests together.
#[tokio::test(start_paused = true)]
async fn requests_that_are_being_read_have_a_bound_together() {
    let (origin, ada) = (Origin::new(), user("ada"));
    let edge = edge("/*", r#"{"idempotency": {"memory": "1KiB", "max_request": "1KiB", "max_reply": "1KiB"}}"#);
    let from = known(&ada);
    let large = format!("POST /pay\nidempotency-key: \"k2\"\n\n{}", "x".repeat(1022));
    while_running(&edge, &origin, &from, async || {
        let got = origin.ask(&edge, &large, &from, "200").await;
        assert_eq!((got.status, got.problem()), (503, "no-room".to_owned()));
    })
    .await;
    assert_eq!(origin.ask(&edge, &large, &from, "200").await.status, 200);
}
