//! Trace contexts on their way from callers to services, and traces over the admin API.

use std::sync::{Arc, Mutex};

use http::{HeaderMap, Method, StatusCode};
use patchbay_model::{Fault, FaultKind, Reply, full_body};
use serde_json::{Value, json};

use patchbay_control::DeclaredRoute;
use patchbay_model::policy::RouteSettings;

use super::admin::problem;
use super::host::{Host, Listening, says, script};
use crate::AdminConfig;

const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
const PARENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

/// A host whose service fails below `/x/fail`, and the headers that it was called with.
async fn host() -> (Host, Arc<Mutex<Vec<HeaderMap>>>) {
    let seen = Arc::<Mutex<Vec<HeaderMap>>>::default();
    let kept = Arc::clone(&seen);
    let serve = move |call: patchbay_model::Call| {
        kept.lock().unwrap().push(call.request.headers().clone());
        let fails = call.request.uri().path() == "/x/fail";
        async move {
            match fails {
                true => Err(Fault::new(FaultKind::Trapped, "it broke off").with_details("unreachable")),
                false => Ok(Reply::new(full_body("done"))),
            }
        }
    };
    (Host::serving(script(serve), &["/x/*"]).await, seen)
}

async fn shown(admin: &Listening, path: &str) -> Value {
    admin.ask(Method::GET, path).send().await.unwrap().json().await.unwrap()
}

#[tokio::test]
async fn a_service_is_told_its_own_span_and_operators_see_it() {
    let (host, seen) = host().await;
    let (http, admin) = (host.http().await, host.admin_with(AdminConfig::default()).await);
    let ask = async |path: &str, parent: &str| {
        let request = reqwest::Client::new().get(http.url(path));
        request.header("traceparent", parent).header("tracestate", "a=1").send().await.unwrap()
    };
    assert_eq!(ask("/x/y?secret=1", PARENT).await.status(), StatusCode::OK);
    let unsampled = "00-00000000000000000000000000000007-00000000000000b7-00";
    assert_eq!(ask("/x/y", unsampled).await.status(), StatusCode::OK);
    assert_eq!(ask("/x/fail", unsampled).await.status(), StatusCode::INTERNAL_SERVER_ERROR);

    let got = seen.lock().unwrap()[0].clone();
    assert_eq!(got["tracestate"], "a=1");
    let told = got["traceparent"].to_str().unwrap();
    let span = told.strip_prefix(&format!("00-{TRACE}-")).unwrap().strip_suffix("-01").unwrap();
    assert_ne!(span, "b7ad6b7169203331");

    let trace = shown(&admin, &format!("/v1/traces/{TRACE}")).await;
    let own = &trace["spans"][0];
    let expected = json!({
        "span": span, "parent": "b7ad6b7169203331", "kind": "server", "name": "GET /x/*", "service": "orders",
        "revision": 1, "sampled": true, "offset_seconds": 0.0,
    });
    for (key, value) in expected.as_object().unwrap() {
        assert_eq!(&own[key], value, "{key}");
    }
    assert_eq!((trace["spans"].as_array().unwrap().len(), &own["fault"]), (1, &Value::Null));
    let expected = json!({
        "http.request.method": "GET", "http.response.status_code": 200, "http.route": "/x/*", "url.path": "/x/y",
        "url.scheme": "http", "patchbay.service": "orders", "patchbay.revision": 1, "patchbay.caller": "outside",
        "patchbay.attempts": 1, "patchbay.call": own["call"],
    });
    assert_eq!(own["attributes"], expected);
    assert_eq!(own["events"][0]["name"], "patchbay.revision");

    let list = async |query: &str| {
        let lines = shown(&admin, &format!("/v1/traces{query}")).await;
        let ids = lines
            .as_array()
            .unwrap()
            .iter()
            .map(|line| line["trace"].as_str().unwrap().trim_start_matches('0').to_owned());
        ids.collect::<Vec<_>>()
    };
    // What was not sampled is there only because it failed.
    assert_eq!(list("").await, ["7", &TRACE[1..]]);
    assert_eq!(list("?faulted=true").await, ["7"]);
    assert_eq!(list("?limit=1&service=orders").await, ["7"]);
    assert_eq!(list("?service=nobody").await, [""; 0]);
    let failed = shown(&admin, &format!("/v1/traces/{:0>32}", 7)).await;
    let expected = json!({ "kind": "trapped", "message": "it broke off", "details": "unreachable" });
    assert_eq!((&failed["spans"][0]["fault"], &failed["spans"][0]["sampled"]), (&expected, &json!(false)));
}

#[tokio::test]
async fn traces_that_are_not_there_are_problems() {
    let (host, _) = host().await;
    let admin = host.admin_with(AdminConfig::default()).await;
    for (path, status) in [
        (format!("/v1/traces/{TRACE}"), StatusCode::NOT_FOUND),
        ("/v1/traces/7".to_owned(), StatusCode::BAD_REQUEST),
        ("/v1/traces?limit=many".to_owned(), StatusCode::BAD_REQUEST),
        ("/v1/traces?colour=red".to_owned(), StatusCode::BAD_REQUEST),
        ("/v1/traces?service=No".to_owned(), StatusCode::BAD_REQUEST),
    ] {
        let reply = admin.ask(Method::GET, &path).send().await.unwrap();
        assert_eq!(reply.status(), status, "{path}");
        problem(reply).await;
    }
}

#[tokio::test]
async fn those_who_are_refused_leave_a_span_too() {
    let route = DeclaredRoute { route: "/x/*".parse().unwrap(), settings: RouteSettings::default() };
    let host = Host::guarded(says("never"), vec![route], true).await;
    let http = host.http().await;
    let reply = reqwest::Client::new().delete(http.url("/x/y")).header("traceparent", PARENT).send().await.unwrap();
    assert_eq!(reply.status(), StatusCode::UNAUTHORIZED);
    let spans = host.control.trace(TRACE.parse().unwrap());
    assert_eq!((spans.len(), spans[0].name.as_str(), spans[0].attempts), (1, "DELETE /x/*", 0));
    assert_eq!(spans[0].fault.as_ref().map(|fault| &*fault.kind), Some("unauthenticated"));
}
