//! Rules as they are written, and whom they fit.

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::Proof;

#[test]
fn rules_have_one_written_form() {
    for text in [
        "orders",
        "*",
        "service:user",
        "orders http",
        "* http",
        "orders GET",
        "orders GET,POST",
        "orders shop:inventory/stock",
        "orders shop:inventory/stock@0.1.0",
        "orders shop:inventory/stock.reserve",
        "orders shop:inventory/stock@0.1.0.reserve",
        "user",
        "user:ann",
        "user:\"Ann & Bob\" GET",
        "issuer:corp&scope:orders.write POST,PUT",
        "orders&group:staff shop:inventory/stock.reserve",
        "claim:tenant=acme",
        "claim:realm.role=\"chief officer\"",
        "scope:https://example.com/orders.read",
    ] {
        assert_eq!(text.parse::<AccessRule>().map(|rule| rule.to_string()), Ok(text.to_owned()));
    }
    for (text, form) in
        [("service:orders", "orders"), ("  user  & scope:x   GET ", "user&scope:x GET"), ("user:\"ann\"", "user:ann")]
    {
        assert_eq!(text.parse::<AccessRule>().unwrap().to_string(), form);
    }
    let function = "a shop:inventory/stock@0.1.0.reserve".parse::<AccessRule>().unwrap();
    assert!(matches!(function.operation(), Operation::Function(_)), "{function:?}");
    let interface = "a shop:inventory/stock@0.1.0".parse::<AccessRule>().unwrap();
    assert!(matches!(interface.operation(), Operation::Interface(_)), "{interface:?}");
}

#[test]
fn what_is_no_rule_is_told_apart() {
    for (text, problem) in [
        ("", "a service has a name"),
        ("Orders", "a service has a name"),
        ("orders inventory", "what they may do"),
        ("orders http now", "what they may do"),
        ("orders get", "what they may do"),
        ("** http", "a service has a name"),
        ("orders shop:inventory/", "what they may do"),
        ("role:x", "before a colon"),
        ("scope:", "a value is missing"),
        ("scope:\"\"", "a value is missing"),
        ("scope:\"x", "a quote has no end"),
        ("scope:\"x\"GET", "after who, there is a space"),
        ("scope:x\"y", "a value has quotes"),
        ("claim:x", "a claim is written"),
        ("claim:=x", "a claim is written"),
        ("user&", "a service has a name"),
    ] {
        let error = text.parse::<AccessRule>().unwrap_err().to_string();
        assert!(error.contains(&format!("`{text}` is no rule: {problem}")), "{error}");
    }
}

#[test]
fn a_rule_fits_those_who_have_all_that_it_asks_for() {
    let claims = json!({
        "tenant": "acme", "level": 3, "staff": true, "roles": ["a", "b"], "realm": {"role": "chief", "list": [1]}, "a.b": "c",
        "none": null, "deep": [["x"]],
    });
    let ann = User {
        scopes: vec!["orders.read".to_owned()],
        groups: vec!["staff".to_owned()],
        claims: claims.as_object().unwrap().clone(),
        ..User::new(Proof::Token, "corp", "ann")
    };
    let orders = "orders".parse().unwrap();
    let (nobody, service) = (Asker::default(), Asker::service(&orders));
    let (user, both) = (Asker { service: None, user: Some(&ann) }, Asker::service_for(&orders, Some(&ann)));
    for (rule, fits) in [
        ("*", [false, true, true, true]),
        ("orders", [false, true, false, true]),
        ("web", [false; 4]),
        ("user", [false, false, true, true]),
        ("user:ann", [false, false, true, true]),
        ("user:bob", [false; 4]),
        ("issuer:corp", [false, false, true, true]),
        ("issuer:other", [false; 4]),
        ("scope:orders.read", [false, false, true, true]),
        ("scope:orders", [false; 4]),
        ("group:staff", [false, false, true, true]),
        ("group:other", [false; 4]),
        ("orders&user:ann", [false, false, false, true]),
        ("user:ann&group:staff&scope:orders.read", [false, false, true, true]),
        ("user:ann&group:other", [false; 4]),
        ("claim:tenant=acme", [false, false, true, true]),
        ("claim:tenant=acm", [false; 4]),
        ("claim:level=3", [false, false, true, true]),
        ("claim:level=4", [false; 4]),
        ("claim:level=03", [false, false, true, true]),
        ("claim:staff=true", [false, false, true, true]),
        ("claim:staff=false", [false; 4]),
        ("claim:roles=b", [false, false, true, true]),
        ("claim:roles=c", [false; 4]),
        ("claim:realm.role=chief", [false, false, true, true]),
        ("claim:realm.list=1", [false, false, true, true]),
        ("claim:realm=chief", [false; 4]),
        ("claim:a.b=c", [false, false, true, true]),
        ("claim:none=null", [false; 4]),
        ("claim:deep=x", [false; 4]),
        ("claim:absent=x", [false; 4]),
    ] {
        let rule: AccessRule = rule.parse().unwrap();
        assert_eq!([nobody, service, user, both].map(|asker| rule.is_for(asker)), fits, "{rule}");
    }
}

proptest! {
    /// Whatever is written: it is refused, or has a form that means the same.
    #[test]
    fn what_is_read_can_be_written(text in "[a-z*&:=\"., /@GETPOS]{0,40}") {
        if let Ok(rule) = text.parse::<AccessRule>() {
            prop_assert_eq!(rule.to_string().parse::<AccessRule>(), Ok(rule));
        }
    }
}
