//! Questions as people ask them, and what the rules say.

use std::sync::Arc;

use patchbay_channel::RoutePolicy;
use patchbay_model::bus::{TopicSettings, Topics};
use patchbay_model::policy::{AccessRule, RouteSettings};

use super::*;
use crate::routes::{RouteEntry, RouteOwner, RouteTable};

fn rules(rules: &[&str]) -> Option<Vec<AccessRule>> {
    Some(rules.iter().map(|rule| rule.parse().unwrap()).collect())
}

fn book(strict: bool) -> Rulebook {
    let route = |route: &str, settings| RouteEntry {
        owner: RouteOwner::Service("orders".parse().unwrap()),
        policy: RoutePolicy::new(route.parse().unwrap(), settings, false).into(),
    };
    let topic =
        TopicSettings { publishers: rules(&["orders"]), subscribers: rules(&["shipping"]), ..Default::default() };
    let open = RouteSettings { anonymous: true, ..RouteSettings::default() };
    let for_writers = RouteSettings { callers: rules(&["scope:write POST,PUT"]), ..RouteSettings::default() };
    Rulebook {
        strict,
        services: [
            ("inventory".parse().unwrap(), rules(&["orders shop:inventory/stock.reserve", "web&scope:read GET"])),
            ("pricing".parse().unwrap(), None),
        ]
        .into(),
        routes: Arc::new(
            RouteTable::new([
                route("GET /api/*", RouteSettings::default()),
                route("POST,PUT /api/*", for_writers),
                route("/open", open),
            ])
            .unwrap(),
        ),
        topics: Topics::new([("shop.>".parse().unwrap(), topic)].into()).unwrap(),
    }
}

#[test]
fn questions_are_answered_by_the_rules() {
    // Whether it is allowed by a host that is not strict, and by one that is.
    for (caller, question, loose, strict) in [
        ("orders", "inventory shop:inventory/stock.reserve", "yes", "yes"),
        ("orders", "inventory shop:inventory/stock@0.1.0.reserve", "yes", "yes"),
        ("orders", "inventory shop:inventory/stock.release", "no", "no"),
        ("orders", "inventory GET", "no", "no"),
        ("web", "inventory GET", "no", "no"),
        ("web&user:ann&scope:read", "inventory GET", "yes", "yes"),
        ("web&user:ann&scope:read", "inventory POST", "no", "no"),
        ("web&scope:read", "inventory", "yes no no no no no", "yes no no no no no"),
        ("orders", "pricing", "yes", "no"),
        ("orders", "nobody", "", ""),
        ("outside", "GET /api/orders/1", "no", "no"),
        ("user:ann", "GET /api/orders/1", "yes", "no"),
        ("user:ann", "GET shop.example/api/orders/1", "yes", "no"),
        ("user:ann", "POST /api/orders", "no", "no"),
        ("user:ann&scope:write", "POST /api/orders", "yes", "yes"),
        ("outside", "DELETE /open", "yes", "yes"),
        ("outside", "GET /nowhere", "", ""),
        ("orders", "publish shop.orders.created", "yes", "yes"),
        ("web", "publish shop.orders.created", "no", "no"),
        ("shipping", "subscribe shop.orders.>", "yes", "yes"),
        ("orders", "subscribe shop.orders.>", "no", "no"),
        ("orders", "publish other", "yes", "no"),
        ("shipping", "subscribe *.orders", "yes yes", "yes no"),
    ] {
        let (caller, asked): (Caller, Question) = (caller.parse().unwrap(), question.parse().unwrap());
        for (book, wanted) in [(book(false), loose), (book(true), strict)] {
            let mut answers = book.answer(&caller, &asked);
            // Topics that the host has by itself are nobody's.
            answers.retain(|answer| !answer.asked.contains("dlq") && !answer.asked.contains("replay"));
            let words: Vec<_> = answers.iter().map(|answer| if answer.allowed { "yes" } else { "no" }).collect();
            assert_eq!(words.join(" "), wanted, "{caller}: {question}, strict: {}: {answers:#?}", book.strict);
        }
    }
}

#[test]
fn what_is_no_question_is_refused() {
    for text in ["", "Orders", "inventory nothing", "get /x", "publish", "publish a..b", "inventory a:b/c"] {
        let refused = text.parse::<Question>().err().map(|error| error.to_string());
        // A service may be named like an act.
        if text == "publish" {
            assert_eq!(refused, None);
        } else {
            assert!(refused.is_some_and(|error| error.contains("nothing to ask about")), "{text}");
        }
    }
    for text in ["", "*", "orders http", "orders&web", "Orders"] {
        assert!(text.parse::<Caller>().is_err_and(|error| error.to_string().contains("is nobody")), "{text}");
    }
}
