//! A request while the gateway looks at it.

use http::{Request, request};
use patchbay_model::{Body, empty_body};

/// A request that the gateway has in hand. It stands in one place and is lent to whoever looks at it: handed from one to the
/// other, it would be copied each time, and each of them would keep room for it.
pub(super) struct InHand {
    pub(super) head: request::Parts,
    pub(super) body: Body,
}

impl InHand {
    /// Takes it in hand.
    pub(super) fn new(request: Request<Body>) -> Self {
        let (head, body) = request.into_parts();
        Self { head, body }
    }

    /// Hands it on. What stays is a request of nothing in particular.
    pub(super) fn hand_over(&mut self) -> Request<Body> {
        let Self { head, body } = std::mem::replace(self, Self::new(Request::new(empty_body())));
        Request::from_parts(head, body)
    }
}
