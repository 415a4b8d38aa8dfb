//! The caches of all routes: what changes under a URI through one route is forgotten in all of them (RFC 9111, 4.4).

use std::sync::{Arc, PoisonError, RwLock, Weak};

use http::header::HOST;
use http::{HeaderMap, Method, StatusCode, Uri, request};

use super::store::Store;

/// The caches of all routes.
#[derive(Debug, Default)]
pub(crate) struct Caches(RwLock<Vec<Weak<Store>>>);

impl Caches {
    pub(super) fn add(&self, store: &Arc<Store>) {
        let mut stores = self.0.write().unwrap_or_else(PoisonError::into_inner);
        // Those of routes that are gone.
        stores.retain(|store| store.strong_count() > 0);
        stores.push(Arc::downgrade(store));
    }

    /// The URI that a request may change, before it is sent; `None` if it changes nothing, or nothing is kept.
    pub(crate) fn changed_by(&self, method: &Method, uri: &Uri, headers: &HeaderMap) -> Option<String> {
        let safe = method.is_safe() || *method == Method::TRACE;
        if safe || self.0.read().unwrap_or_else(PoisonError::into_inner).is_empty() {
            return None;
        }
        Some(key(headers, uri))
    }

    /// Forgets what is kept of a URI, if what was to change it was not refused.
    pub(crate) fn forget(&self, changed: Option<String>, status: StatusCode) {
        let Some(key) = changed.filter(|_| status.is_success() || status.is_redirection()) else { return };
        for store in self.0.read().unwrap_or_else(PoisonError::into_inner).iter().filter_map(Weak::upgrade) {
            store.forget(&key);
        }
    }
}

/// What a reply to this request is kept under.
pub(super) fn key_of(head: &request::Parts) -> String {
    key(&head.headers, &head.uri)
}

fn key(headers: &http::HeaderMap, uri: &http::Uri) -> String {
    let host = headers.get(HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    let target = uri.path_and_query().map_or("/", |target| target.as_str());
    // No host has a slash in it, and every path begins with one.
    format!("{}{target}", host.to_ascii_lowercase())
}
