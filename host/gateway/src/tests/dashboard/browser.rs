//! As much of a browser as the tests need: it does not follow redirects, so that they are seen.

use http::Method;
use reqwest::redirect::Policy;
use reqwest::{Client, RequestBuilder, Response};

use crate::AdminConfig;
use crate::tests::host::{Host, Listening, TOKEN, says};

/// A host with the service `orders`, and its admin listener.
pub(super) async fn serving() -> (Host, Listening) {
    let host = Host::serving(says("here"), &["GET /api/*"]).await;
    let admin = host.admin_with(AdminConfig::default()).await;
    (host, admin)
}

pub(super) fn ask(admin: &Listening, method: Method, path: &str) -> RequestBuilder {
    Client::builder().redirect(Policy::none()).build().unwrap().request(method, admin.url(path))
}

pub(super) async fn get(admin: &Listening, path: &str) -> Response {
    ask(admin, Method::GET, path).send().await.unwrap()
}

/// What the form sends.
pub(super) async fn login(admin: &Listening, token: &str) -> Response {
    let request = ask(admin, Method::POST, "/dashboard/session");
    let request = request.header("content-type", "application/x-www-form-urlencoded");
    request.body(format!("token={token}")).send().await.unwrap()
}

/// The `Cookie` header of a session that just began.
pub(super) async fn session(admin: &Listening) -> String {
    let reply = login(admin, TOKEN).await;
    assert_eq!(reply.status(), 303);
    let cookie = reply.headers()["set-cookie"].to_str().unwrap();
    cookie.split(';').next().unwrap().to_owned()
}

/// A request of a script of the page.
pub(super) fn of_page(admin: &Listening, cookie: &str, method: Method, path: &str) -> RequestBuilder {
    let request = ask(admin, method, path).header("cookie", cookie).header("x-patchbay-dashboard", "1");
    request.header("origin", admin.url(""))
}
