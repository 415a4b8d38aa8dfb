//! The dashboard: a page for operators, on the listener of the admin API.
//!
//! The page is static files that are part of the program (`page/`), and knows nothing but what the admin API says. What is
//! here brings it to a browser and lets a browser in: the admin token, given once in a form, begins a session, whose cookie
//! then stands for the token. Nothing of a session outlives the host.

use std::time::Duration;

use axum::Router;
use axum::middleware::map_response;
use axum::response::Redirect;
use axum::routing::get;
use http::HeaderMap;
use tokio::time::Instant;
use tower_http::compression::CompressionLayer;

use crate::admin::AdminState;

mod cookie;
mod files;
mod guard;
mod login;
mod origin;
mod pages;
mod sessions;
mod tries;

use cookie::CookieName;
pub(crate) use cookie::strip as strip_sessions;
#[cfg(test)]
pub(crate) use files::{BUILD, FILES};
pub(crate) use guard::guarded;
pub(crate) use origin::{is_from_the_page, may_read};
pub(crate) use sessions::Open;
use sessions::Sessions;
use tries::Tries;

/// Where the page is.
pub(crate) const HOME: &str = "/dashboard/";

/// Who is logged in, and who tries to.
#[derive(Debug)]
pub(crate) struct Dashboard {
    sessions: Sessions,
    tries: Tries,
    cookie: CookieName,
}

impl Dashboard {
    /// Nobody is logged in. `encrypted` says whether the listener at `port` speaks TLS.
    pub(crate) fn new(port: u16, encrypted: bool) -> Self {
        Self { sessions: Sessions::default(), tries: Tries::default(), cookie: CookieName::new(port, encrypted) }
    }

    /// The session that a request belongs to, which counts as used at `now`.
    pub(crate) fn session(&self, headers: &HeaderMap, now: Instant) -> Option<Open> {
        self.sessions.find(self.cookie.find(headers)?, now)
    }
}

/// The paths of the dashboard. They do without the token: nothing there is secret but what a session shows.
pub(crate) fn router() -> Router<AdminState> {
    Router::new()
        .route("/", get(async || Redirect::to(HOME)))
        .route("/dashboard", get(async || Redirect::to(HOME)))
        .route(HOME, get(pages::home))
        .route("/dashboard/login", get(pages::login))
        .route("/dashboard/session", axum::routing::post(login::begin).delete(login::end))
        .route("/dashboard/{build}/{*file}", get(files::show))
        .layer(CompressionLayer::new())
        .layer(map_response(guard::as_page))
}

/// How long a browser may keep a file whose address changes with its content: a year, as is the custom (RFC 9111, 5.2.2.1
/// knows no end).
const KEPT: Duration = Duration::from_secs(365 * 24 * 60 * 60);
