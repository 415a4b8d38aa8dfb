//! Answers with files: a front end that runs in browsers. tower-http's `ServeDir` does what HTTP asks for (ranges, validators,
//! media types, files that were compressed before); which files there are is for `directory.rs` to say.

mod directory;

use std::io;
use std::path::{Path, PathBuf};

use http::header::{ACCEPT, ALLOW, CACHE_CONTROL, X_CONTENT_TYPE_OPTIONS};
use http::{HeaderMap, HeaderValue, Method, Request, StatusCode, Uri, request};
use http_body_util::BodyExt;
use patchbay_model::policy::FilesSettings;
use patchbay_model::{Body, BodyError, CallId, Fault, FaultKind, PathPattern, Reply, empty_body};
use tower::ServiceExt;
use tower_http::services::ServeDir;
use tower_http::services::fs::DefaultServeDirFallback;

use self::directory::Directory;
use super::rewrite::{below, joined};
use crate::problem::reply_to;

/// For what may change at any time: whoever keeps it asks whether it is still the same.
const ASK_AGAIN: HeaderValue = HeaderValue::from_static("no-cache");
/// For what never changes (RFC 8246).
const FOR_EVER: HeaderValue = HeaderValue::from_static("public, max-age=31536000, immutable");

/// The files of one route.
pub(super) struct Files {
    serve: ServeDir<DefaultServeDirFallback, Directory>,
    /// The prefix of the route.
    prefix: String,
    fallback: Option<String>,
    immutable: Vec<PathPattern>,
}

impl Files {
    /// The files of `settings`, whose directory is relative to `base`.
    ///
    /// # Errors
    /// If there is no such directory.
    pub(super) fn new(
        settings: &FilesSettings,
        paths: &PathPattern,
        base: &Path,
    ) -> Result<Self, (PathBuf, io::Error)> {
        let (PathPattern::Exact(prefix) | PathPattern::Prefix(prefix)) = paths;
        let path = base.join(&settings.directory);
        let directory = Directory::open(&path).map_err(|error| (path, error))?;
        let serve = ServeDir::with_backend(directory.path(), directory.clone())
            .append_index_html_on_directories(settings.index)
            .redirect_path_prefix(prefix.clone())
            .precompressed_br()
            .precompressed_gzip();
        Ok(Self {
            serve,
            prefix: prefix.clone(),
            fallback: settings.fallback.as_ref().map(|file| format!("/{file}")),
            immutable: settings.immutable.clone(),
        })
    }

    pub(super) async fn answer(&self, request: Request<Body>, call: CallId) -> Reply {
        let (head, _) = request.into_parts();
        if head.method != Method::GET && head.method != Method::HEAD {
            let fault = Fault::new(FaultKind::MethodNotAllowed, "files can be asked for with GET and HEAD only");
            let mut reply = reply_to(&fault, call);
            reply.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
            return reply;
        }
        let path = joined("", below(&self.prefix, head.uri.path()).unwrap_or_default());
        let mut reply = self.serve(&head, &path).await;
        let mut served = path.as_str();
        if let Some(fallback) = self.fallback.as_deref().filter(|_| reply.status() == StatusCode::NOT_FOUND)
            && is_page(&path, &head.headers)
        {
            reply = self.serve(&head, fallback).await;
            served = fallback;
        }
        match reply.status() {
            StatusCode::NOT_FOUND => reply_to(&Fault::new(FaultKind::NotFound, "there is no such file"), call),
            status if status.is_server_error() => {
                tracing::error!(call = %call, path, "a file cannot be read");
                reply_to(&Fault::new(FaultKind::Internal, "the file cannot be read"), call)
            }
            _ => self.finished(reply, served),
        }
    }

    /// Answers with the file at `path` of the directory, if there is one.
    async fn serve(&self, head: &request::Parts, path: &str) -> Reply {
        let target = head.uri.query().map_or_else(|| path.to_owned(), |query| format!("{path}?{query}"));
        let mut request = Request::new(empty_body());
        *request.method_mut() = head.method.clone();
        // A path with another one's query is a target, as both were.
        *request.uri_mut() = Uri::try_from(target).unwrap_or_default();
        *request.headers_mut() = head.headers.clone();
        match self.serve.clone().oneshot(request).await {
            Ok(reply) => reply.map(|body| Body::new(body.map_err(|error| BodyError::Failed(error.to_string())))).into(),
            Err(never) => match never {},
        }
    }

    /// Adds to the reply how long it may be kept.
    fn finished(&self, mut reply: Reply, path: &str) -> Reply {
        let for_ever = self.immutable.iter().any(|immutable| immutable.matches(path));
        let kept = for_ever && (reply.status().is_success() || reply.status() == StatusCode::NOT_MODIFIED);
        let headers = reply.headers_mut();
        headers.insert(CACHE_CONTROL, if kept { FOR_EVER } else { ASK_AGAIN });
        headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        reply
    }
}

/// Whether somebody asks for a page, which the front end may know of, and not for a file that is gone: a script that gets a
/// page in its place fails in ways that are hard to understand.
fn is_page(path: &str, headers: &HeaderMap) -> bool {
    let name = path.rsplit('/').next().unwrap_or_default();
    let accepted = headers.get(ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    !name.contains('.') || accepted.contains("text/html")
}
