//! The files of the page, which are part of the program.

use std::sync::LazyLock;

use axum::extract::Path;
use axum::response::{IntoResponse, Response};
use http::header::{CACHE_CONTROL, CONTENT_TYPE, ETAG, IF_NONE_MATCH};
use http::{HeaderMap, StatusCode};
use patchbay_model::Digest;

use super::KEPT;
use crate::admin::Rejection;

/// One file.
pub(crate) struct File {
    /// Where it is below the directory of the page.
    pub(crate) path: &'static str,
    text: &'static str,
}

/// Makes the list of the files out of their paths.
macro_rules! files {
    ($($path:literal),* $(,)?) => {
        &[$(File { path: $path, text: include_str!(concat!("page/", $path)) }),*]
    };
}

/// All of them. A test holds the list against the directory.
pub(crate) static FILES: &[File] = files![
    "base/api.js",
    "base/dialog.js",
    "base/dom.js",
    "base/follow.js",
    "base/format.js",
    "base/notice.js",
    "base/rates.js",
    "base/router.js",
    "base/sse.js",
    "base/state.js",
    "deploy/dialog.js",
    "deploy/difference.js",
    "deploy/drop.js",
    "deploy/name.js",
    "deploy/plan.js",
    "deploy/rough.js",
    "deploy/steps.js",
    "early.js",
    "graph/layout.js",
    "graph/model.js",
    "graph/view.js",
    "icon.svg",
    "main.js",
    "service/canary.js",
    "service/contract.js",
    "service/logs.js",
    "service/policies.js",
    "service/revisions.js",
    "service/try.js",
    "style/base.css",
    "style/controls.css",
    "style/frame.css",
    "style/graph.css",
    "style/parts.css",
    "style/service.css",
    "style/traces.css",
    "theme.js",
    "traces/spans.js",
    "traces/waterfall.js",
    "views/dead-letters.js",
    "views/events.js",
    "views/host.js",
    "views/overview.js",
    "views/service.js",
    "views/topics.js",
    "views/traces.js",
    "wit/form.js",
    "wit/parse.js",
    "wit/text.js",
    "wit/value.js",
];

/// Stands for all files as they are: their addresses have it, so that they can be kept for ever and a new program never
/// meets the files of an old one.
pub(crate) static BUILD: LazyLock<String> = LazyLock::new(|| {
    let all: Vec<u8> = FILES.iter().flat_map(|file| [file.path, "\0", file.text, "\0"]).flat_map(str::bytes).collect();
    short(&all)
});

/// Enough of the digest of `bytes` to tell versions of a file from each other.
fn short(bytes: &[u8]) -> String {
    let digest = Digest::of(bytes).to_string();
    digest.trim_start_matches("sha256:").chars().take(16).collect()
}

/// What a file is, by its name.
fn media(path: &str) -> &'static str {
    match path.rsplit('.').next() {
        Some("js") => "text/javascript; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("svg") => "image/svg+xml",
        _ => "text/plain; charset=utf-8",
    }
}

/// The one style sheet of the documents: all of them, one behind the other. Nothing is painted before the styles are there, so
/// they come at once.
const STYLE: &str = "style.css";

static SHEETS: LazyLock<String> =
    LazyLock::new(|| FILES.iter().filter(|file| file.path.ends_with(".css")).map(|file| file.text).collect());

/// The text at this address.
fn find(build: &str, path: &str) -> Option<&'static str> {
    if build != *BUILD {
        return None;
    }
    match path {
        STYLE => Some(SHEETS.as_str()),
        path => FILES.iter().find(|file| file.path == path).map(|file| file.text),
    }
}

/// Shows a file. Entity tags are weak, since compression changes the bytes on their way (RFC 9110, 8.8.1).
pub(super) async fn show(
    Path((build, path)): Path<(String, String)>,
    headers: HeaderMap,
) -> Result<Response, Rejection> {
    let text = find(&build, &path);
    let text = text.ok_or_else(|| Rejection::not_found(format!("the dashboard has no file `{build}/{path}`")))?;
    let tag = format!("W/\"{}\"", short(text.as_bytes()));
    let fields = [
        (CACHE_CONTROL, format!("public, max-age={}, immutable", KEPT.as_secs())),
        (CONTENT_TYPE, media(&path).to_owned()),
        (ETAG, tag.clone()),
    ];
    let known = headers.get_all(IF_NONE_MATCH).iter().filter_map(|value| value.to_str().ok());
    if known.flat_map(|tags| tags.split(',')).any(|known| known.trim() == tag || known.trim() == "*") {
        return Ok((StatusCode::NOT_MODIFIED, fields).into_response());
    }
    Ok((fields, text).into_response())
}
