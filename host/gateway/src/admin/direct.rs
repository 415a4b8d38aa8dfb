//! The admin API without a listener, for whoever brings the requests in some other way: the fuzz target.

use axum::Router;
use axum::body::Body;
use bytes::Bytes;
use http::header::AUTHORIZATION;
use http::{HeaderValue, Request, Response};
use http_body_util::BodyExt;
use tower_service::Service;

use super::{AdminConfig, AdminState, Administered, router};

/// The admin API, asked directly.
#[derive(Clone)]
pub struct DirectAdmin {
    router: Router,
    authorization: HeaderValue,
}

impl DirectAdmin {
    /// The admin API of `host`.
    pub fn new(config: AdminConfig, host: Administered) -> Self {
        let authorization = host.token.authorization();
        let state = AdminState::new(config, host);
        Self { router: router::router(state), authorization }
    }

    /// The answer to a request, with its whole body. The request need not carry the token.
    pub async fn answer(&self, mut request: Request<Bytes>) -> Response<Bytes> {
        request.headers_mut().insert(AUTHORIZATION, self.authorization.clone());
        let answered = self.router.clone().call(request.map(Body::from)).await;
        let (head, body) = answered.unwrap_or_else(|never| match never {}).into_parts();
        // A body of the API fails only if its connection does, and there is none.
        let body = body.collect().await.map(http_body_util::Collected::to_bytes).unwrap_or_default();
        Response::from_parts(head, body)
    }
}
