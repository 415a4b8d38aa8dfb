//! Requests that the host answers by itself, end to end: a caller that records its trace finds each of them in it.

use serde_json::{Value, json};

use crate::support::{Host, eventually, service};

const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
const CALLER: &str = "b7ad6b7169203331";

/// A service of which replies are kept, routes that only some may use or that may be used once, and one of the host's own.
fn configuration(folder: &str) -> String {
    let traces = "[traces]\nsample = \"0%\"\nat_least = \"none\"\n";
    let key = format!("[auth.keys.robot]\nhash = \"sha256:{}\"\n", "0".repeat(64));
    let files =
        format!("[routes.\"/files/*\"]\nanonymous = true\n[routes.\"/files/*\".files]\ndirectory = \"{folder}\"\n");
    let echo = service("echo", "probe", "instances = \"reuse\"");
    let routes = "[services.echo.routes.\"/version\"]\nanonymous = true\n\
                  [services.echo.routes.\"/version\".cache]\ndefault_ttl = \"1h\"\n\
                  [services.echo.routes.\"/count\"]\n\
                  [services.echo.routes.\"/echo\"]\nanonymous = true\nrate = \"1/h\"\n\
                  [services.echo.routes.\"PUT /headers\"]\nanonymous = true\n\
                  [services.echo.routes.\"PUT /headers\".cors]\norigins = [\"*\"]\n";
    format!("{traces}{key}{files}{echo}{routes}")
}

#[tokio::test(flavor = "multi_thread")]
async fn no_request_is_a_hole_in_the_trace_of_its_caller() {
    let folder = tempfile::TempDir::new().unwrap();
    std::fs::write(folder.path().join("page.txt"), "a page").unwrap();
    let host = Host::start(&configuration(folder.path().to_str().unwrap())).await;
    let ask = async |method: &str, path: &str, flags: &str, status: u16| {
        let request = host.client().request(method.parse().unwrap(), host.url(path));
        let request = request.header("traceparent", format!("00-{TRACE}-{CALLER}-{flags}"));
        let request = request.header("origin", "https://a.test").header("access-control-request-method", "PUT");
        assert_eq!(request.send().await.unwrap().status(), status, "{method} {path}");
    };
    // Those that nobody wants recorded, and that are no fault of the host, are not.
    ask("GET", "/nothing", "00", 404).await;
    ask("GET", "/files/none.txt", "00", 404).await;
    assert_eq!(host.admin_get("/v1/traces").await, json!([]));

    let expected = [
        ("GET", "/nothing", 404, "", Some("not-found"), 0),
        ("DELETE", "/headers", 405, "", Some("method-not-allowed"), 0),
        ("GET", "/version", 200, "echo", None, 1),
        ("GET", "/version", 200, "echo", None, 0),
        ("GET", "/count", 401, "echo", Some("unauthenticated"), 0),
        ("GET", "/echo", 200, "echo", None, 1),
        ("GET", "/echo", 429, "echo", Some("rate-limited"), 0),
        ("OPTIONS", "/headers", 204, "echo", None, 0),
        ("GET", "/files/page.txt", 200, "", None, 0),
        ("GET", "/files/none.txt", 404, "", Some("not-found"), 0),
    ];
    for (method, path, status, ..) in expected {
        ask(method, path, "01", status).await;
    }
    let spans = eventually("all of them are in the trace", async || {
        let trace = host.admin_get(&format!("/v1/traces/{TRACE}")).await;
        let spans = trace["spans"].as_array().unwrap().clone();
        (spans.len() >= expected.len()).then_some(spans)
    })
    .await;
    assert_eq!(spans.len(), expected.len(), "{spans:#?}");
    for (span, (method, path, _, service, fault, attempts)) in spans.iter().zip(expected) {
        let attributes = &span["attributes"];
        assert_eq!((&span["parent"], &span["kind"]), (&json!(CALLER), &json!("server")), "{span}");
        assert_eq!(
            (&attributes["http.request.method"], &attributes["url.path"]),
            (&json!(method), &json!(path)),
            "{span}"
        );
        assert_eq!(span["service"].as_str().unwrap_or_default(), service, "{span}");
        assert_eq!(span["fault"]["kind"].as_str(), fault, "{span}");
        assert_eq!(attributes["patchbay.attempts"].as_u64().unwrap_or_default(), attempts, "{span}");
    }
    let hit = &spans[3]["events"][0];
    assert_eq!(hit["name"], "patchbay.cache");
    assert!(hit["attributes"]["patchbay.cache.status"].as_str().unwrap().contains("; hit"), "{hit}");
    let of = |value: &Value| (value["http.route"].clone(), value["http.response.status_code"].clone());
    assert_eq!(of(&spans[0]["attributes"]), (Value::Null, json!(404)));
    assert_eq!(of(&spans[8]["attributes"]), (json!("/files/*"), json!(200)));

    // Others see them, too: who answered is the host where no service is meant.
    let (status, shown, errors) = host.cli(&["trace", TRACE]).await;
    assert_eq!(status, 0, "{errors}");
    for line in ["server GET /files/*", "echo GET /version"] {
        assert!(shown.contains(line), "{line}: {shown}");
    }
}
