//! What a route does to requests and replies at the edge of the host: rewrites, redirects, CORS, compression, idempotency keys,
//! a cache, and files. What a route does not ask for costs it nothing: it has no [`Edge`].
//!
//! A request goes through it from the outside to the inside, and its reply the other way:
//!
//! ```text
//! CORS -> compression -> header of the reply -> redirect | files | idempotency or cache -> header and path of the request -> channel
//! ```
//!
//! An [`Edge`] does not ask who may do what: whoever calls it has to have asked before, since a reply that is kept is told
//! without a word of the service.

mod budget;
mod cache;
mod collect;
mod compress;
mod cors;
mod fields;
mod files;
mod idempotency;
mod redirect;
mod rewrite;

use std::future::Future;
use std::io;
use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;

use http::{HeaderMap, Method, Request};
use patchbay_model::policy::EdgeSettings;
use patchbay_model::ports::Clock;
use patchbay_model::{Body, CallId, Reply, Route, User};
use tokio::time::Instant;

pub(crate) use cache::Caches;
pub(crate) use cors::preflight_method;

use cache::Cache;
use compress::Compress;
use cors::Cors;
use fields::Fields;
use files::Files;
use idempotency::{Idempotency, MemoryReplies};
use redirect::Redirect;
use rewrite::Rewrite;

/// What the edges of all routes share.
pub(crate) struct EdgeParts {
    /// What the directories of files are relative to.
    pub(crate) directory: PathBuf,
    /// Tells how old a reply is.
    pub(crate) clock: Arc<dyn Clock>,
    /// The caches of all routes.
    pub(crate) caches: Arc<Caches>,
}

/// Who sends a request, and what the host has decided for it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct EdgeCaller<'a> {
    /// Names the call in problems.
    pub(crate) call: CallId,
    /// The user, verified; `None` if nobody in particular.
    pub(crate) user: Option<&'a User>,
    /// The address that the request comes from.
    pub(crate) address: IpAddr,
    /// When the caller stops waiting.
    pub(crate) deadline: Instant,
    /// A number that grows whenever the route may be answered by another revision: replies of an earlier one are forgotten.
    pub(crate) generation: u64,
    /// Whether one of two revisions answers, and what one says is not what the other one would.
    pub(crate) split: bool,
}

/// Why a route cannot do what it is told.
#[derive(Debug, thiserror::Error)]
pub(crate) enum EdgeError {
    /// There is nothing to serve files from.
    #[error("the directory `{}` cannot be served: {error}; create it, or correct the path", path.display())]
    Directory {
        /// The directory.
        path: PathBuf,
        /// What the operating system said.
        error: io::Error,
    },
}

/// What one route does at the edge.
pub(crate) struct Edge {
    cors: Option<Cors>,
    compress: Option<Compress>,
    reply_fields: Fields,
    way: Way,
    caches: Arc<Caches>,
}

/// Where the replies of a route come from.
enum Way {
    Redirect(Redirect),
    Files(Box<Files>),
    Service(Box<Service>),
}

/// What is done around a service.
struct Service {
    idempotency: Option<Idempotency>,
    cache: Option<Cache>,
    request_fields: Fields,
    rewrite: Option<Rewrite>,
}

impl Edge {
    /// What `route` does at the edge; `None` if it does nothing. The problems of `settings` were excluded before.
    ///
    /// What was kept for idempotency keys under `previous`, the edge of the same route before a change of the
    /// configuration, is kept.
    ///
    /// # Errors
    /// [`EdgeError`] if there are no files to serve.
    pub(crate) fn new(
        settings: &EdgeSettings,
        route: &Route,
        parts: &EdgeParts,
        previous: Option<&Self>,
    ) -> Result<Option<Self>, EdgeError> {
        if settings.is_empty() {
            return Ok(None);
        }
        let way = if let Some(redirect) = &settings.redirect {
            Way::Redirect(Redirect::new(redirect, &route.path))
        } else if let Some(files) = &settings.files {
            let files = Files::new(files, &route.path, &parts.directory);
            Way::Files(Box::new(files.map_err(|(path, error)| EdgeError::Directory { path, error })?))
        } else {
            Way::Service(Box::new(Service::new(settings, route, parts, previous.and_then(Self::idempotency))))
        };
        Ok(Some(Self {
            cors: settings.cors.as_ref().map(|cors| Cors::new(cors, &route.methods)),
            compress: settings.compress.as_ref().map(Compress::new),
            reply_fields: Fields::new(&settings.response_headers),
            way,
            caches: Arc::clone(&parts.caches),
        }))
    }

    const fn idempotency(&self) -> Option<&Idempotency> {
        match &self.way {
            Way::Service(service) => service.idempotency.as_ref(),
            Way::Redirect(_) | Way::Files(_) => None,
        }
    }

    /// What its cache did, if it has one, by the names in metrics.
    pub(crate) fn cache_counts(&self) -> Option<impl Iterator<Item = (&'static str, u64)>> {
        match &self.way {
            Way::Service(service) => service.cache.as_ref().map(Cache::counts),
            Way::Redirect(_) | Way::Files(_) => None,
        }
    }

    /// Answers the question of a browser whether it may send a request to another origin; `None` if it is no such question,
    /// or the route has nothing to say to it. To be asked before any credential is: browsers send none.
    pub(crate) async fn preflight(&self, method: &Method, headers: &HeaderMap) -> Option<Reply> {
        let cors = self.cors.as_ref()?;
        preflight_method(method, headers)?;
        Some(cors.preflight(Cors::asked(method, headers)).await)
    }

    /// Answers a request, where necessary by `next`, which takes it through the channel and makes replies of faults.
    ///
    /// The caller has to be allowed to ask the service. Dropping the future cancels the call.
    pub(crate) async fn answer<F: Future<Output = Reply>>(
        &self,
        request: Request<Body>,
        from: &EdgeCaller<'_>,
        next: impl FnOnce(Request<Body>) -> F,
    ) -> Reply {
        let cors = self.cors.as_ref().map(|cors| (cors, Cors::asked(request.method(), request.headers())));
        let compress = self.compress.as_ref().and_then(|compress| Some((compress, compress.asked(request.headers())?)));
        let mut reply = match &self.way {
            Way::Redirect(redirect) => redirect.answer(request.uri()),
            Way::Files(files) => files.answer(request, from.call).await,
            Way::Service(service) => {
                let changed = self.caches.changed_by(request.method(), request.uri(), request.headers());
                let reply = service.answer(request, from, next).await;
                self.caches.forget(changed, reply.status());
                reply
            }
        };
        self.reply_fields.apply(reply.headers_mut());
        if let Some((compress, asked)) = compress {
            reply = compress.apply(asked, reply).await;
        }
        match cors {
            Some((cors, asked)) => cors.apply(asked, reply).await,
            None => reply,
        }
    }
}

impl Edge {
    /// Makes of the reply to a request that was refused what its caller can read, if that is a page of another origin.
    pub(crate) async fn refused(&self, method: &Method, headers: &HeaderMap, reply: Reply) -> Reply {
        match &self.cors {
            Some(cors) => cors.apply(Cors::asked(method, headers), reply).await,
            None => reply,
        }
    }
}

impl Service {
    fn new(settings: &EdgeSettings, route: &Route, parts: &EdgeParts, previous: Option<&Idempotency>) -> Self {
        let kept = || previous.map_or_else(|| Arc::new(MemoryReplies::default()) as _, |one| Arc::clone(&one.store));
        let idempotency = settings.idempotency.as_ref();
        Self {
            idempotency: idempotency.map(|settings| Idempotency::new(settings, route.to_string(), kept())),
            cache: settings.cache.as_ref().map(|settings| Cache::new(settings, parts)),
            request_fields: Fields::new(&settings.request_headers),
            rewrite: settings.rewrite.as_ref().map(|rewrite| Rewrite::new(rewrite, &route.path)),
        }
    }

    async fn answer<F: Future<Output = Reply>>(
        &self,
        request: Request<Body>,
        from: &EdgeCaller<'_>,
        next: impl FnOnce(Request<Body>) -> F,
    ) -> Reply {
        let next = |request| next(self.dressed(request));
        match (&self.idempotency, &self.cache) {
            (Some(keys), _) if keys.is_for(request.method()) => keys.answer(request, from, next).await,
            (_, Some(cache)) => cache.answer(request, from, next).await,
            _ => next(request).await,
        }
    }

    /// The request as the service sees it.
    fn dressed(&self, request: Request<Body>) -> Request<Body> {
        let (mut head, body) = request.into_parts();
        if let Some(rewrite) = &self.rewrite {
            rewrite.apply(&mut head);
        }
        self.request_fields.apply(&mut head.headers);
        Request::from_parts(head, body)
    }
}

#[cfg(test)]
mod tests;
