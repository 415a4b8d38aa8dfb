//! The document, held against its printed form and against the routes.

use http::StatusCode;
use utoipa::openapi::RefOr;
use utoipa::openapi::path::{Operation, ParameterIn};

use super::*;
use crate::admin::authenticate::OPEN;

fn operations(document: &OpenApi) -> Vec<(String, &'static str, &Operation)> {
    let mut operations = Vec::new();
    for (path, item) in &document.paths.paths {
        for (method, operation) in [
            ("GET", &item.get),
            ("POST", &item.post),
            ("PUT", &item.put),
            ("DELETE", &item.delete),
            ("PATCH", &item.patch),
        ] {
            operations.extend(operation.as_ref().map(|operation| (path.clone(), method, operation)));
        }
    }
    operations
}

#[test]
fn the_document_is_the_one_in_the_documentation() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/openapi.json");
    let text = document().to_pretty_json().unwrap() + "\n";
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(path, text).unwrap();
        return;
    }
    let found = std::fs::read_to_string(path).unwrap_or_default();
    assert!(found == text, "docs/openapi.json is not up to date; run the tests with UPDATE_GOLDEN=1 to rewrite it");
}

#[test]
fn the_document_says_everything() {
    let document = document();
    let operations = operations(&document);
    assert_eq!(operations.len(), 35);
    for (path, method, operation) in operations {
        assert!(operation.summary.is_some() && operation.tags.is_some(), "{method} {path}");
        assert!(operation.responses.responses.contains_key("200") || operation.responses.responses.contains_key("201"));
        let refuses = operation.responses.responses.contains_key("401");
        assert_ne!(refuses, OPEN.contains(&path.as_str()), "{method} {path}");
        for parameter in operation.parameters.iter().flatten() {
            let RefOr::T(parameter) = parameter else { panic!("{method} {path}: a parameter by reference") };
            let placed = path.contains(&format!("{{{}}}", parameter.name));
            assert_eq!(placed, parameter.parameter_in == ParameterIn::Path, "{method} {path}: {}", parameter.name);
        }
        let is_open = operation.security.is_some();
        assert_eq!(is_open, OPEN.contains(&path.as_str()), "{method} {path}: who needs no token says so");
    }
    let ids: Vec<_> = operations_ids(&document);
    let unique: std::collections::BTreeSet<_> = ids.iter().collect();
    assert_eq!(unique.len(), ids.len(), "{ids:?}");
}

fn operations_ids(document: &OpenApi) -> Vec<String> {
    operations(document).iter().filter_map(|(_, _, operation)| operation.operation_id.clone()).collect()
}

/// Every operation of the document has a route. The reverse holds by construction: routes are made of the handlers
/// that the document is made of.
#[tokio::test]
async fn every_operation_has_a_route() {
    let (router, document) = endpoints().split_for_parts();
    let router = router.fallback(async || StatusCode::IM_A_TEAPOT);
    let router = router.method_not_allowed_fallback(async || StatusCode::IM_A_TEAPOT);
    let host = crate::tests::host::Host::empty(crate::tests::host::says("here")).await;
    let router = router.with_state(crate::tests::host::admin_state(&host));
    for (path, method, _) in operations(&document) {
        let uri =
            path.replace("{name}", "UPPER").replace("{number}", "1").replace("{topic}", "a").replace("{sequence}", "1");
        let request = Request::builder().method(method).uri(uri).body(axum::body::Body::empty()).unwrap();
        let reply = tower_service::Service::call(&mut router.clone(), request).await.unwrap();
        assert_ne!(reply.status(), StatusCode::IM_A_TEAPOT, "{method} {path}");
    }
}
