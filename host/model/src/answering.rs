//! Which revision answers a call, for whoever wants to tell of it.

use std::sync::{Arc, Mutex, PoisonError};

use crate::RevisionId;

/// A place for the revision that works on a request. Whoever wants to know puts it among the extensions of the request; the
/// executor notes who takes it. The last one counts, where several did.
#[derive(Debug, Clone, Default)]
pub struct Answering(Arc<Mutex<Option<RevisionId>>>);

impl Answering {
    /// Notes that `revision` takes `request`, if somebody wants to know.
    pub fn note<B>(request: &http::Request<B>, revision: &RevisionId) {
        if let Some(Self(place)) = request.extensions().get() {
            *place.lock().unwrap_or_else(PoisonError::into_inner) = Some(revision.clone());
        }
    }

    /// The revision that took it last.
    pub fn revision(&self) -> Option<RevisionId> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_one_counts_and_nobody_has_to_ask() {
        let answering = Answering::default();
        let (first, last) = ("orders@1".parse().unwrap(), "spare@2".parse::<RevisionId>().unwrap());
        Answering::note(&http::Request::new(()), &first);
        assert_eq!(answering.revision(), None);
        let request = http::Request::builder().extension(answering.clone()).body(()).unwrap();
        Answering::note(&request, &first);
        Answering::note(&request, &last);
        assert_eq!(answering.revision(), Some(last));
    }
}
