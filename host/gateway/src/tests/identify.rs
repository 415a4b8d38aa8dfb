//! Who is let in, what the service learns of them, and what those are told who stay outside.

use std::sync::Arc;
use std::time::Duration;

use patchbay_control::{DeclaredRoute, Identities};
use patchbay_model::policy::RouteSettings;
use patchbay_model::ports::{Authenticator, BoxFuture, TokenRequest, TokenSigner};
use patchbay_model::{AuthError, AuthErrorKind, Credential, Proof, Reply, User, full_body};
use serde_json::{Value, json};

use super::client::raw;
use super::host::{Host, Script, component, script};
use crate::AdminConfig;

/// Knows one token and one key of each sort.
struct Fake;

impl Authenticator for Fake {
    fn authenticate<'a>(&'a self, credential: Credential<'a>) -> BoxFuture<'a, Result<Arc<User>, AuthError>> {
        let user = |proof, subject: &str, scopes: &[&str]| {
            Ok(Arc::new(User {
                proof,
                issuer: "corp".to_owned(),
                subject: subject.to_owned(),
                scopes: scopes.iter().map(|scope| (*scope).to_owned()).collect(),
                groups: Vec::new(),
                claims: Default::default(),
                expires: None,
            }))
        };
        let outcome = match credential {
            Credential::Token("ann") => user(Proof::Token, "ann", &["write"]),
            Credential::Token("bob") => user(Proof::Token, "bob", &[]),
            Credential::ApiKey("robot") => user(Proof::ApiKey, "robot", &[]),
            Credential::Token("old") => Err(AuthError::new(AuthErrorKind::Expired, "secret details")),
            Credential::Token("dark") => Err(AuthError::new(AuthErrorKind::Unavailable, "secret details")),
            Credential::Token(_) | Credential::ApiKey(_) => {
                Err(AuthError::new(AuthErrorKind::Invalid, "secret details"))
            }
        };
        Box::pin(async move {
            tokio::task::yield_now().await;
            outcome
        })
    }
}

impl TokenSigner for Fake {
    fn sign(&self, _: &TokenRequest) -> Result<String, AuthError> {
        Err(AuthError::new(AuthErrorKind::Unavailable, "no key"))
    }

    fn key_set(&self) -> String {
        r#"{"keys":[]}"#.to_owned()
    }
}

/// Answers with who calls and which of their headers arrived.
fn who() -> Script {
    script(|call| {
        let user = call.context.user.as_ref().map(|user| user.subject.clone());
        let header = |name: &str| call.request.headers().get(name).map(|value| value.to_str().unwrap().to_owned());
        let (authorization, key) = (header("authorization"), header("x-api-key"));
        let text = format!("{} {user:?} {authorization:?} {key:?}", call.context.caller);
        std::future::ready(Ok(Reply::new(full_body(text))))
    })
}

fn route(route: &str, settings: RouteSettings) -> DeclaredRoute {
    DeclaredRoute { route: route.parse().unwrap(), settings }
}

fn knowing() -> Identities {
    Identities { authenticator: Some(Arc::new(Fake)), signer: Some(Arc::new(Fake)), ..Identities::default() }
}

#[tokio::test]
async fn those_who_come_in_are_known_and_the_others_learn_nothing() {
    let anonymous = RouteSettings { anonymous: true, ..RouteSettings::default() };
    let forwards = RouteSettings { forward_credentials: true, ..RouteSettings::default() };
    let writers = RouteSettings { callers: Some(vec!["scope:write".parse().unwrap()]), ..RouteSettings::default() };
    let routes = vec![
        route("/closed", RouteSettings::default()),
        route("/open", anonymous),
        route("/forwards", forwards),
        route("/writers", writers),
    ];
    let host = Host::guarded(who(), routes, false).await;
    host.control.set_identities(knowing());
    let http = host.http().await;
    const NOBODY: &str = r#"Bearer realm="patchbay""#;
    const INVALID: &str = r#"Bearer realm="patchbay", error="invalid_token""#;
    const SCOPE: &str = r#"Bearer realm="patchbay", error="insufficient_scope""#;
    for (path, headers, status, told) in [
        ("/closed", "", 401, NOBODY),
        ("/closed", "authorization: Basic eDp5", 401, NOBODY),
        ("/closed", "authorization: Bearer ann", 200, "user:corp/ann Some(\"ann\") None None"),
        ("/closed", "authorization: bEARER  ann", 200, "user:corp/ann Some(\"ann\") None None"),
        ("/closed", "x-api-key: robot", 200, "user:corp/robot Some(\"robot\") None None"),
        ("/closed", "authorization: Bearer nonsense", 401, INVALID),
        ("/closed", "authorization: Bearer ", 401, INVALID),
        ("/closed", "authorization: Bearer old", 401, INVALID),
        ("/closed", "x-api-key: stolen", 401, INVALID),
        ("/closed", "x-api-key: \u{e9}", 401, INVALID),
        ("/closed", "authorization: Bearer dark", 503, ""),
        ("/closed", "authorization: Bearer ann\r\nx-api-key: robot", 400, ""),
        ("/closed", "authorization: Bearer ann\r\nauthorization: Bearer bob", 400, ""),
        ("/closed", "patchbay-caller: orders", 401, NOBODY),
        ("/open", "", 200, "outside None None None"),
        ("/open", "authorization: Basic eDp5", 200, "outside None Some(\"Basic eDp5\") None"),
        ("/open", "authorization: Bearer ann", 200, "user:corp/ann Some(\"ann\") None None"),
        ("/open", "authorization: Bearer nonsense", 401, INVALID),
        ("/forwards", "authorization: Bearer ann", 200, "user:corp/ann Some(\"ann\") Some(\"Bearer ann\") None"),
        ("/writers", "authorization: Bearer ann", 200, "user:corp/ann Some(\"ann\") None None"),
        ("/writers", "authorization: Bearer bob", 403, SCOPE),
        ("/writers", "x-api-key: robot", 403, ""),
        ("/writers", "", 401, NOBODY),
    ] {
        let separator = if headers.is_empty() { "" } else { "\r\n" };
        let request = format!("GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close{separator}{headers}\r\n\r\n");
        let reply = raw(http.address, &request).await;
        let (head, body) = reply.split_once("\r\n\r\n").unwrap();
        let found: u16 = head[9..12].parse().unwrap();
        assert_eq!(found, status, "{path} {headers}: {reply}");
        if status == 200 {
            assert_eq!(body, told, "{path} {headers}");
            continue;
        }
        let challenge = head.lines().find_map(|line| line.strip_prefix("www-authenticate: "));
        assert_eq!(challenge.unwrap_or_default(), told, "{path} {headers}: {reply}");
        let problem: Value = serde_json::from_str(body).unwrap();
        assert_eq!(problem["status"], status, "{reply}");
        assert!(!body.contains("secret") && !body.contains("/writers") && !body.contains("bob"), "{reply}");
    }
    let counts = host.control.service(&"orders".parse().unwrap()).unwrap().counts;
    assert_eq!((counts.unauthenticated, counts.denied), (10, 2));
}

#[tokio::test]
async fn routes_that_are_given_at_deployment_are_for_everybody_if_that_is_said() {
    let host = Host::guarded(who(), Vec::new(), false).await;
    host.control.set_identities(knowing());
    let (admin, http) = (host.admin_with(AdminConfig::default()).await, host.http().await);
    let component = host.components.put(component("next")).digest;
    for (body, status) in [
        (json!({ "routes": ["/*"] }), 401),
        (json!({ "routes": ["/*"], "anonymous": true }), 200),
        // What is not said of the routes stays as it is.
        (json!({ "settings": { "config": { "a": "b" } } }), 200),
        (json!({ "routes": ["/*"], "anonymous": false }), 401),
    ] {
        let mut deployment = body.clone();
        deployment["component"] = json!(component);
        let (told, outcome) = admin.post("/v1/services/orders/revisions", &deployment).await;
        assert_eq!(told, 200, "{outcome}");
        assert_eq!(reqwest::get(http.url("/x")).await.unwrap().status(), status, "{body}");
    }
    let of_nothing = json!({ "component": component, "anonymous": true });
    let (status, problem) = admin.post("/v1/services/orders/revisions", &of_nothing).await;
    assert!(status == 400 && problem["detail"].as_str().unwrap().contains("`routes`"), "{problem}");
}

#[tokio::test]
async fn a_host_that_knows_nobody_leaves_credentials_to_its_services() {
    let host = Host::serving(who(), &["/*"]).await;
    let http = host.http().await;
    let request =
        "GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\nauthorization: Bearer own\r\nx-api-key: own\r\n\r\n";
    let reply = raw(http.address, request).await;
    assert!(reply.ends_with(r#"outside None Some("Bearer own") Some("own")"#), "{reply}");
}

#[tokio::test]
async fn the_keys_of_the_host_are_published() {
    let host = Host::guarded(who(), vec![route("/*", RouteSettings::default())], true).await;
    let get = "GET /.well-known/jwks.json HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";
    host.control.set_identities(knowing());
    let http = host.http().await;
    let reply = raw(http.address, get).await;
    assert!(reply.contains("content-type: application/jwk-set+json") && reply.ends_with(r#"{"keys":[]}"#), "{reply}");
    // Without any, the path is like every other one.
    host.control.set_identities(Identities::default());
    let reply = raw(http.address, get).await;
    assert!(reply.starts_with("HTTP/1.1 401"), "{reply}");
    let wait = tokio::time::timeout(Duration::from_secs(5), host.control.stop(Duration::ZERO)).await;
    assert_eq!(wait, Ok(0));
}
