//! The edges of the routes: each is made when the first request comes in by its route, and goes with the route.

use std::path::PathBuf;
use std::sync::Arc;

use patchbay_control::RoutePolicy;
use patchbay_model::ports::Clock;

use crate::edge::{Caches, Edge, EdgeParts};

/// What the edges share.
pub(super) struct Edges(EdgeParts);

impl Edges {
    /// None yet.
    pub(super) fn new(clock: Arc<dyn Clock>) -> Self {
        // Paths in settings are whole: the configuration says what they are relative to.
        Self(EdgeParts { directory: PathBuf::new(), clock, caches: Arc::<Caches>::default() })
    }

    /// What is kept on all routes.
    pub(super) fn caches(&self) -> &Caches {
        &self.0.caches
    }

    /// The edge of a route, if it has one.
    pub(super) fn of(&self, route: &RoutePolicy) -> Option<Arc<Edge>> {
        let settings = &route.settings.edge;
        if settings.is_empty() {
            return None;
        }
        let attached = route.edge.get_or_init(|| {
            let previous = route.previous_edge.clone().flatten().and_then(|edge| edge.downcast::<Edge>().ok());
            match Edge::new(settings, &route.route, &self.0, previous.as_deref()) {
                Ok(edge) => edge.map(|edge| Arc::new(edge) as _),
                Err(error) => {
                    tracing::error!(route = %route.route, "nothing answers at this route: {error}");
                    None
                }
            }
        });
        attached.clone()?.downcast().ok()
    }
}
