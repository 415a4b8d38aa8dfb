//! What a route does to requests and replies at the edge of the host, before and after the channel.

mod cache;
mod compress;
mod cors;
mod files;
mod headers;
mod idempotency;
mod redirect;
mod rewrite;

pub use cache::CacheSettings;
pub use compress::CompressSettings;
pub use cors::{CorsSettings, OriginPattern, OriginPatternError};
pub use files::FilesSettings;
pub use headers::HeaderRules;
pub use idempotency::IdempotencySettings;
pub use redirect::RedirectSettings;
pub use rewrite::RewriteSettings;

use serde::{Deserialize, Serialize};

use super::Judge;
use crate::PathPattern;
use crate::settings::SettingsError;

/// What a route does at the edge. The default does nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct EdgeSettings {
    /// Another path and host for the service than those that the caller asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rewrite: Option<RewriteSettings>,
    /// What is done to the header of the request before the service sees it.
    #[serde(skip_serializing_if = "HeaderRules::is_empty")]
    pub request_headers: HeaderRules,
    /// What is done to the header of the reply before the caller sees it.
    #[serde(skip_serializing_if = "HeaderRules::is_empty")]
    pub response_headers: HeaderRules,
    /// Sends callers elsewhere, in place of a service.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub redirect: Option<RedirectSettings>,
    /// Which pages of other origins may call, and how.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cors: Option<CorsSettings>,
    /// Compresses replies.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub compress: Option<CompressSettings>,
    /// Has what carries the same `Idempotency-Key` run once.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub idempotency: Option<IdempotencySettings>,
    /// Keeps replies, and answers with them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cache: Option<CacheSettings>,
    /// Answers with files, in place of a service.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub files: Option<FilesSettings>,
}

impl EdgeSettings {
    /// Whether nothing is to be done.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Whether the route is answered at the edge, so that it leads to no service.
    pub const fn answers_itself(&self) -> bool {
        self.redirect.is_some() || self.files.is_some()
    }

    /// Everything that is wrong with these settings on any route; empty if they can be enforced.
    pub fn problems(&self) -> Vec<SettingsError> {
        let mut problems = Vec::new();
        let mut judge = Judge(&mut problems);
        if let Some(rewrite) = &self.rewrite {
            rewrite.judge(&mut judge);
        }
        self.request_headers.judge(&mut judge, headers::OF_REQUESTS);
        self.response_headers.judge(&mut judge, headers::OF_REPLIES);
        if let Some(redirect) = &self.redirect {
            redirect.judge(&mut judge);
        }
        if let Some(cors) = &self.cors {
            cors.judge(&mut judge);
        }
        if let Some(compress) = &self.compress {
            compress.judge(&mut judge);
        }
        if let Some(idempotency) = &self.idempotency {
            idempotency.judge(&mut judge);
        }
        if let Some(cache) = &self.cache {
            cache.judge(&mut judge);
        }
        if let Some(files) = &self.files {
            files.judge(&mut judge);
        }
        self.judge_together(&mut judge);
        problems
    }

    /// Refuses what would never have an effect, because no service is asked.
    fn judge_together(&self, judge: &mut Judge<'_>) {
        judge.require(
            self.redirect.is_none() || self.files.is_none(),
            "redirect",
            "cannot stand next to `files`: a route answers in one way",
        );
        let idle = "has no effect where `redirect` or `files` answers in place of a service; take it out";
        for (key, there) in [
            ("rewrite", self.rewrite.is_some()),
            ("request_headers", !self.request_headers.is_empty()),
            ("idempotency", self.idempotency.is_some()),
            ("cache", self.cache.is_some()),
        ] {
            judge.require(!(there && self.answers_itself()), key, idle);
        }
    }

    /// Everything that is wrong with these settings on a route of these paths, beyond [`EdgeSettings::problems`].
    pub fn problems_on(&self, paths: &PathPattern) -> Vec<SettingsError> {
        let mut problems = Vec::new();
        let mut judge = Judge(&mut problems);
        if let Some(rewrite) = &self.rewrite {
            rewrite.judge_on(paths, &mut judge);
        }
        if let Some(redirect) = &self.redirect {
            redirect.judge_on(paths, &mut judge);
        }
        if self.files.is_some() {
            let many = matches!(paths, PathPattern::Prefix(_));
            judge.require(many, "files", "needs a route of many paths, such as `/app/*`");
        }
        problems
    }
}

/// What all paths of a route begin with.
fn prefix_of(paths: &PathPattern) -> &str {
    match paths {
        PathPattern::Exact(path) | PathPattern::Prefix(path) => path,
    }
}

#[cfg(test)]
mod tests;
