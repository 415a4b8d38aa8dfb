//! The two documents: the page, for whoever has a session, and the form to begin one.

use std::fmt::Write;
use std::sync::LazyLock;

use axum::extract::State;
use axum::response::{IntoResponse, Redirect, Response};
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use http::{HeaderMap, StatusCode};
use tokio::time::Instant;

use super::files::{BUILD, FILES};
use super::{HOME, may_read};
use crate::admin::AdminState;

const FORM: &str = "/dashboard/login";

/// The one script that is no module.
const EARLY: &str = "early.js";

/// Why the form comes again.
#[derive(Debug, Clone, Copy)]
pub(super) enum Refusal {
    /// The token was wrong.
    Wrong,
    /// There were too many wrong ones.
    TooMany,
}

static PAGE: LazyLock<String> = LazyLock::new(|| filled(include_str!("page/index.html"), ""));
static LOGIN: LazyLock<String> = LazyLock::new(|| filled(include_str!("page/login.html"), ""));

/// The page, or the way to the form.
pub(super) async fn home(State(state): State<AdminState>, headers: HeaderMap) -> Response {
    let session = state.dashboard().session(&headers, Instant::now());
    match session.filter(|_| may_read(&headers)) {
        Some(_) => document(StatusCode::OK, PAGE.as_str()),
        None => uncached(Redirect::to(FORM)),
    }
}

/// The form, or the way to the page.
pub(super) async fn login(State(state): State<AdminState>, headers: HeaderMap) -> Response {
    match state.dashboard().session(&headers, Instant::now()) {
        Some(_) => uncached(Redirect::to(HOME)),
        None => document(StatusCode::OK, LOGIN.as_str()),
    }
}

/// The form once more, with the reason.
pub(super) fn refused(refusal: Refusal) -> Response {
    let (status, why) = match refusal {
        Refusal::Wrong => (StatusCode::FORBIDDEN, "This is not the token of this host."),
        Refusal::TooMany => (StatusCode::TOO_MANY_REQUESTS, "Too many wrong tokens. Wait a moment, and try again."),
    };
    let alert = format!("<p id=\"why\" class=\"alert\" role=\"alert\">{why}</p>");
    document(status, filled(include_str!("page/login.html"), &alert))
}

/// A document with the addresses of this build in it. All scripts are named at its head, so that a browser fetches them at
/// once and not one after the other as they import each other.
fn filled(document: &str, alert: &str) -> String {
    let mut preload = String::new();
    for file in FILES.iter().filter(|file| file.path.ends_with(".js") && file.path != EARLY) {
        // Writing into a string cannot fail.
        let _ = writeln!(preload, "  <link rel=\"modulepreload\" href=\"/dashboard/{}/{}\">", *BUILD, file.path);
    }
    document.replace("{{build}}", &BUILD).replace("  {{preload}}\n", &preload).replace("{{alert}}", alert)
}

/// A document. It is asked for again each time: it is what names the files, and depends on the session.
fn document(status: StatusCode, text: impl IntoResponse) -> Response {
    let fields = [(CONTENT_TYPE, "text/html; charset=utf-8"), (CACHE_CONTROL, "no-store")];
    (status, fields, text).into_response()
}

fn uncached(redirect: Redirect) -> Response {
    ([(CACHE_CONTROL, "no-store")], redirect).into_response()
}
