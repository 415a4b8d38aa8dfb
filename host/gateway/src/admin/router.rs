//! The list of endpoints, and nothing else.

mod refusals;

use std::sync::OnceLock;

use axum::Router;
use axum::extract::Request;
use axum::middleware::{from_fn_with_state, map_response};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::header::CONTENT_TYPE;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{OpenApi, SecurityRequirement};
use utoipa::{Modify, OpenApi as _};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::authenticate::authenticate;
use super::change::StepNews;
use super::rejection::Rejection;
use super::{
    AdminState, activity, authz, call, canary, components, dead_letters, discovery, health, host, journals, metrics,
    policy, publish, reload, revisions, services, subscriptions, tail, topics, traces,
};
use crate::dashboard;

/// What stands in the document besides the endpoints.
#[derive(utoipa::OpenApi)]
#[openapi(
    info(
        title = "Patchbay admin API",
        description = "Deploys, watches and removes the services of one host. Errors are problem details (RFC 9457).",
        license(name = "Apache-2.0", identifier = "Apache-2.0"),
    ),
    tags(
        (name = "services", description = "Services and their revisions"),
        (name = "components", description = "The WebAssembly components that revisions run"),
        (name = "messages", description = "Topics, what is published to them, subscriptions, and dead letters"),
        (name = "journals", description = "What happened, what services printed, and traces"),
        (name = "host", description = "The host itself"),
        (name = "probes", description = "For supervisors; open without a token"),
    ),
    components(schemas(StepNews)),
    modifiers(&Token),
)]
struct Document;

struct Token;

impl Modify for Token {
    fn modify(&self, document: &mut OpenApi) {
        let scheme = HttpBuilder::new()
            .scheme(HttpAuthScheme::Bearer)
            .description(Some("The token that the host made at its first start; it is in the state directory."))
            .build();
        document.components.get_or_insert_default().add_security_scheme("token", SecurityScheme::Http(scheme));
        document.security = Some(vec![SecurityRequirement::new("token", Vec::<String>::new())]);
    }
}

fn endpoints() -> OpenApiRouter<AdminState> {
    OpenApiRouter::with_openapi(Document::openapi())
        .routes(routes!(components::upload))
        .routes(routes!(services::list))
        .routes(routes!(services::show, services::remove))
        .routes(routes!(revisions::deploy))
        .routes(routes!(revisions::show))
        .routes(routes!(services::activate))
        .routes(routes!(services::rollback))
        .routes(routes!(canary::show, canary::start))
        .routes(routes!(canary::promote))
        .routes(routes!(canary::abort))
        .routes(routes!(call::call))
        .routes(routes!(discovery::discover))
        .routes(routes!(policy::policies))
        .routes(routes!(authz::explain))
        .routes(routes!(topics::list))
        .routes(routes!(publish::publish))
        .routes(routes!(tail::tail))
        .routes(routes!(subscriptions::list))
        .routes(routes!(dead_letters::list))
        .routes(routes!(dead_letters::show, dead_letters::discard))
        .routes(routes!(dead_letters::replay))
        .routes(routes!(journals::events))
        .routes(routes!(journals::logs))
        .routes(routes!(traces::list))
        .routes(routes!(traces::show))
        .routes(routes!(host::host))
        .routes(routes!(activity::activity))
        .routes(routes!(metrics::metrics))
        .routes(routes!(reload::reload))
        .routes(routes!(health::alive))
        .routes(routes!(health::ready))
        .routes(routes!(openapi))
}

/// The document as it is served.
fn document() -> OpenApi {
    let mut document = endpoints().into_openapi();
    refusals::add(&mut document);
    document
}

/// The document as text, made once.
fn document_text() -> Bytes {
    static TEXT: OnceLock<Bytes> = OnceLock::new();
    let text = TEXT.get_or_init(|| document().to_json().unwrap_or_else(|error| format!("\"{error}\"")).into());
    text.clone()
}

/// Shows this document.
#[utoipa::path(
    get, operation_id = "showDocument", path = "/openapi.json", tag = "probes", security(()),
    responses((status = 200, description = "The document", body = Object)),
)]
async fn openapi() -> Response {
    ([(CONTENT_TYPE, "application/json")], document_text()).into_response()
}

async fn unknown(request: Request) -> Rejection {
    Rejection::not_found(format!("`{}` is no path of this API; `/openapi.json` lists them", request.uri().path()))
}

async fn wrong_method() -> Rejection {
    Rejection::method_not_allowed()
}

/// The whole API, and the dashboard beside it.
pub(super) fn router(state: AdminState) -> Router {
    let (router, _) = endpoints().split_for_parts();
    router
        .fallback(unknown)
        .method_not_allowed_fallback(wrong_method)
        .layer(from_fn_with_state(state.clone(), authenticate))
        .merge(dashboard::router().method_not_allowed_fallback(wrong_method))
        .layer(map_response(dashboard::guarded))
        .with_state(state)
}

#[cfg(test)]
mod tests;
