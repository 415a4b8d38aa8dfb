//! What any endpoint may refuse before it begins: who has no token, and what cannot be read. The document says so of all of them
//! in the same words, where they say nothing of their own.

use utoipa::openapi::path::Operation;
use utoipa::openapi::{ContentBuilder, OpenApi, Ref, Response, ResponseBuilder};

/// The refusals of an endpoint behind the token.
const UNKNOWN: [(&str, &str); 1] = [("401", "The token is missing or wrong")];

/// Those of an endpoint whose path or query has something to be read.
const UNREADABLE: [(&str, &str); 1] = [("400", "The request is wrong")];

/// Those of an endpoint with a body.
const UNREADABLE_BODY: [(&str, &str); 4] = [
    ("400", "The request is wrong"),
    ("408", "The body did not come in time"),
    ("413", "The body is too large"),
    ("415", "The body is of another media type"),
];

/// Adds the refusals to every operation.
pub(super) fn add(document: &mut OpenApi) {
    for item in document.paths.paths.values_mut() {
        let operations = [&mut item.get, &mut item.post, &mut item.put, &mut item.patch, &mut item.delete];
        operations.into_iter().flatten().for_each(add_to);
    }
}

fn add_to(operation: &mut Operation) {
    let mut refusals = Vec::new();
    if operation.security.is_none() {
        refusals.extend(UNKNOWN);
    }
    if operation.parameters.as_ref().is_some_and(|parameters| !parameters.is_empty()) {
        refusals.extend(UNREADABLE);
    }
    if operation.request_body.is_some() {
        refusals.extend(UNREADABLE_BODY);
    }
    for (status, description) in refusals {
        operation.responses.responses.entry(status.to_owned()).or_insert_with(|| problem(description).into());
    }
}

fn problem(description: &str) -> Response {
    let content = ContentBuilder::new().schema(Some(Ref::from_schema_name("Problem"))).build();
    ResponseBuilder::new().description(description).content("application/problem+json", content).build()
}
